/** What docs/kubernetes-platforms.md tells to set can be set, and its security context constraints let the pod through. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { parse } from "yaml";

import { fences, readDocument } from "../docs/documents.js";
import { renderPod, template, type Values } from "./chart.js";

/** Part of SecurityContextConstraints of security.openshift.io/v1. */
interface Constraints {
  readonly kind: "SecurityContextConstraints";
  readonly allowHostPID: boolean;
  readonly allowHostNetwork: boolean;
  readonly allowHostIPC: boolean;
  readonly allowPrivilegedContainer: boolean;
  readonly allowPrivilegeEscalation: boolean;
  readonly allowedCapabilities: readonly string[];
  readonly readOnlyRootFilesystem: boolean;
  readonly seccompProfiles: readonly string[];
  readonly volumes: readonly string[];
  readonly users: readonly string[];
}

const blocks = fences(readDocument("docs/kubernetes-platforms.md"))
  .filter(({ language }) => language === "yaml")
  .map(({ code }) => parse(code) as Values | Constraints);
const isConstraints = (block: Values | Constraints): block is Constraints =>
  block.kind === "SecurityContextConstraints";
const values = blocks.filter((block): block is Values => !isConstraints(block));

describe("the values of docs/kubernetes-platforms.md", () => {
  for (const block of values) {
    it(JSON.stringify(block), () => {
      const rendered = template(block);
      assert.equal(rendered.status, 0, rendered.stderr);
      assert.notEqual(rendered.stdout, template({}).stdout, "they change nothing");
    });
  }

  it("are some", () => {
    assert.ok(values.length >= 3);
  });
});

describe("the security context constraints", () => {
  const [constraints, ...others] = blocks.filter(isConstraints);

  it("let the chart's pod through, with what OpenShift needs, and allow nothing else", () => {
    assert.ok(constraints !== undefined && others.length === 0);
    const { pod, container } = renderPod({
      config: { kubernetes: { enabled: "on" } },
      web: { configSecret: "web" },
      securityContext: { seLinuxOptions: { type: "spc_t" } },
    });
    const { securityContext } = container;
    const { add } = securityContext.capabilities as { add: readonly string[] };
    assert.deepEqual([...constraints.allowedCapabilities].sort(), [...add].sort());
    assert.deepEqual(
      [constraints.allowHostPID, constraints.allowHostNetwork, constraints.allowHostIPC],
      [pod.hostPID ?? false, pod.hostNetwork ?? false, pod.hostIPC ?? false],
    );
    assert.equal(constraints.allowPrivilegedContainer, securityContext.privileged);
    assert.equal(constraints.allowPrivilegeEscalation, securityContext.allowPrivilegeEscalation);
    assert.equal(constraints.readOnlyRootFilesystem, securityContext.readOnlyRootFilesystem);
    assert.deepEqual(securityContext.seccompProfile, { type: "RuntimeDefault" });
    assert.deepEqual(constraints.seccompProfiles, ["runtime/default"]);
    // The API server adds the token as a projected volume.
    const used = pod.volumes.flatMap((volume) => Object.keys(volume).filter((key) => key !== "name"));
    assert.deepEqual([...new Set([...used, "projected"])].sort(), [...constraints.volumes].sort());
  });

  it("are the service account's", () => {
    const { stdout } = template({ fullnameOverride: "ringtap", namespaceOverride: "ringtap" });
    assert.match(stdout, /serviceAccountName: ringtap$/m);
    assert.deepEqual(constraints?.users, ["system:serviceaccount:ringtap:ringtap"]);
  });
});
