/** Pods followed by list and watch against a server that lists and watches for real, and fails in all ways known. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import type { ResourceStatus } from "../../../src/kubernetes/cluster.js";
import { startFakeApiServer } from "../support/fake-api-server.js";
import { until } from "../../kernel/support/eventually.js";
import { failures, followPods, type FollowedPods } from "../support/follow.js";
import { containerId, pod } from "../support/manifests.js";

const [a, b] = [containerId("a"), containerId("b")];
const podA = pod("alpha", { uid: "uid-a", containers: { app: `containerd://${a}` } });
const podB = pod("beta", { uid: "uid-b", containers: { app: `containerd://${b}` } });

function status({ cluster }: FollowedPods): ResourceStatus {
  const [resource] = cluster.resources;
  assert(resource !== undefined);
  return resource;
}

describe("following", () => {
  test("what is there, what comes, what changes, what goes", async (context) => {
    const api = await startFakeApiServer(context, { pods: [podA, pod("elsewhere", { node: "node-2" })] });
    const followed = followPods(context, api);
    const { pods, cluster } = followed;
    await until(() => api.watches("pods") === 1);
    assert.equal(pods.find(a, "")?.pod, "alpha");
    assert.equal(pods.find("", "uid-of-elsewhere"), undefined);
    assert.equal(status(followed).objects, 1);

    api.put("pods", podB);
    await until(() => pods.find(b, "") !== undefined);
    api.put("pods", pod("beta", { uid: "uid-b", containers: { app: `containerd://${b}`, late: "cri-o://late" } }));
    await until(() => pods.find("late", "")?.container === "late");
    api.delete("pods", "alpha");
    await until(() => status(followed).objects === 1);
    assert.deepEqual(
      api.requests.map(({ query, status: code }) => [query.get("fieldSelector"), query.get("watch"), code]),
      [
        ["spec.nodeName=node-1", null, 200],
        ["spec.nodeName=node-1", "1", 200],
      ],
    );
    assert.equal(status(followed).failures.size, 0);
    assert.equal(cluster.circuit, "closed");
  });

  test("a pod that is bound to the node later", async (context) => {
    const api = await startFakeApiServer(context);
    const { pods } = followPods(context, api);
    await until(() => api.watches("pods") === 1);
    api.put("pods", { metadata: { name: "alpha", uid: "uid-a" }, spec: {} });
    api.put("pods", podA);
    await until(() => pods.find(a, "uid-a")?.container === "app");
  });

  test("a list in pages", async (context) => {
    const many = Array.from({ length: 25 }, (_, index) => pod(`pod-${index}`));
    const api = await startFakeApiServer(context, { pods: many });
    // The first list, from the cache, has no pages; the one after a 410 has.
    const followed = followPods(context, api, { pageSize: 10 });
    await until(() => api.watches("pods") === 1);
    assert.equal(status(followed).objects, 25);
    api.put("pods", podA);
    api.compact();
    api.disconnect();
    await until(() => failures(followed.cluster, "gone") === 1 && status(followed).isUp);
    const pages = api.requests.filter(({ query }) => query.get("watch") === null).slice(1);
    assert.deepEqual(
      pages.map(({ query }) => query.get("continue") !== null),
      [false, true, true],
    );
    assert.equal(status(followed).objects, 26);
    assert(pages.every(({ query }) => query.get("resourceVersion") === null));
  });

  test("watches that end by themselves go on where they were", async (context) => {
    const api = await startFakeApiServer(context, { pods: [podA] });
    const followed = followPods(context, api, { watchDurationMs: 1000 });
    await until(() => api.requests.filter(({ query }) => query.get("watch") === "1").length === 3);
    assert.equal(api.requests.filter(({ query }) => query.get("watch") === null).length, 1);
    assert.deepEqual(followed.reports, ["pods recovered"]);
  });

  test("bookmarks move on what a new watch begins from", async (context) => {
    const api = await startFakeApiServer(context, { pods: [podA] });
    const followed = followPods(context, api);
    await until(() => api.watches("pods") === 1);
    api.compact();
    api.bookmark();
    const before = status(followed).lastSync;
    await until(() => status(followed).lastSync > before);
    api.disconnect();
    await until(() => api.requests.length === 3 && api.watches("pods") === 1);
    assert.equal(failures(followed.cluster, "gone"), 0);
  });
});

describe("failures", () => {
  for (const gone of ["status", "event"] as const) {
    test(`410 as ${gone}: lists again, and what has gone meanwhile goes`, async (context) => {
      const api = await startFakeApiServer(context, { pods: [podA] });
      api.faults.gone = gone;
      const followed = followPods(context, api);
      await until(() => api.watches("pods") === 1);
      await api.down();
      api.delete("pods", "alpha");
      api.put("pods", podB);
      api.compact();
      await api.up();
      await until(() => followed.pods.find(b, "") !== undefined && api.watches("pods") === 1);
      assert.equal(status(followed).objects, 1);
      assert.equal(failures(followed.cluster, "gone"), 1);
      // The one that has gone is known for its grace time.
      assert.equal(followed.pods.find(a, "")?.pod, "alpha");
    });
  }

  test("a connection that is cut: the watch goes on from the last event", async (context) => {
    const api = await startFakeApiServer(context, { pods: [podA] });
    const followed = followPods(context, api);
    await until(() => api.watches("pods") === 1);
    api.disconnect();
    api.put("pods", podB);
    await until(() => followed.pods.find(b, "") !== undefined);
    assert.equal(failures(followed.cluster, "disconnected"), 1);
    assert.equal(api.requests.filter(({ query }) => query.get("watch") === null).length, 1);
    assert.deepEqual(followed.reports, ["pods recovered", "pods disconnected", "pods recovered"]);
  });

  test("a list that is cut", async (context) => {
    const api = await startFakeApiServer(context, { pods: [podA] });
    api.faults.cutLists = true;
    const followed = followPods(context, api);
    await until(() => failures(followed.cluster, "disconnected") === 2);
    api.faults.cutLists = false;
    await until(() => status(followed).isUp);
  });

  test("an expired token: the file is read anew", async (context) => {
    const api = await startFakeApiServer(context, { pods: [podA] });
    api.changeToken(false);
    const followed = followPods(context, api);
    await until(() => failures(followed.cluster, "unauthorized") >= 2);
    assert.equal(status(followed).isUp, false);
    assert.equal(status(followed).lastSync, 0);
    api.changeToken(true);
    await until(() => status(followed).isUp);
    assert.equal(followed.cluster.circuit, "closed");
  });

  test("no permission: says whose", async (context) => {
    const api = await startFakeApiServer(context);
    api.faults.forbidden.add("pods");
    const { cluster } = followPods(context, api);
    await until(() => failures(cluster, "forbidden") === 1);
  });

  for (const [reason, code] of [
    ["throttled", 429],
    ["server_error", 503],
    ["not_found", 404],
    ["refused", 302],
  ] as const) {
    test(`status ${code} counts as ${reason}`, async (context) => {
      const api = await startFakeApiServer(context, { pods: [podA] });
      api.faults.listStatus = code;
      const followed = followPods(context, api);
      await until(() => failures(followed.cluster, reason) === 2);
      api.faults.listStatus = undefined;
      await until(() => status(followed).isUp);
    });
  }

  test("slow answers: given up in time", async (context) => {
    const api = await startFakeApiServer(context, { pods: [podA] });
    api.faults.delay = 400;
    const followed = followPods(context, api, { responseTimeoutMs: 100 });
    await until(() => failures(followed.cluster, "timeout") === 2);
    api.faults.delay = 0;
    await until(() => status(followed).isUp);
  });

  test("a certificate of another authority", async (context) => {
    const [api, other] = [await startFakeApiServer(context), await startFakeApiServer(context)];
    const { cluster } = followPods(context, { ...api, caFile: other.caFile });
    await until(() => failures(cluster, "tls") === 1);
  });

  test("no token", async (context) => {
    const api = await startFakeApiServer(context);
    const { cluster } = followPods(context, { ...api, tokenFile: `${api.tokenFile}-not` });
    await until(() => failures(cluster, "credentials") === 1);
  });

  for (const [what, text] of [
    ["no JSON", "{]\n"],
    ["no event", '{"type":"NEW","object":{}}\n'],
    ["an object without a uid", '{"type":"ADDED","object":{"metadata":{"resourceVersion":"5"}}}\n'],
    ["a bookmark without a version", '{"type":"BOOKMARK","object":null}\n'],
  ] as const) {
    test(`${what} on a watch: counted, the connection redone`, async (context) => {
      const api = await startFakeApiServer(context, { pods: [podA] });
      const followed = followPods(context, api);
      await until(() => api.watches("pods") === 1);
      api.sendRaw("pods", text);
      await until(() => failures(followed.cluster, "bad_json") === 1 && status(followed).isUp);
      api.put("pods", podB);
      await until(() => followed.pods.find(b, "") !== undefined);
    });
  }

  test("a line of any length: left out and counted, those after it taken", async (context) => {
    const api = await startFakeApiServer(context, { pods: [podA] });
    const followed = followPods(context, api);
    await until(() => api.watches("pods") === 1);
    const huge = pod("huge", { annotations: { x: "x".repeat(5 * 2 ** 20) } });
    api.put("pods", huge);
    api.put("pods", podB);
    await until(() => followed.pods.find(b, "") !== undefined);
    assert.equal(failures(followed.cluster, "too_large"), 1);
    assert.equal(followed.pods.find("", "uid-of-huge"), undefined);
    // The same in a list.
    api.sendRaw("pods", "?\n");
    await until(() => failures(followed.cluster, "too_large") === 2);
    await until(() => status(followed).isUp);
    assert.equal(status(followed).objects, 2);
  });

  test("more objects than allowed: the first are kept, the others counted", async (context) => {
    const api = await startFakeApiServer(context, { pods: [podA, podB, pod("gamma")] });
    const followed = followPods(context, api, { objects: 2 });
    await until(() => status(followed).isUp);
    assert.equal(status(followed).objects, 2);
    assert.equal(failures(followed.cluster, "too_many"), 1);
    api.delete("pods", "alpha");
    api.put("pods", pod("gamma"));
    await until(() => followed.pods.find("", "uid-of-gamma") !== undefined);
  });

  test("a watch that always ends at once is asked for more and more rarely", async (context) => {
    const api = await startFakeApiServer(context, { pods: [podA] });
    api.faults.gone = "status";
    api.faults.watchStatus = 410;
    const followed = followPods(context, api, { maxDelayMs: 10_000 });
    await until(() => failures(followed.cluster, "gone") === 4);
    const before = api.requests.length;
    // After 20, 40 and 80 ms the next wait is 80 to 160.
    await new Promise((resolve) => setTimeout(resolve, 60));
    assert.equal(api.requests.length, before);
  });

  test("a server that is gone is left alone, then tried by one request", async (context) => {
    const api = await startFakeApiServer(context, { pods: [podA] });
    const followed = followPods(context, api, {}, { threshold: 3, openMs: 500 });
    await until(() => api.watches("pods") === 1);
    await api.down();
    await until(() => followed.cluster.circuit === "open");
    const count = failures(followed.cluster, "connect");
    assert.equal(followed.pods.find(a, "")?.pod, "alpha");
    assert.equal(status(followed).isUp, false);
    await new Promise((resolve) => setTimeout(resolve, 250));
    assert.equal(failures(followed.cluster, "connect"), count);
    await until(() => failures(followed.cluster, "connect") === count + 1);
    await api.up();
    await until(() => followed.cluster.circuit === "closed" && status(followed).isUp);
  });

  test("closing ends what is under way", async (context) => {
    const api = await startFakeApiServer(context, { pods: [podA] });
    const { cluster, reports } = followPods(context, api);
    await until(() => api.watches("pods") === 1);
    cluster.close();
    await until(() => api.watches("pods") === 0);
    assert.deepEqual(reports, ["pods recovered"]);
  });
});
