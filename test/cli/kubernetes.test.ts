/** What `run` asks of Kubernetes, by its flags. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";

import { pino } from "pino";

import { followKubernetes, type Kubernetes, nameContainers } from "../../src/cli/kubernetes.js";
import { declareKubernetesMetrics } from "../../src/cli/run/kubernetes-metrics.js";
import { clusterApiServer } from "../../src/kubernetes/client/api-server.js";
import { Cgroups } from "../../src/identity/cgroups.js";
import { renderText } from "../../src/exposition/text/prometheus-text.js";
import { Catalog } from "../../src/metrics/catalog.js";
import { parseAddress } from "../../src/net/address-words.js";
import { PodIndex } from "../../src/kubernetes/pods/pod-index.js";
import { readText } from "../exposition/text/read-text.js";
import { temporaryFolder } from "../http/certificates.js";
import { type FakeApiServer, startFakeApiServer } from "../kubernetes/support/fake-api-server.js";
import { until } from "../kernel/support/eventually.js";
import { containerId, pod, service } from "../kubernetes/support/manifests.js";
import { runOptions } from "./run/run-options.js";

/** Records of a log, as `level message`. */
type Log = string[];

function follow(context: TestContext, args: readonly string[]): { kubernetes: Kubernetes; log: Log } {
  const log: Log = [];
  const logger = pino(
    {},
    {
      write(line: string) {
        const { level, msg, reason } = JSON.parse(line) as { level: number; msg: string; reason?: string };
        log.push([level, msg, reason ?? ""].join(" ").trim());
      },
    },
  );
  const kubernetes = followKubernetes(runOptions(args), logger, {});
  context.after(() => kubernetes.close());
  return { kubernetes, log };
}

function flagsOf({ url, tokenFile, caFile }: FakeApiServer): string[] {
  return ["--kubernetes.api-url", url, "--kubernetes.token-file", tokenFile, "--kubernetes.ca-file", caFile];
}

async function metricsOf(kubernetes: Kubernetes): Promise<string> {
  const catalog = new Catalog();
  declareKubernetesMetrics(catalog, kubernetes);
  catalog.collect();
  return readText(renderText(catalog));
}

describe("what is followed", () => {
  test("nothing outside of a cluster", (context) => {
    const { kubernetes, log } = follow(context, ["--kubernetes.node-name", "node-1"]);
    assert.equal(kubernetes.cluster, undefined);
    assert.equal(kubernetes.peers, undefined);
    assert.deepEqual(log, []);
  });

  test("pods of the node, with the labels asked for", async (context) => {
    const api = await startFakeApiServer(context, { pods: [pod("alpha", { uid: "uid", labels: { version: "2" } })] });
    const flags = ["--kubernetes.node-name", "node-1", "--kubernetes.pod-labels", "version"];
    const { kubernetes, log } = follow(context, [...flagsOf(api), ...flags]);
    await until(() => kubernetes.pods.find("", "uid") !== undefined && api.watches("pods") === 1);
    assert.deepEqual(kubernetes.pods.find("", "uid")?.labels, ["2"]);
    assert.deepEqual(
      kubernetes.cluster?.resources.map(({ name }) => name),
      ["pods"],
    );
    assert.deepEqual(log, ["30 Kubernetes: labels are up to date"]);
  });

  test("services and endpoint slices for peers, which need no node", async (context) => {
    const api = await startFakeApiServer(context, { services: [service("web", { ips: ["10.96.0.1"] })] });
    const { kubernetes, log } = follow(context, [...flagsOf(api), "--peer.labels", "peer_service"]);
    assert.deepEqual(
      kubernetes.cluster?.resources.map(({ name }) => name),
      ["services", "endpointslices"],
    );
    await until(() => api.watches("services") === 1);
    const words = new Uint32Array(4);
    parseAddress("10.96.0.1", words);
    const [w0 = 0, w1 = 0, w2 = 0, w3 = 0] = words;
    assert.deepEqual(kubernetes.peers?.dimension.values(kubernetes.peers.id(w0, w1, w2, w3, 80)), ["web"]);
    assert.deepEqual(
      log.filter((line) => line.startsWith("40")),
      [],
    );
  });

  test("pods from when a label asks for them", async (context) => {
    const api = await startFakeApiServer(context, { pods: [pod("alpha", { uid: "uid" })] });
    const flags = ["--kubernetes.node-name", "node-1", "--labels", "comm,container_id"];
    const { kubernetes } = follow(context, [...flagsOf(api), ...flags]);
    const followed = (): readonly unknown[] => kubernetes.cluster?.resources.map(({ name }) => name) ?? [];
    kubernetes.followPodsFor(["comm", "unit"]);
    assert.deepEqual(followed(), []);
    kubernetes.followPodsFor(["comm", "workload"]);
    kubernetes.followPodsFor(["comm", "pod"]);
    assert.deepEqual(followed(), ["pods"]);
    await until(() => api.watches("pods") === 1);
    assert.equal(kubernetes.pods.find("", "uid")?.pod, "alpha");
    assert.match(await metricsOf(kubernetes), /^ringtap_kubernetes_up\{resource="pods"\} 1$/m);
  });

  test("no pods when nobody says of which node", async (context) => {
    const api = await startFakeApiServer(context);
    const { kubernetes, log } = follow(context, [...flagsOf(api), "--labels", "pod"]);
    assert.deepEqual(kubernetes.cluster?.resources, []);
    assert.deepEqual(log, ["40 Kubernetes: without --kubernetes.node-name, pods are not known"]);
  });

  test("peers go by the class of their address where there is no cluster", (context) => {
    const { kubernetes } = follow(context, ["--peer.labels", "peer_service,peer_namespace"]);
    assert.deepEqual(kubernetes.peers?.dimension.values(kubernetes.peers.id(0, 0, 0, 0, 80)), ["~unspecified", ""]);
  });

  test("nothing with off", async (context) => {
    const api = await startFakeApiServer(context);
    const flags = ["--kubernetes.enabled", "off", "--kubernetes.node-name", "node-1"];
    assert.equal(follow(context, [...flagsOf(api), ...flags]).kubernetes.cluster, undefined);
  });

  for (const [flags, problem] of [
    [[], "ringtap does not run in a pod with a service account; name the API server with --kubernetes.api-url"],
    [["--kubernetes.api-url", "https://127.0.0.1:1"], "without --kubernetes.node-name, pods are not known"],
  ] as const) {
    test(`on, and it cannot be: ${problem}`, (context) => {
      assert.throws(() => follow(context, ["--kubernetes.enabled", "on", ...flags]), {
        name: "UsageError",
        message: `--kubernetes.enabled on: ${problem}`,
      });
    });
  }
});

test("a container goes by its pod until the API names it", async () => {
  const [uid, id] = [randomUUID(), containerId("a")];
  const cgroups = new Cgroups({ limit: 100, now: () => 0 });
  const changed: number[] = [];
  cgroups.onChange((group) => changed.push(group));
  const pods = new PodIndex();
  nameContainers(cgroups, pods, []);
  ["kubepods", `pod${uid}`, id].forEach((name, index) => {
    cgroups.insert({ id: index + 2, parent: index + 1, name });
  });
  assert.equal(cgroups.names(4).pod ?? "", "");

  pods.put(uid, pod("alpha", { uid, namespace: "shop" }));
  await setImmediate();
  const { container = "", ...ofPod } = cgroups.names(4);
  assert.deepEqual([ofPod.namespace, ofPod.pod, container], ["shop", "alpha", ""]);

  pods.put(uid, pod("alpha", { uid, namespace: "shop", containers: { app: `containerd://${id}` } }));
  await setImmediate();
  assert.deepEqual(cgroups.names(4), { ...ofPod, container: "app" });
  assert.deepEqual(changed, [4, 4]);
});

test("many pods at a time have groups looked at once", async (context) => {
  const cgroups = new Cgroups();
  const pods = new PodIndex();
  nameContainers(cgroups, pods, []);
  const { mock } = context.mock.method(cgroups, "refresh");
  for (let round = 1; round <= 2; round++) {
    for (let number = 0; number < 250; number++) {
      const uid = randomUUID();
      pods.put(uid, pod(`web-${number}`, { uid }));
    }
    await setImmediate();
    assert.equal(mock.callCount(), round);
  }
});

test("the service account of a pod", (context) => {
  const folder = temporaryFolder(context);
  const environment = { KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "6443" };
  assert.equal(clusterApiServer(environment, folder), undefined);
  mkdirSync(join(folder, "account"));
  writeFileSync(join(folder, "account", "token"), "t");
  const [tokenFile, caFile] = ["token", "ca.crt"].map((name) => join(folder, "account", name));
  assert.deepEqual(clusterApiServer(environment, join(folder, "account")), {
    url: "https://[fd00::1]:6443",
    tokenFile,
    caFile,
  });
  assert.equal(clusterApiServer({ KUBERNETES_SERVICE_HOST: "api" }, join(folder, "account"))?.url, "https://api:443");
  assert.equal(clusterApiServer({}, join(folder, "account")), undefined);
});

describe("metrics", () => {
  test("are declared without a cluster, and have no series", async (context) => {
    const text = await metricsOf(follow(context, []).kubernetes);
    assert.match(text, /^# TYPE ringtap_kubernetes_up gauge$/m);
    assert.doesNotMatch(text, /^ringtap_kubernetes/m);
  });

  test("tell that labels are out of date, and why", async (context) => {
    const api = await startFakeApiServer(context, { pods: [pod("alpha")] });
    const flags = ["--kubernetes.node-name", "node-1", "--labels", "pod"];
    const { kubernetes, log } = follow(context, [...flagsOf(api), ...flags]);
    await until(() => api.watches("pods") === 1);
    const before = await metricsOf(kubernetes);
    assert.match(before, /^ringtap_kubernetes_up\{resource="pods"\} 1$/m);
    assert.match(before, /^ringtap_kubernetes_objects\{resource="pods"\} 1$/m);
    assert.match(before, /^ringtap_kubernetes_circuit_state\{state="closed"\} 1$/m);
    const [, sync] = /^ringtap_kubernetes_last_sync_timestamp_seconds\{resource="pods"\} (\S+)$/m.exec(before) ?? [];
    assert(Math.abs(Number(sync) - Date.now() / 1000) < 5);

    await api.down();
    await until(() => (kubernetes.cluster?.resources[0]?.failures.get("connect") ?? 0) > 0);
    const after = await metricsOf(kubernetes);
    assert.match(after, /^ringtap_kubernetes_up\{resource="pods"\} 0$/m);
    assert.match(after, /^ringtap_kubernetes_objects\{resource="pods"\} 1$/m);
    assert.match(after, /^ringtap_kubernetes_errors_total\{resource="pods",reason="disconnected"\} 1$/m);
    assert(log.includes("40 Kubernetes: labels may be out of date disconnected"));
  });
});
