/** How Prometheus finds the agents, with its operator and without. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { parse, stringify } from "yaml";

import { fences, readDocument } from "../docs/documents.js";
import { only, render, renderPod } from "./chart.js";
import { checkFiles } from "./queries.js";
import { valueSets } from "./value-sets.js";

/** The labels of a pod's target by Prometheus's own account, those with two underscores left out; none when it is dropped. */
function targetLabels(relabellings: readonly unknown[], discovered: Readonly<Record<string, string>>): object {
  const job = {
    job_name: "ringtap",
    // Debian's Prometheus is built without Kubernetes.
    static_configs: [{ targets: ["10.0.0.1:19435"], labels: discovered }],
    relabel_configs: relabellings,
  };
  const files = { "prometheus.yml": stringify({ scrape_configs: [job] }) };
  const { status, output } = checkFiles(["check", "service-discovery", "--timeout=1s"], files, "ringtap");
  assert.equal(status, 0, output);
  const [target] = JSON.parse(output) as readonly { labels: Readonly<Record<string, string>> }[];
  return Object.fromEntries(Object.entries(target?.labels ?? {}).filter(([name]) => !name.startsWith("__")));
}

const container = renderPod().container;
const pod = {
  ...Object.fromEntries(
    Object.entries(only(render(), "DaemonSet").spec.template.metadata.labels).map(([name, value]) => [
      `__meta_kubernetes_pod_label_${name.replace(/\W/g, "_")}`,
      value,
    ]),
  ),
  __meta_kubernetes_pod_container_port_name: container.ports[0]?.name ?? "",
  __meta_kubernetes_pod_node_name: "node-1",
};

describe("the scrape configuration of docs/kubernetes-deploy.md", () => {
  const [example] = fences(readDocument("docs/kubernetes-deploy.md")).filter(({ language }) => language === "yaml");
  const { scrape_configs: jobs } = parse(example?.code ?? "") as {
    scrape_configs: readonly [{ relabel_configs: readonly unknown[] }];
  };
  const relabellings = jobs[0].relabel_configs;

  it("finds the chart's pods, by the names of their nodes", () => {
    assert.deepEqual(targetLabels(relabellings, pod), { job: "ringtap", instance: "node-1" });
  });

  it("leaves other pods alone", () => {
    const other = { ...pod, __meta_kubernetes_pod_label_app_kubernetes_io_name: "other" };
    assert.deepEqual(targetLabels(relabellings, other), {});
  });
});

describe("a monitor", () => {
  for (const kind of ["PodMonitor", "ServiceMonitor"] as const) {
    it(`of kind ${kind} selects what there is, by the port's name`, () => {
      const objects = render({ monitor: { enabled: true, kind } });
      const { spec } = only(objects, kind);
      const { metadata } = kind === "PodMonitor" ? only(objects, "DaemonSet").spec.template : only(objects, "Service");
      for (const [name, value] of Object.entries(spec.selector.matchLabels)) {
        assert.equal(metadata.labels[name], value, name);
      }
      const [endpoint] = spec.podMetricsEndpoints ?? spec.endpoints ?? [];
      assert.equal(endpoint?.port, "metrics");
    });
  }

  it("leaves the labels of series to the agent", () => {
    const [endpoint] = only(render({ monitor: { enabled: true } }), "PodMonitor").spec.podMetricsEndpoints ?? [];
    const relabellings = endpoint?.relabelings.map(({ sourceLabels, targetLabel, regex, action }) => ({
      ...(sourceLabels === undefined ? {} : { source_labels: sourceLabels }),
      ...(targetLabel === undefined ? {} : { target_label: targetLabel }),
      ...(regex === undefined ? {} : { regex }),
      ...(action === undefined ? {} : { action }),
    }));
    // What the operator has set by then.
    const target = {
      ...pod,
      namespace: "observability",
      pod: "agents-ringtap-x",
      container: "ringtap",
      endpoint: "metrics",
    };
    assert.deepEqual(targetLabels(relabellings ?? [], target), { job: "ringtap", instance: "node-1" });
  });

  it("asks where the agent answers", () => {
    const [endpoint] = only(render(valueSets["everything in it"]), "PodMonitor").spec.podMetricsEndpoints ?? [];
    assert.deepEqual([endpoint?.path, endpoint?.scheme], ["/ringtap/metrics", "https"]);
    assert.deepEqual(endpoint?.tlsConfig, { insecureSkipVerify: true });
  });
});
