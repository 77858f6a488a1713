/** Every object that the chart renders is one that Kubernetes and the Prometheus operator take. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

import { kinds, lint, only, parseObjects, render, type KubernetesObject } from "./chart.js";
import { schemaProblems, typeProblems } from "./models.js";
import { valueSets } from "./value-sets.js";

const rendered = Object.entries(valueSets).map(([name, values]) => ({ name, values, objects: render(values) }));

for (const { name, values, objects } of rendered) {
  describe(`with ${name} values`, () => {
    it("has nothing to be linted", () => {
      const { status, stdout, stderr } = lint(values);
      assert.equal(status, 0, stdout + stderr);
    });

    it("makes objects that the schemas take", () => {
      assert.deepEqual(objects.flatMap(schemaProblems), []);
    });

    it("puts what has a namespace into the release's", () => {
      const elsewhere = objects.filter(
        ({ kind, metadata }) =>
          metadata.namespace !== (/^(Namespace|ClusterRole(Binding)?)$/.test(kind) ? undefined : "observability"),
      );
      assert.deepEqual(elsewhere, []);
    });
  });
}

it("names no member that Kubernetes does not know", () => {
  assert.deepEqual(typeProblems(rendered.flatMap(({ objects }) => objects)), []);
});

describe("what checks them", () => {
  const objects = render();

  /** The DaemonSet with one member of its pod changed. */
  function spoilt(member: string, value: unknown): KubernetesObject {
    const daemonSet = structuredClone(only(objects, "DaemonSet"));
    Object.assign(daemonSet.spec.template.spec, { [member]: value });
    return daemonSet as unknown as KubernetesObject;
  }

  it("finds a value of the wrong type", () => {
    const object = spoilt("hostPID", "yes");
    assert.deepEqual(schemaProblems(object), [
      "DaemonSet agents-ringtap: data/spec/template/spec/hostPID must be boolean",
    ]);
  });

  it("finds a member that is misspelt", () => {
    const [problem = "", ...others] = typeProblems([spoilt("hostPid", true)]);
    assert.deepEqual(others, []);
    assert.match(problem, /'"hostPid"' does not exist in type 'IPodSpec'/);
  });
});

describe("which objects there are", () => {
  const usual = ["ClusterRole", "ClusterRoleBinding", "ConfigMap", "DaemonSet", "ServiceAccount"];

  function kindsWith(name: string): readonly string[] {
    return kinds(rendered.find((set) => set.name === name)?.objects ?? []);
  }

  it("with the chart's own values", () => {
    assert.deepEqual(kindsWith("the chart's own"), usual);
  });

  it("with all options on", () => {
    const options = ["ConfigMap", "Namespace", "NetworkPolicy", "PodMonitor", "PrometheusRule"];
    assert.deepEqual(kindsWith("everything in it"), [...usual, ...options].toSorted());
  });

  it("with a ServiceMonitor", () => {
    assert.deepEqual(kindsWith("a ServiceMonitor"), [...usual, "Service", "ServiceMonitor"].toSorted());
  });

  it("with labels that need no API server", () => {
    assert.deepEqual(kindsWith("nothing of the API server"), [
      "ConfigMap",
      "DaemonSet",
      "NetworkPolicy",
      "ServiceAccount",
    ]);
  });

  it("with an account that exists", () => {
    assert.deepEqual(kindsWith("an account of somebody else's"), ["ConfigMap", "DaemonSet"]);
  });
});

describe("deploy/kubernetes/ringtap.yaml", () => {
  it("is what `npm run manifest` writes", () => {
    const script = new URL("../../scripts/generate/manifest.js", import.meta.url).pathname;
    const { status, stderr } = spawnSync(process.execPath, [script, "--check"], { encoding: "utf8" });
    assert.equal(status, 0, stderr);
  });

  it("is the chart with its own values, and a namespace", () => {
    const objects = parseObjects(
      readFileSync(new URL("../../../deploy/kubernetes/ringtap.yaml", import.meta.url), "utf8"),
    );
    assert.deepEqual(objects.flatMap(schemaProblems), []);
    assert.deepEqual(kinds(objects), kinds(render({ namespace: { create: true } })));
  });
});
