import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { PodIndex, type PodChange } from "../../../src/kubernetes/pods/pod-index.js";
import { containerId, pod, type PodOptions } from "../support/manifests.js";

const [a, b, c, d] = ["a", "b", "c", "d"].map(containerId) as [string, string, string, string];

describe("containers", () => {
  test("of any runtime, kind and state", () => {
    const pods = new PodIndex();
    pods.put(
      "uid",
      pod("alpha", {
        status: {
          containerStatuses: [
            {
              name: "app",
              containerID: `containerd://${a}`,
              lastState: { terminated: { containerID: `containerd://${b}` } },
            },
            { name: "waiting", containerID: "", state: { waiting: { reason: "ImagePullBackOff" } } },
          ],
          initContainerStatuses: [{ name: "init", state: { terminated: { containerID: `cri-o://${c}` } } }],
          ephemeralContainerStatuses: [{ name: "debug", containerID: `docker://${d}` }],
        },
      }),
    );
    assert.deepEqual(
      [a, b, c, d].map((id) => pods.find(id, "")?.container),
      ["app", "app", "init", "debug"],
    );
    assert.equal(pods.find("", "")?.pod, undefined);
  });

  test("one that the API does not name yet is one of its pod", () => {
    const pods = new PodIndex({ labels: ["app.kubernetes.io/name", "version"] });
    pods.put(
      "uid",
      pod("alpha", { namespace: "shop", labels: { version: "2", other: "x" }, owner: "DaemonSet/proxy" }),
    );
    assert.deepEqual(pods.find(a, "uid"), {
      namespace: "shop",
      pod: "alpha",
      container: "",
      workload: "daemonset/proxy",
      labels: ["", "2"],
    });
  });

  test("static pods go by the hash that the kubelet calls them", () => {
    const pods = new PodIndex();
    const hash = "0123456789abcdef0123456789abcdef";
    const annotations = { "kubernetes.io/config.hash": hash, "kubernetes.io/config.mirror": hash };
    pods.put(
      "uid",
      pod("etcd-node-1", { annotations, owner: "Node/node-1", containers: { etcd: `containerd://${a}` } }),
    );
    assert.equal(pods.find("", hash)?.workload, "pod/etcd-node-1");
    assert.equal(pods.find("", "uid"), pods.find("", "uid"));
    assert.equal(pods.find(a, hash)?.container, "etcd");
  });

  test("what is no pod at all does no harm", () => {
    const pods = new PodIndex();
    for (const value of [null, 7, "pod", [], { metadata: [], status: { containerStatuses: { length: 3 } } }]) {
      pods.put("uid", value);
    }
    pods.put("uid", { metadata: { name: 7, ownerReferences: [null] }, status: { containerStatuses: [null, "x"] } });
    assert.deepEqual(pods.find("", "uid"), { namespace: "", pod: "", container: "", workload: "pod/", labels: [] });
  });
});

test("workloads", () => {
  const hash = { labels: { "pod-template-hash": "7d9f" } };
  for (const [owner, options, workload] of [
    [undefined, {}, "pod/p"],
    ["ReplicaSet/checkout-7d9f", hash, "deployment/checkout"],
    ["ReplicaSet/checkout-7d9f", {}, "replicaset/checkout-7d9f"],
    ["ReplicaSet/by-hand", hash, "replicaset/by-hand"],
    ["StatefulSet/db", {}, "statefulset/db"],
    ["DaemonSet/proxy", {}, "daemonset/proxy"],
    ["Job/backup-29700005", {}, "cronjob/backup"],
    ["Job/backup-20240101", {}, "job/backup-20240101"],
    ["Job/migrate", {}, "job/migrate"],
    ["Node/node-1", {}, "pod/p"],
    ["Rollout/web", {}, "rollout/web"],
  ] as readonly (readonly [string | undefined, PodOptions, string])[]) {
    const pods = new PodIndex();
    pods.put("uid", pod("p", owner === undefined ? options : { ...options, owner }));
    assert.equal(pods.find("", "uid")?.workload, workload, owner);
  }
});

describe("time", () => {
  function withClock(): { pods: PodIndex; at: (time: number) => void } {
    let now = 0;
    const pods = new PodIndex({ now: () => now });
    return {
      pods,
      at(time) {
        now = time;
      },
    };
  }

  test("what is gone stays known for a minute", () => {
    const { pods, at } = withClock();
    pods.put("uid", pod("alpha", { containers: { app: `containerd://${a}` } }));
    pods.remove("uid");
    at(59_999);
    assert.equal(pods.find(a, "uid")?.container, "app");
    at(60_000);
    assert.equal(pods.find(a, "uid"), undefined);
  });

  test("a container that is restarted: the one before stays known for a minute", () => {
    const { pods, at } = withClock();
    pods.put("uid", pod("alpha", { containers: { app: `containerd://${a}` } }));
    pods.put("uid", pod("alpha", { containers: { app: `containerd://${b}` } }));
    assert.deepEqual([pods.find(a, "")?.container, pods.find(b, "")?.container], ["app", "app"]);
    at(60_000);
    assert.deepEqual([pods.find(a, "")?.container, pods.find(b, "")?.container], [undefined, "app"]);
  });

  test("what comes back stays", () => {
    const { pods, at } = withClock();
    const alpha = pod("alpha", { containers: { app: `containerd://${a}` } });
    pods.put("uid", alpha);
    pods.remove("uid");
    at(30_000);
    pods.put("uid", alpha);
    at(90_000);
    assert.equal(pods.find(a, "uid")?.container, "app");
  });
});

test("changes are told, once, and only changes", () => {
  const pods = new PodIndex({ labels: ["version"] });
  const changes: PodChange[] = [];
  const stop = pods.onChange((change) => changes.push(change));
  const put = (options: PodOptions): void => pods.put("uid", pod("alpha", options));
  put({});
  put({ containers: { app: `containerd://${a}` } });
  put({ containers: { app: `containerd://${a}` }, status: { phase: "Failed" } });
  put({ containers: { app: `containerd://${a}` }, labels: { other: "x" } });
  put({ containers: { app: `containerd://${a}` }, labels: { version: "2" } });
  pods.remove("uid");
  stop();
  pods.put("other", pod("beta"));
  assert.deepEqual(changes, [
    { containers: [], uids: ["uid"] },
    { containers: [a], uids: [] },
    { containers: [a], uids: ["uid"] },
  ]);
});
