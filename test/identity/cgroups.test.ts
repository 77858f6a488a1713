import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";

import { Cgroups } from "../../src/identity/cgroups.js";
import { countedTurns, endlessTurns, turnSize } from "./counted-turns.js";

const id = "0123456789abcdef".repeat(4);

/** A tree of groups: docker (2), a container in it (3), a group in that (4). */
function tree(): readonly { id: number; parent: number; name: string }[] {
  return [
    { id: 2, parent: 1, name: "docker" },
    { id: 3, parent: 2, name: id },
    { id: 4, parent: 3, name: "inner" },
  ];
}

/** The table, and the groups whose names it says have changed. */
function setUp(limit = 100, turns = endlessTurns()) {
  const clock = { now: 0 };
  const cgroups = new Cgroups({ limit, now: () => clock.now, turns });
  const changed: number[] = [];
  cgroups.onChange((group) => changed.push(group));
  return { cgroups, changed, clock };
}

describe("Cgroups", () => {
  it("puts paths together from the names of groups", () => {
    const { cgroups } = setUp();
    for (const group of tree()) {
      cgroups.insert(group);
    }
    assert.equal(cgroups.path(1), "/");
    assert.equal(cgroups.path(4), `/docker/${id}/inner`);
    assert.equal(cgroups.names(4).container_id, id.slice(0, 12));
    assert.deepEqual(cgroups.names(0), {});
  });

  it("says when a path that was asked for becomes known, in whatever order its parts come", () => {
    const { cgroups, changed } = setUp();
    assert.deepEqual(cgroups.names(4), {});
    for (const group of tree().toReversed()) {
      assert.equal(cgroups.needsScan, true);
      assert.deepEqual(changed, []);
      cgroups.insert(group);
    }
    assert.deepEqual(changed, [4]);
    assert.equal(cgroups.needsScan, false);
  });

  it("reads the records that wait before it says that a group is not known", () => {
    const { cgroups, changed } = setUp();
    let reads = 0;
    cgroups.readFrom(() => {
      reads++;
      for (const group of tree()) {
        cgroups.insert(group);
      }
    });
    assert.equal(cgroups.names(4).container_id, id.slice(0, 12));
    assert.equal(cgroups.names(3).container_id, id.slice(0, 12));
    assert.equal(cgroups.needsScan, false);
    assert.deepEqual([reads, changed], [1, []]);
  });

  it("says of all groups below one that it is renamed", () => {
    const { cgroups, changed } = setUp();
    for (const group of [...tree(), { id: 5, parent: 1, name: "beside" }]) {
      cgroups.insert(group);
      cgroups.names(group.id);
    }
    cgroups.insert({ id: 2, parent: 1, name: "podman" });
    assert.deepEqual(changed.sort(), [2, 3, 4]);
    assert.equal(cgroups.path(4), `/podman/${id}/inner`);
  });

  it("has the first 64 parts of a path, and the last ones of a path whose beginning no record tells", () => {
    const { cgroups } = setUp();
    const parts = Array.from({ length: 70 }, (_, index) => `g${index}`);
    parts.forEach((name, index) => {
      cgroups.insert({ id: index + 2, parent: index + 1, name });
    });
    assert.equal(cgroups.path(2 + 63), `/${parts.slice(0, 64).join("/")}`);
    assert.equal(cgroups.path(2 + 69), `/${parts.slice(0, 64).join("/")}/~`);
    cgroups.insert({ id: 100, parent: 99, name: "a", isCut: 1 });
    cgroups.insert({ id: 101, parent: 100, name: "b" });
    assert.equal(cgroups.path(101), "/~/a/b");
    assert.equal(cgroups.names(101).cgroup, "/~/a/b");
    assert.equal(cgroups.needsScan, false);
  });

  it("gives up on a group that a scan has not shown, until it is asked for again", async () => {
    const { cgroups } = setUp();
    cgroups.names(9);
    cgroups.beginScan();
    await cgroups.endScan();
    assert.equal(cgroups.needsScan, false);
    cgroups.names(9);
    assert.equal(cgroups.needsScan, true);
  });

  it("keeps a removed group for a minute", async () => {
    const { cgroups, clock } = setUp();
    for (const group of tree()) {
      cgroups.insert(group);
    }
    cgroups.end(3);
    clock.now = 59_999;
    cgroups.beginScan();
    await cgroups.endScan();
    assert.equal(cgroups.names(3).container_id, id.slice(0, 12));
    clock.now = 60_000;
    cgroups.beginScan();
    await cgroups.endScan();
    assert.equal(cgroups.path(3), undefined);
    assert.equal(cgroups.size, 3);
  });

  it("never has more than its limit: those reported last", () => {
    const { cgroups } = setUp(10);
    for (let group = 2; group < 1000; group++) {
      cgroups.insert({ id: group, parent: 1, name: `group-${group}` });
      cgroups.names(group);
      cgroups.insert({ id: 2, parent: 1, name: "group-2" });
    }
    assert.equal(cgroups.size, 10);
    assert.equal(cgroups.path(2), "/group-2");
    assert.equal(cgroups.path(999), "/group-999");
    assert.equal(cgroups.path(500), undefined);
  });

  it("takes the names of containers from their source, and says when those change", () => {
    const { cgroups, changed } = setUp();
    for (const group of tree()) {
      cgroups.insert(group);
    }
    const pods = new Map<string, Record<string, string>>();
    cgroups.names(3);
    cgroups.follow({ find: (containerId) => pods.get(containerId) });
    assert.deepEqual(changed, []);
    pods.set(id, { namespace: "shop", pod: "checkout-1", container: "app" });
    cgroups.refresh();
    assert.deepEqual(changed, [3]);
    assert.equal(cgroups.names(3).pod, "checkout-1");
    cgroups.refresh();
    assert.deepEqual(changed, [3]);
  });

  it("has any number of listeners, of which one that throws harms no other, until they are removed", () => {
    const failures: unknown[] = [];
    const cgroups = new Cgroups({ turns: endlessTurns(), failed: (error) => failures.push(error) });
    const calls: string[] = [];
    const removeFirst = cgroups.onChange((group) => calls.push(`first ${group}`));
    const removeThrowing = cgroups.onChange(() => {
      throw new Error("broken");
    });
    const last = (group: number): unknown => calls.push(`last ${group}`);
    const removeLast = cgroups.onChange(last);
    cgroups.onChange(last);
    cgroups.names(2);
    cgroups.insert({ id: 2, parent: 1, name: "docker" });
    assert.deepEqual(calls.splice(0), ["first 2", "last 2", "last 2"]);
    assert.deepEqual(failures.map(String), ["Error: broken"]);
    removeFirst();
    removeThrowing();
    removeLast();
    removeLast();
    cgroups.names(3);
    cgroups.insert({ id: 3, parent: 1, name: "podman" });
    assert.deepEqual(calls, ["last 3"]);
    assert.equal(failures.length, 1);
  });

  it("says in turns of the event loop what is learned of many groups", async () => {
    const { cgroups, changed } = setUp(10_000, countedTurns());
    const groups = 5 * turnSize;
    const isComplete = async (): Promise<void> => {
      for (let turn = 1; changed.length < groups; turn++) {
        assert(changed.length <= turn * turnSize, `turn ${turn}: ${changed.length}`);
        assert(turn < 100);
        await nextTurn();
      }
      assert.equal(changed.length, groups);
      assert.equal(new Set(changed.splice(0)).size, groups);
    };
    for (let group = 0; group < groups; group++) {
      cgroups.insert({ id: 1000 + group, parent: 2, name: `pod${group}` });
      cgroups.names(1000 + group);
    }
    cgroups.insert({ id: 2, parent: 1, name: "kubepods" });
    await isComplete();
    assert.equal(cgroups.needsScan, false);
    let namespace = "shop";
    cgroups.follow({ find: () => ({ namespace }) });
    await nextTurn();
    assert.deepEqual(changed, [], "no path is a container's");
    await nextTurn();
    for (let group = 0; group < groups; group++) {
      cgroups.insert({ id: 5000 + group, parent: 2, name: group.toString(16).padStart(64, "0") });
      cgroups.names(5000 + group);
    }
    namespace = "mall";
    cgroups.refresh();
    await isComplete();
  });

  it("says of the group alone that was missing that its names are known", () => {
    const { cgroups, changed } = setUp(10_000);
    for (let group = 100; group < 200; group++) {
      cgroups.names(group);
    }
    for (let group = 1000; group < 2000; group++) {
      cgroups.insert({ id: group, parent: 1, name: `group-${group}` });
    }
    assert.deepEqual(changed, []);
    cgroups.insert({ id: 150, parent: 1, name: "awaited" });
    assert.deepEqual(changed, [150]);
  });
});

describe("a scan of all groups", () => {
  it("does not bring back a group that was removed meanwhile", async () => {
    const { cgroups, clock } = setUp();
    for (const group of tree()) {
      cgroups.insert(group);
    }
    cgroups.beginScan();
    cgroups.end(3);
    for (const group of tree()) {
      cgroups.insert(group);
    }
    await cgroups.endScan();
    assert.equal(cgroups.names(3).container_id, id.slice(0, 12), "late records still name it");
    clock.now = 60_000;
    await cgroups.endScan();
    assert.equal(cgroups.path(3), undefined);
  });

  it("gives up no group that was asked for while it went on", async () => {
    const { cgroups, changed } = setUp();
    cgroups.names(8);
    cgroups.beginScan();
    cgroups.names(9);
    await cgroups.endScan();
    assert.equal(cgroups.needsScan, true);
    cgroups.insert({ id: 9, parent: 1, name: "new" });
    assert.deepEqual(changed, [9]);
    assert.equal(cgroups.needsScan, false);
  });

  it("deletes in turns of the event loop", async () => {
    const { cgroups, clock } = setUp(10_000, countedTurns());
    const groups = 5 * turnSize;
    for (let group = 2; group < groups + 2; group++) {
      cgroups.insert({ id: group, parent: 1, name: `group-${group}` });
      cgroups.end(group);
    }
    clock.now = 60_000;
    cgroups.beginScan();
    const end = cgroups.endScan();
    for (let turn = 1; cgroups.size > 1; turn++) {
      assert(cgroups.size > groups - turn * turnSize - turnSize, `turn ${turn}`);
      assert(turn < 100);
      await nextTurn();
    }
    await end;
  });
});
