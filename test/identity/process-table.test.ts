import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";

import type { Identity } from "../../src/identity/identity.js";
import { processOwner } from "../../src/sdk/counters.js";
import { record, setUp } from "./actors-of.js";
import { countedTurns, turnSize } from "./counted-turns.js";

/** The names of the latest processes with these tgids, `-` before those that have ended. */
function names(identity: Identity, ...tgids: number[]): string[] {
  return tgids.map((tgid) => {
    const [comm = ""] = identity.comms.values(identity.comm(identity.ofProcess(tgid)));
    return identity.stateOf(tgid) === "ended" ? `-${comm}` : comm;
  });
}

describe("ProcessTable", () => {
  it("does not let the exit of an earlier process end a later one of the same pid", () => {
    const { identity } = setUp();
    identity.activate(record(7, "old", 100));
    identity.activate(record(7, "new", 200));
    identity.end(record(7, "old", 100));
    assert.equal(identity.activeProcesses, 1);
    assert.deepEqual(names(identity, 7), ["new"]);
  });

  it("does not let a late record of an earlier process end a later one of the same pid", () => {
    const { identity } = setUp();
    identity.activate(record(7, "new", 200));
    identity.activate(record(7, "old", 100, 0, 150));
    assert.deepEqual(names(identity, 7), ["new"]);
    identity.end(record(7, "old", 100));
    assert.deepEqual(names(identity, 7), ["new"]);
    assert.equal(identity.activeProcesses, 1);
  });

  it("does not take a name back from a record that is older", () => {
    const { identity } = setUp();
    identity.activate(record(7, "renamed", 100, 0, 300));
    identity.activate(record(7, "forked", 100, 0, 100));
    assert.deepEqual(names(identity, 7), ["renamed"]);
  });

  it("finds each process of a pid by its start, until it expires", () => {
    const { identity, clock } = setUp();
    const comm = (start?: number) => identity.comms.values(identity.comm(identity.ofProcess(7, start)))[0];
    identity.activate(record(7, "first", 100));
    identity.end(record(7, "first", 100));
    clock.now = 5_000;
    identity.activate(record(7, "second", 200));
    identity.activate(record(7, "third", 300));
    assert.deepEqual([100, 200, 300, undefined].map(comm), ["first", "second", "third", "third"]);
    const states = () => [100, 200, 300, 400].map((start) => identity.stateOf(7, start));
    assert.deepEqual(states(), ["ended", "ended", "active", undefined]);
    clock.now = 10_000;
    identity.expire();
    assert.deepEqual(states(), [undefined, "ended", "active", undefined]);
    clock.now = 15_000;
    identity.expire();
    assert.deepEqual(states(), [undefined, undefined, "active", undefined]);
    assert.equal(comm(100), "~unknown");
    identity.end(record(7, "third", 300));
    clock.now = 25_000;
    identity.expire();
    assert.deepEqual(states(), [undefined, undefined, undefined, undefined]);
  });

  it("knows a process whose exit is the first that is heard of it", () => {
    const { identity } = setUp();
    identity.end(record(7, "brief", 100));
    assert.deepEqual(names(identity, 7), ["-brief"]);
    assert.equal(identity.activeProcesses, 0);
    assert.equal(processOwner(identity, 1)(Uint32Array.of(7, 100, 0), 0), "ended");
  });

  it("keeps no more ended processes than its limit", () => {
    const { identity } = setUp(undefined, { limit: 3 });
    for (let start = 1; start <= 10; start++) {
      identity.activate(record(7, "again", start));
    }
    const known = Array.from({ length: 10 }, (_, index) => identity.stateOf(7, index + 1));
    assert.deepEqual(known.slice(5), [undefined, "ended", "ended", "ended", "active"]);
    assert(known.slice(0, 6).every((state) => state === undefined));
  });
});

describe("a scan of all processes", () => {
  it("makes up for records that were lost", async () => {
    const { identity } = setUp();
    identity.activate(record(1, "stays", 10));
    identity.activate(record(2, "lost", 20));
    identity.activate(record(3, "replaced", 30));
    identity.beginScan();
    identity.activate(record(1, "stays", 10));
    identity.activate(record(3, "another", 90));
    identity.activate(record(5, "found", 50));
    await identity.endScan();
    assert.deepEqual(names(identity, 1, 2, 3, 5), ["stays", "-lost", "another", "found"]);
    assert.equal(identity.activeProcesses, 3);
  });

  it("shows that a process has ended of which there was never a record", async () => {
    const { identity } = setUp();
    const owner = processOwner(identity, 2);
    const key = Uint32Array.of(7, 0, 10, 0);
    const firstRead = performance.now();
    await sleep(2);
    const states = (): string[] => [owner(key, firstRead), owner(key, performance.now())];
    assert.deepEqual(states(), ["unknown", "unknown"]);
    identity.beginScan();
    assert.deepEqual(states(), ["unknown", "unknown"]);
    await identity.endScan();
    assert.deepEqual(states(), ["ended", "unknown"]);
    identity.activate(record(7, "alive", 10));
    assert.deepEqual(states(), ["alive", "alive"]);
  });

  it("shows nothing of the kind when it is of the agent's own pid namespace", async () => {
    const { identity } = setUp();
    const firstRead = performance.now();
    await sleep(2);
    identity.beginScan();
    await identity.endScan(false);
    assert.equal(processOwner(identity, 2)(Uint32Array.of(7, 0, 10, 0), firstRead), "unknown");
  });

  it("ends nothing before it has shown all, nor when it is not finished", () => {
    const { identity } = setUp();
    identity.activate(record(1, "early", 10));
    identity.activate(record(9, "late", 10));
    identity.beginScan();
    identity.activate(record(1, "early", 10));
    assert.deepEqual(names(identity, 1, 9), ["early", "late"]);
    identity.beginScan();
    assert.deepEqual(names(identity, 1, 9), ["early", "late"]);
  });

  it("does not end a process that is forked behind it, or renamed or moved there", async () => {
    const { identity } = setUp();
    identity.activate(record(3, "sh", 10));
    identity.beginScan();
    identity.activate(record(5, "shown", 10));
    // The scan is at 5. These are records of the ring; the last is of a process whose fork was lost.
    identity.activate(record(2, "forked", 100));
    identity.activate(record(3, "curl", 10, 0, 110));
    identity.activate(record(4, "moved", 20, 7, 120));
    await identity.endScan();
    assert.deepEqual(names(identity, 2, 3, 4, 5), ["forked", "curl", "moved", "shown"]);
  });

  it("does not show a process again that exited meanwhile, in whatever order the two are handled", async () => {
    const { identity } = setUp();
    identity.activate(record(3, "before", 10));
    identity.activate(record(4, "behind", 10));
    identity.beginScan();
    identity.activate(record(3, "before", 10, 0, 200));
    identity.end(record(3, "before", 10, 0, 210));
    identity.end(record(4, "behind", 10, 0, 190));
    identity.activate(record(4, "behind", 10, 0, 200));
    await identity.endScan();
    assert.deepEqual(names(identity, 3, 4), ["-before", "-behind"]);
    assert.equal(identity.activeProcesses, 0);
  });

  it("shows the later process of a pid before the ring does", async () => {
    const { identity } = setUp();
    identity.activate(record(3, "first", 10));
    identity.beginScan();
    identity.activate(record(3, "second", 300, 0, 400));
    // Then the ring is drained.
    identity.activate(record(3, "renamed", 10, 0, 100));
    identity.end(record(3, "renamed", 10, 0, 200));
    identity.activate(record(3, "second", 300));
    await identity.endScan();
    assert.deepEqual(names(identity, 3), ["second"]);
    assert.equal(identity.activeProcesses, 1);
    assert.equal(identity.stateOf(3, 10), "ended");
  });

  it("is not the last word on a process that it has missed", async () => {
    const { identity, count, series } = setUp();
    identity.activate(record(3, "missed", 10));
    identity.beginScan();
    await identity.endScan();
    assert.deepEqual(names(identity, 3), ["-missed"]);
    identity.activate(record(3, "missed", 10, 0, 50));
    assert.deepEqual(names(identity, 3), ["missed"]);
    count(record(3, "missed", 10));
    assert.deepEqual(series(), { 'pid="3",comm="missed"': 1 });
    identity.end(record(3, "missed", 10));
    identity.activate(record(3, "missed", 10, 0, 60));
    assert.deepEqual(names(identity, 3), ["-missed"]);
  });

  it("ends processes in turns of the event loop, and spares those that begin in between", async () => {
    const { identity } = setUp(undefined, { turns: countedTurns() });
    const processes = 10 * turnSize;
    for (let tgid = 1; tgid <= processes; tgid++) {
      identity.activate(record(tgid, "lost", 10));
    }
    identity.beginScan();
    const end = identity.endScan();
    let turn = 1;
    for (; identity.stateOf(processes) === "active"; turn++) {
      assert(processes + turn - 1 - identity.activeProcesses <= turn * turnSize, `turn ${turn}`);
      identity.activate(record(processes + turn, "new", 100));
      await nextTurn();
      assert(turn < 100);
    }
    await end;
    assert.equal(identity.activeProcesses, turn - 1);
    assert.deepEqual(names(identity, 1, processes, processes + 1), ["-lost", "-lost", "new"]);
  });
});
