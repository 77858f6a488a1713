import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Cgroups } from "../../src/identity/cgroups.js";

const id = "0123456789abcdef".repeat(4);

/** A tree of groups: docker (2), a container in it (3), a group in that (4). */
function tree(): readonly { id: number; parent: number; name: string }[] {
  return [
    { id: 2, parent: 1, name: "docker" },
    { id: 3, parent: 2, name: id },
    { id: 4, parent: 3, name: "inner" },
  ];
}

/** The table, and the groups it tells of. */
function setUp(limit = 100) {
  const clock = { now: 0 };
  const cgroups = new Cgroups({ limit, now: () => clock.now });
  const changed: number[] = [];
  cgroups.onChange((group) => changed.push(group));
  return { cgroups, changed, clock };
}

describe("Cgroups", () => {
  it("puts paths together from the names of groups", () => {
    const { cgroups } = setUp();
    for (const group of tree()) {
      cgroups.exists(group);
    }
    assert.equal(cgroups.path(1), "/");
    assert.equal(cgroups.path(4), `/docker/${id}/inner`);
    assert.equal(cgroups.names(4).container_id, id.slice(0, 12));
    assert.deepEqual(cgroups.names(0), {});
  });

  it("tells when a path that was asked for becomes known, in whatever order its parts come", () => {
    const { cgroups, changed } = setUp();
    assert.deepEqual(cgroups.names(4), {});
    for (const group of tree().toReversed()) {
      assert.equal(cgroups.isAsking, true);
      assert.deepEqual(changed, []);
      cgroups.exists(group);
    }
    assert.deepEqual(changed, [4]);
    assert.equal(cgroups.isAsking, false);
  });

  it("gives up on a group that a census has not shown, until it is asked for again", () => {
    const { cgroups } = setUp();
    cgroups.names(9);
    cgroups.tidy();
    assert.equal(cgroups.isAsking, false);
    cgroups.names(9);
    assert.equal(cgroups.isAsking, true);
  });

  it("remembers a removed group for a minute", () => {
    const { cgroups, clock } = setUp();
    for (const group of tree()) {
      cgroups.exists(group);
    }
    cgroups.removed(3);
    clock.now = 59_999;
    cgroups.tidy();
    assert.equal(cgroups.names(3).container_id, id.slice(0, 12));
    clock.now = 60_000;
    cgroups.tidy();
    assert.equal(cgroups.path(3), undefined);
    assert.equal(cgroups.size, 3);
  });

  it("never remembers more than its limit: those told of last", () => {
    const { cgroups } = setUp(10);
    for (let group = 2; group < 1000; group++) {
      cgroups.exists({ id: group, parent: 1, name: `group-${group}` });
      cgroups.names(group);
      cgroups.exists({ id: 2, parent: 1, name: "group-2" });
    }
    assert.equal(cgroups.size, 10);
    assert.equal(cgroups.path(2), "/group-2");
    assert.equal(cgroups.path(999), "/group-999");
    assert.equal(cgroups.path(500), undefined);
  });

  it("takes the names of containers from who runs them, and tells when those change", () => {
    const { cgroups, changed } = setUp();
    for (const group of tree()) {
      cgroups.exists(group);
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
});
