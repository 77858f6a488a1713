/** Rendering the chart of this checkout. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { parse, parseAllDocuments } from "yaml";

import { helm, type Outcome } from "../../scripts/generate/helm.js";
import type { Container, Kinds, Pod } from "./kinds.js";

/** The chart's folder, as seen from the checkout's root. */
const chartFolder = "deploy/helm/ringtap";

/** What helm is told to change of the chart's values. */
export type Values = Readonly<Record<string, unknown>>;

/** An object of Kubernetes, of any kind. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** The text of a file of the chart. */
export function chartFile(path: string): string {
  return readFileSync(new URL(`../../../${chartFolder}/${path}`, import.meta.url), "utf8");
}

/** The chart's own values. */
export function defaultValues(): Record<string, unknown> {
  return parse(chartFile("values.yaml")) as Record<string, unknown>;
}

/** Has helm do something with the chart and a file of values. */
function withValues(values: Values, run: (...options: readonly string[]) => Outcome): Outcome {
  const folder = mkdtempSync(join(tmpdir(), "ringtap-values-"));
  try {
    const path = join(folder, "values.yaml");
    writeFileSync(path, JSON.stringify(values));
    return run(chartFolder, "--values", path, "--namespace", "observability");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** `helm lint --strict` */
export function lint(values: Values): Outcome {
  return withValues(values, (...options) => helm("lint", "--strict", ...options));
}

/** `helm template`, of a release `agents` in the namespace `observability`. */
export function template(values: Values): Outcome {
  return withValues(values, (...options) => helm("template", "agents", ...options));
}

/** The objects in a stream of YAML documents. */
export function parseObjects(text: string): readonly KubernetesObject[] {
  const documents = parseAllDocuments(text);
  assert(!("empty" in documents), "no documents");
  return documents.flatMap((document) => {
    assert.deepEqual(document.errors, []);
    return document.contents === null ? [] : [document.toJS() as KubernetesObject];
  });
}

/** The objects that `helm template` renders. */
export function render(values: Values = {}): readonly KubernetesObject[] {
  const { status, stdout, stderr } = template(values);
  assert.equal(status, 0, stderr);
  return parseObjects(stdout);
}

/** The one object of a kind. */
export function only<Name extends keyof Kinds>(objects: readonly KubernetesObject[], kind: Name): Kinds[Name] {
  const found = objects.filter((object) => object.kind === kind);
  assert.equal(found.length, 1, `objects of kind ${kind}`);
  return found[0] as unknown as Kinds[Name];
}

/** The pod that the chart renders, and its container. */
export function renderPod(values: Values = {}): { readonly pod: Pod; readonly container: Container } {
  const pod = only(render(values), "DaemonSet").spec.template.spec;
  return { pod, container: pod.containers[0] };
}

export function kinds(objects: readonly KubernetesObject[]): readonly string[] {
  return objects.map(({ kind }) => kind).toSorted();
}
