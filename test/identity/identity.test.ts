import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";

import { Actors } from "../../src/identity/actors.js";
import { unknownComm } from "../../src/identity/identity.js";
import { retentionMs, record, seriesRetentionMs, setUp } from "./actors-of.js";
import { countedTurns, turnSize } from "./counted-turns.js";

describe("Identity", () => {
  it("names a process by the labels asked for", () => {
    for (const [labels, text] of [
      [["pid", "comm"], 'pid="7",comm="nginx"'],
      [["comm"], 'comm="nginx"'],
      [["pid"], 'pid="7"'],
    ] as const) {
      const { identity } = setUp(labels);
      assert.equal(identity.subjects.text(identity.subject(identity.of(record(7, "nginx")))), text);
    }
  });

  it("names a process by where it runs, and by its new place when it is moved", () => {
    const { identity, count, series } = setUp(["comm", "cgroup"]);
    identity.cgroups.insert({ id: 2, parent: 1, name: "web" });
    identity.cgroups.insert({ id: 3, parent: 1, name: "batch" });
    identity.activate(record(7, "nginx", 1, 2));
    count(record(7, "nginx", 1, 2));
    identity.activate(record(7, "nginx", 1, 3));
    count(record(7, "nginx", 1, 3));
    count(record(7, "nginx", 1, 3));
    assert.deepEqual(series(), { 'comm="nginx",cgroup="/web"': 1, 'comm="nginx",cgroup="/batch"': 2 });
    assert.equal(identity.subject(identity.ofProcess(7)), identity.subjects.intern("nginx", "/batch"));
    assert.equal(identity.activeProcesses, 1);
  });

  it("counts on under the names that it learns of a place, and keeps what others may count under", () => {
    const { identity, count, series, scrape, clock } = setUp(["comm", "cgroup"]);
    for (const tgid of [7, 8]) {
      identity.activate(record(tgid, "nginx", 1, 2));
      count(record(tgid, "nginx", 1, 2));
    }
    identity.end(record(8, "nginx", 1, 2));
    count(record(9, "other", 1, 3));
    assert.deepEqual(series(), { 'comm="nginx"': 2, 'comm="other"': 1 });
    identity.cgroups.insert({ id: 2, parent: 1, name: "web" });
    count(record(7, "nginx", 1, 2));
    count(record(8, "nginx", 1, 2));
    count(record(9, "other", 1, 3));
    const all = { 'comm="nginx"': 2, 'comm="nginx",cgroup="/web"': 2, 'comm="other"': 2 };
    assert.deepEqual(series(), all);
    identity.end(record(7, "nginx", 1, 2));
    scrape();
    clock.now += 2 * retentionMs;
    identity.expire();
    assert.deepEqual(series(), all);
    assert.equal(identity.actors, 0);
  });

  it("lets series go when the last group of their labels has been gone for the retention time of series", () => {
    const { identity, count, series, scrape, clock } = setUp(["comm", "cgroup"]);
    const pass = (milliseconds: number): void => {
      scrape();
      clock.now += milliseconds;
      identity.expire();
    };
    const run = (tgid: number, group: number): void => {
      identity.activate(record(tgid, "job", 1, group));
      count(record(tgid, "job", 1, group));
      identity.end(record(tgid, "job", 1, group));
    };
    const web = 'comm="job",cgroup="/web"';
    identity.cgroups.insert({ id: 2, parent: 1, name: "web" });
    run(7, 2);
    pass(1000 * seriesRetentionMs);
    run(8, 2);
    assert.deepEqual(series(), { [web]: 2 }, "the group is there");
    pass(2 * retentionMs);
    identity.cgroups.end(2);
    pass(seriesRetentionMs - 1);
    assert.deepEqual(series(), { [web]: 2 }, "a little too early");
    // A group of the same name: its processes have the same labels.
    identity.cgroups.insert({ id: 3, parent: 1, name: "web" });
    run(9, 3);
    pass(2 * seriesRetentionMs);
    assert.deepEqual(series(), { [web]: 3 });
    identity.cgroups.end(3);
    pass(seriesRetentionMs);
    assert.deepEqual(series(), {});
    assert.equal(identity.subjects.size, 1);
    // Of a group that has been removed by the time that its process is seen.
    run(10, 3);
    pass(2 * retentionMs);
    assert.deepEqual(series(), { [web]: 1 });
    pass(seriesRetentionMs);
    assert.deepEqual(series(), {});
  });

  it("never begins a counter anew while its labels are in use, however long its programs are away", () => {
    const { identity, count, series, scrape, clock } = setUp(["comm"]);
    for (let run = 1; run <= 100; run++) {
      identity.activate(record(run, "cronjob"));
      count(record(run, "cronjob"));
      identity.end(record(run, "cronjob"));
      assert.deepEqual(series(), { 'comm="cronjob"': run });
      scrape();
      clock.now += 24 * seriesRetentionMs;
      identity.expire();
    }
  });

  it("keeps series without a pid until others need their places: then the one idle longest goes, and no count with it", () => {
    const { identity, count, series, scrape, clock, catalog } = setUp(["comm"], {}, 4);
    const run = (comm: string): void => {
      identity.activate(record(1, comm, clock.now));
      count(record(1, comm, clock.now));
      identity.end(record(1, comm, clock.now));
      scrape();
      clock.now += 2 * retentionMs;
      identity.expire();
    };
    for (const comm of ["a", "b", "c", "a"]) {
      run(comm);
    }
    assert.deepEqual(series(), { 'comm="a"': 2, 'comm="b"': 1, 'comm="c"': 1 });
    run("d");
    assert.deepEqual(series(), { 'comm="a"': 2, 'comm="d"': 1, 'comm="c"': 1, 'comm="~other"': 1 });
    run("e");
    assert.deepEqual(series(), { 'comm="a"': 2, 'comm="d"': 1, 'comm="e"': 1, 'comm="~other"': 2 });
    const [events] = catalog;
    assert.deepEqual([events?.folded, events?.evicted], [0, 2]);
    assert.equal(identity.subjects.size, 4, "its labels go with a series");
  });

  it("counts on under other labels, there and back, and never shows a series twice", () => {
    const { identity, count, series, scrape, clock } = setUp(["pid", "comm"]);
    identity.activate(record(7, "nginx"));
    count(record(7, "nginx"));
    identity.relabel(["comm"]);
    count(record(7, "nginx"));
    identity.relabel(["comm", "pid"]);
    count(record(7, "nginx"));
    assert.deepEqual(series(), { 'pid="7",comm="nginx"': 2, 'comm="nginx"': 1 });
    scrape();
    clock.now += 2 * retentionMs;
    identity.expire();
    assert.deepEqual(series(), { 'pid="7",comm="nginx"': 2 });
    assert.equal(identity.subjects.text(identity.subjects.other), 'comm="~other",pid="~other"');
    assert.throws(() => {
      identity.relabel(["no label"]);
    }, /label/);
  });

  it("says so when it knows nothing of a process", () => {
    const { identity } = setUp();
    const actor = identity.ofProcess(99);
    assert.equal(identity.subjects.text(identity.subject(actor)), `pid="99",comm="${unknownComm}"`);
    assert.equal(identity.ofProcess(99), actor);
  });

  it("counts processes beyond the limit as ~other, until others expire", () => {
    const { identity, count, series, scrape, clock } = setUp(undefined, { limit: 2 });
    for (const pid of [1, 2, 3, 4]) {
      identity.activate(record(pid, "many"));
      count(record(pid, "many"));
    }
    count(record(4, "many"));
    const other = { 'pid="~other",comm="~other"': 3 };
    assert.deepEqual(series(), { 'pid="1",comm="many"': 1, 'pid="2",comm="many"': 1, ...other });
    assert.equal(identity.actors, 2);
    assert.ok(identity.overflowed >= 3);
    for (const pid of [1, 2, 3]) {
      identity.end(record(pid, "many"));
    }
    assert.equal(identity.activeProcesses, 1);
    scrape();
    clock.now += 2 * retentionMs;
    identity.expire();
    assert.equal(identity.actors, 0);
    count(record(4, "many"));
    assert.deepEqual(series(), { 'pid="4",comm="many"': 1, ...other });
    assert.equal(identity.stateOf(3), undefined);
    identity.end(record(4, "many"));
    assert.equal(identity.activeProcesses, 0);
  });

  it("keeps the actors that are there when the limit is lowered, and makes room when it is raised", () => {
    const { identity, count, series } = setUp(undefined, { limit: 3 });
    const all = (...pids: number[]): void => {
      for (const pid of pids) {
        identity.activate(record(pid, "many"));
        count(record(pid, "many"));
      }
    };
    all(1, 2);
    identity.limit = 1;
    all(1, 2, 3);
    const other = { 'pid="~other",comm="~other"': 1 };
    assert.deepEqual(series(), { 'pid="1",comm="many"': 2, 'pid="2",comm="many"': 2, ...other });
    identity.limit = 3;
    all(3);
    assert.deepEqual(series(), {
      'pid="1",comm="many"': 2,
      'pid="2",comm="many"': 2,
      'pid="3",comm="many"': 1,
      ...other,
    });
  });

  it("gives the actors of one group their new labels in turns, and visits no others", async (context) => {
    const { identity } = setUp(["pid", "cgroup"], { turns: countedTurns() });
    const here = 5 * turnSize;
    for (let tgid = 1; tgid <= 2 * here; tgid++) {
      identity.activate(record(tgid, "nginx", 1, tgid <= here ? 2 : 3));
    }
    const walks = context.mock.method(Actors.prototype, "all").mock;
    const renames = context.mock.method(Actors.prototype, "rename").mock;
    identity.cgroups.insert({ id: 2, parent: 1, name: "web" });
    assert(renames.callCount() > 0);
    for (let turn = 1; renames.callCount() < here; turn++) {
      assert(renames.callCount() <= turn * turnSize, `turn ${turn}`);
      assert(turn < 100);
      await nextTurn();
    }
    await nextTurn();
    assert.equal(renames.callCount(), here);
    assert.equal(walks.callCount(), 0);
    const labels = (tgid: number) => identity.subjects.text(identity.subject(identity.ofProcess(tgid)));
    assert.deepEqual([labels(1), labels(here)], ['pid="1",cgroup="/web"', `pid="${here}",cgroup="/web"`]);
    assert.equal(labels(here + 1), `pid="${here + 1}"`);
  });

  it("gives all actors other labels in turns, exactly, whatever comes, ends and expires in between", async () => {
    const { identity, count, series, clock, scrape } = setUp(["pid", "comm"], { turns: countedTurns() });
    const actors = 5 * turnSize;
    for (let tgid = 1; tgid <= actors; tgid++) {
      identity.activate(record(tgid, "worker"));
      count(record(tgid, "worker"));
    }
    identity.relabel(["comm"]);
    const shared = () => series()['comm="worker"'] ?? 0;
    const countAll = () => {
      for (let tgid = 1; tgid <= actors; tgid++) {
        count(record(tgid, "worker"));
      }
    };
    countAll();
    assert(shared() > 0 && shared() <= turnSize, `${shared()}`);
    identity.end(record(actors, "worker"));
    scrape();
    clock.now += 2 * retentionMs;
    identity.expire();
    identity.activate(record(actors + 1, "new"));
    for (let turn = 0; turn < 10; turn++) {
      await nextTurn();
    }
    const before = shared();
    countAll();
    assert.equal(shared(), before + actors);
    scrape();
    clock.now += 2 * retentionMs;
    identity.expire();
    assert.deepEqual(Object.keys(series()), ['comm="worker"']);
  });
});
