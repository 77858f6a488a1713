/** The agent takes what the chart gives it: arguments, environment and configuration file, read by its own parser. */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";

import type { RunOptions } from "../../src/cli/run/options.js";
import { configFile, runOptions } from "../cli/run/run-options.js";
import { only, render, renderPod, type Values } from "./chart.js";
import { valueSets } from "./value-sets.js";

/** The text that lies at a path in the agent's container, from the ConfigMap that is mounted there. */
function mountedText(values: Values, path: string): string {
  const objects = render({ ...values, dashboard: { enabled: false } });
  const { volumes, containers } = only(objects, "DaemonSet").spec.template.spec;
  const mount = containers[0].volumeMounts.find(({ mountPath }) => path.startsWith(`${mountPath}/`));
  assert(mount !== undefined, `nothing is mounted at ${path}`);
  const map = only(objects, "ConfigMap");
  const volume = volumes.find(({ name }) => name === mount.name);
  assert.deepEqual(volume?.configMap, { name: map.metadata.name });
  const text = map.data[path.slice(mount.mountPath.length + 1)];
  assert(text !== undefined, `no file at ${path}`);
  return text;
}

/** What the agent makes of what the chart gives it. */
function optionsWith(test: TestContext, values: Values): RunOptions {
  const { args, env = [] } = renderPod(values).container;
  const [command, argument = "", ...others] = args;
  assert.deepEqual([command, ...others], ["run"]);
  const [, path = ""] = /^--config\.file=(.*)$/.exec(argument) ?? [];
  // A file of a Secret, which the kubelet would put there.
  const web = configFile(test, "http_server_config: {http2: false}\n");
  const text = mountedText(values, path).replace("/etc/ringtap-web/web.yml", web);
  const environment = Object.fromEntries(env.map(({ name, value }) => [name, value ?? "node-1"]));
  return runOptions(["--config.file", configFile(test, text)], environment);
}

describe("the agent starts", () => {
  for (const [name, values] of Object.entries(valueSets)) {
    it(`with ${name} values`, (test) => {
      const { listenAddresses, webConfig } = optionsWith(test, values);
      const { port = 19435, configSecret } = (values.web ?? {}) as { port?: number; configSecret?: string };
      assert.deepEqual(listenAddresses, [`:${port}`]);
      assert.equal(webConfig !== undefined, configSecret !== undefined);
    });
  }
});

describe("the agent is told", () => {
  it("settings of all kinds", (test) => {
    const options = optionsWith(test, valueSets["everything in it"] ?? {});
    assert.deepEqual(options.signals, ["tcp", "file"]);
    assert.equal(options.seriesLimit, 100_000);
    assert.equal(options.telemetryPath, "/ringtap/metrics");
    assert.deepEqual([options.logLevel, options.logFormat], ["warn", "json"]);
  });

  it("what to stream", (test) => {
    const options = optionsWith(test, valueSets["system calls as a stream"] ?? {});
    assert.equal(options["syscall.mode"], "stream");
    assert.equal(options["syscall.minDuration"], 10_000_000);
    assert.equal(options["syscall.errorsOnly"], true);
    assert.deepEqual(options["syscall.names"], ["openat", "connect"]);
    assert.deepEqual(options["syscall.pids"], [1]);
    assert.deepEqual(options["syscall.comms"], ["nginx"]);
    assert.equal(options.ringSize, 8 * 2 ** 20);
    assert.equal(options.dropCapabilities, false);
    assert.equal(options.identityLimit, 1000);
  });

  it("whose series these are", (test) => {
    assert.deepEqual(optionsWith(test, {}).labels, ["comm", "namespace", "pod", "container"]);
    const { kubernetesPodLabels, peerLabels } = optionsWith(test, valueSets["names of peers"] ?? {});
    assert.deepEqual(
      [kubernetesPodLabels, peerLabels],
      [
        ["app", "team"],
        ["peer_service", "peer_namespace"],
      ],
    );
  });

  it("its node, by the kubelet", (test) => {
    assert.deepEqual(renderPod().container.env, [
      { name: "RINGTAP_KUBERNETES_NODE_NAME", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
    ]);
    assert.equal(optionsWith(test, {}).kubernetesNode, "node-1");
  });
});

describe("the kubelet asks", () => {
  it("the port that the agent listens on", (test) => {
    const values = { web: { port: 9000 } };
    const { ports, livenessProbe, readinessProbe, startupProbe } = renderPod(values).container;
    assert.deepEqual(optionsWith(test, values).listenAddresses, [":9000"]);
    assert.deepEqual(ports, [{ name: "metrics", containerPort: 9000 }]);
    const get = (path: string): object => ({ path, port: "metrics", scheme: "HTTP" });
    assert.deepEqual(startupProbe.httpGet, get("/healthz"));
    assert.deepEqual(livenessProbe.httpGet, get("/healthz"));
    assert.deepEqual(readinessProbe.httpGet, get("/readyz"));
  });

  it("over TLS, where the agent speaks it", () => {
    const { readinessProbe } = renderPod({ web: { configSecret: "ringtap-web", tls: true } }).container;
    assert.deepEqual(readinessProbe.httpGet, { path: "/readyz", port: "metrics", scheme: "HTTPS" });
  });

  it("for a connection only, where the agent answers nobody without a password", () => {
    const { readinessProbe } = renderPod({ web: { configSecret: "ringtap-web" }, probes: { type: "tcp" } }).container;
    assert.deepEqual([readinessProbe.tcpSocket, readinessProbe.httpGet], [{ port: "metrics" }, undefined]);
  });
});

describe("agents are restarted", () => {
  function podWith(config: Values): object {
    return only(render({ config }), "DaemonSet").spec.template;
  }

  it("when what they read at their start changes", () => {
    for (const config of [
      { signals: ["tcp"] },
      { labels: ["comm"] },
      { syscall: { mode: "stream" } },
      { log: { format: "json" } },
    ]) {
      assert.notDeepEqual(podWith(config), podWith({}), JSON.stringify(config));
    }
  });

  it("not for what they follow while they run", () => {
    const followed = { "series-limit": 5, "identity-limit": 5, log: { level: "warn" } };
    assert.deepEqual(podWith(followed), podWith({}));
    const labels = (...names: readonly string[]): object => podWith({ labels: ["comm", ...names] });
    assert.deepEqual(labels("namespace", "pod"), labels("pid", "workload", "unit"));
    assert.deepEqual(labels("container_id"), labels("unit"));
    assert.deepEqual(labels(), labels("pid"));
    assert.notDeepEqual(labels("unit"), labels());
    const stream = {
      mode: "stream",
      names: ["read"],
      pids: [1],
      comms: ["a"],
      "errors-only": true,
      "min-duration": "1ms",
    };
    assert.deepEqual(podWith({ syscall: stream }), podWith({ syscall: { mode: "stream" } }));
  });
});
