/** Kubernetes's own opinion of objects, by the packages that are generated from its schemas. */
import assert from "node:assert/strict";

import { PodMonitor } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PodMonitor";
import { PrometheusRule } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule";
import { ServiceMonitor } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor";
import { DaemonSet } from "kubernetes-models/apps/v1/DaemonSet";
import { NetworkPolicy } from "kubernetes-models/networking.k8s.io/v1/NetworkPolicy";
import { ClusterRole } from "kubernetes-models/rbac.authorization.k8s.io/v1/ClusterRole";
import { ClusterRoleBinding } from "kubernetes-models/rbac.authorization.k8s.io/v1/ClusterRoleBinding";
import { ConfigMap } from "kubernetes-models/v1/ConfigMap";
import { Namespace } from "kubernetes-models/v1/Namespace";
import { Service } from "kubernetes-models/v1/Service";
import { ServiceAccount } from "kubernetes-models/v1/ServiceAccount";
import ts from "typescript";

import type { KubernetesObject } from "./chart.js";

interface Model {
  readonly apiVersion: string;
  readonly kind: string;
  new (data: never): { validate(): void };
}

const kubernetes = "kubernetes-models";
const operator = "@kubernetes-models/prometheus-operator";

const models: readonly (readonly [source: string, model: Model])[] = [
  [kubernetes, DaemonSet],
  [kubernetes, ClusterRole],
  [kubernetes, ClusterRoleBinding],
  [kubernetes, ConfigMap],
  [kubernetes, Namespace],
  [kubernetes, NetworkPolicy],
  [kubernetes, Service],
  [kubernetes, ServiceAccount],
  [operator, PodMonitor],
  [operator, PrometheusRule],
  [operator, ServiceMonitor],
];

function modelOf({ apiVersion, kind }: KubernetesObject): readonly [source: string, model: Model] {
  const found = models.find(([, model]) => model.apiVersion === apiVersion && model.kind === kind);
  assert(found !== undefined, `no schema for ${apiVersion} ${kind}`);
  return found;
}

/** What the JSON schema of an object's kind has against it: wrong types, missing members, numbers out of range. */
export function schemaProblems(object: KubernetesObject): readonly string[] {
  const [, Model] = modelOf(object);
  try {
    new Model(object as never).validate();
    return [];
  } catch (error) {
    return [`${object.kind} ${object.metadata.name}: ${(error as Error).message}`];
  }
}

/** Where a file would lie whose imports are those of this checkout. There is none. */
const path = new URL("../../../rendered.ts", import.meta.url).pathname;

/**
 * What the compiler has against objects written out as values of their kinds' types: members that there are none of, which JSON
 * schemas let pass.
 */
export function typeProblems(objects: readonly KubernetesObject[]): readonly string[] {
  const statements = objects.map((object, index) => {
    const [source, { apiVersion, kind }] = modelOf(object);
    const type = `import("${source}/${apiVersion}/${kind}").I${kind}`;
    return `export const object${index}: ${type} = ${JSON.stringify(object)};`;
  });
  const options: ts.CompilerOptions = {
    module: ts.ModuleKind.NodeNext,
    noEmit: true,
    skipLibCheck: true,
    strict: true,
    target: ts.ScriptTarget.ES2022,
    types: [],
  };
  const host = ts.createCompilerHost(options);
  const source = ts.createSourceFile(path, statements.join("\n"), ts.ScriptTarget.ES2022, true);
  const onDisk = host.getSourceFile.bind(host);
  host.getSourceFile = (name, ...how) => (name === path ? source : onDisk(name, ...how));
  const program = ts.createProgram([path], options, host);
  return program
    .getSemanticDiagnostics(source)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, " "));
}
