/** What the chart asks for: no more than docs/security.md says is needed. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { parse } from "yaml";

import { fences, readDocument } from "../docs/documents.js";
import { kinds, only, render, renderPod, type Values } from "./chart.js";
import type { Kinds } from "./kinds.js";
import { valueSets } from "./value-sets.js";

describe("by default the agent", () => {
  const { pod, container } = renderPod();

  it("has the capabilities that docs/security.md asks for, and nothing else", () => {
    const [, names = ""] = /^(CAP_\w+(?: and CAP_\w+)*) are all it takes/m.exec(readDocument("docs/security.md")) ?? [];
    const documented = names.split(" and ").map((name) => name.replace("CAP_", ""));
    assert.deepEqual(container.securityContext, {
      runAsUser: 0,
      runAsGroup: 0,
      privileged: false,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"], add: documented },
      readOnlyRootFilesystem: true,
      seccompProfile: { type: "RuntimeDefault" },
    });
  });

  it("shares the host's pids, and no other namespace", () => {
    assert.deepEqual([pod.hostPID, pod.hostNetwork ?? false, pod.hostIPC ?? false], [true, false, false]);
  });

  it("mounts nothing of the host's, and writes to nothing", () => {
    assert.deepEqual(
      pod.volumes.map(({ name }) => name),
      ["config"],
    );
    assert.equal(pod.volumes[0]?.hostPath, undefined);
    assert.deepEqual(
      container.volumeMounts.filter(({ readOnly }) => readOnly !== true),
      [],
    );
  });
});

describe("on demand the agent", () => {
  it("is privileged, without what Kubernetes refuses beside it", () => {
    const { securityContext } = renderPod({ securityContext: { privileged: true } }).container;
    assert.equal(securityContext.privileged, true);
    assert.deepEqual([securityContext.allowPrivilegeEscalation, securityContext.capabilities], [undefined, undefined]);
  });

  it("has further capabilities, a filter and a type", () => {
    const { securityContext } = renderPod(valueSets["more capabilities"]).container;
    assert.deepEqual(securityContext.capabilities, {
      drop: ["ALL"],
      add: ["BPF", "PERFMON", "SYS_RESOURCE", "SYS_ADMIN"],
    });
    assert.deepEqual(securityContext.seccompProfile, { type: "Unconfined" });
    assert.deepEqual(securityContext.seLinuxOptions, { type: "spc_t" });
  });
});

describe("of the API server it may ask for", () => {
  /** What may be done in the whole cluster. */
  function allowed(values: Values = {}): unknown {
    return only(render(values), "ClusterRole").rules;
  }

  const [example] = fences(readDocument("docs/kubernetes.md")).filter(({ code }) => code.includes("kind: ClusterRole"));
  const [pods, ...peers] = (parse(example?.code ?? "") as Kinds["ClusterRole"]).rules;

  it("pods, for their names", () => {
    assert.deepEqual(allowed(), [pods]);
  });

  it("pods, for their labels", () => {
    const values: Values = { config: { labels: ["comm"], kubernetes: { "pod-labels": ["app"] } } };
    assert.deepEqual(allowed(values), [pods]);
  });

  it("services and their endpoints too, to name peers", () => {
    assert.deepEqual(allowed(valueSets["names of peers"]), [pods, ...peers]);
  });

  it("services and their endpoints alone, where nothing else is asked for", () => {
    const values: Values = { config: { labels: ["comm"], peer: { labels: ["peer_service"] } } };
    assert.deepEqual(allowed(values), peers);
  });

  for (const name of ["nothing of the API server", "an API server that is not to be asked"]) {
    it(`nothing, without a token: ${name}`, () => {
      const values = valueSets[name];
      const { pod, container } = renderPod(values);
      assert.equal(pod.automountServiceAccountToken, false);
      assert.equal(container.env, undefined);
      assert.deepEqual(kinds(render(values)), ["ConfigMap", "DaemonSet", "NetworkPolicy", "ServiceAccount"]);
      assert.deepEqual(only(render(values), "NetworkPolicy").spec.egress, []);
    });
  }

  it("with a token, where it may ask at all", () => {
    assert.equal(renderPod().pod.automountServiceAccountToken, true);
  });

  it("whatever its account may", () => {
    const binding = only(render(), "ClusterRoleBinding");
    const role = only(render(), "ClusterRole");
    const account = only(render(), "ServiceAccount");
    assert.equal(binding.roleRef.name, role.metadata.name);
    assert.deepEqual(binding.subjects, [
      { kind: "ServiceAccount", name: account.metadata.name, namespace: account.metadata.namespace },
    ]);
  });
});
