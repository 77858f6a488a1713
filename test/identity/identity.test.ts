import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { unknownComm } from "../../src/identity/identity.js";
import { grace, record, setUp } from "./actors-of.js";

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
    identity.cgroups.exists({ id: 2, parent: 1, name: "web" });
    identity.cgroups.exists({ id: 3, parent: 1, name: "batch" });
    identity.lives(record(7, "nginx", 1, 2));
    count(record(7, "nginx", 1, 2));
    identity.lives(record(7, "nginx", 1, 3));
    count(record(7, "nginx", 1, 3));
    count(record(7, "nginx", 1, 3));
    assert.deepEqual(series(), { 'comm="nginx",cgroup="/web"': 1, 'comm="nginx",cgroup="/batch"': 2 });
    assert.equal(identity.subject(identity.ofProcess(7)), identity.subjects.intern("nginx", "/batch"));
    assert.equal(identity.running, 1);
  });

  it("counts on under the names that it learns of a place, and lets the old series go", () => {
    const { identity, count, series, scrape, clock } = setUp(["comm", "cgroup"]);
    for (const tgid of [7, 8]) {
      identity.lives(record(tgid, "nginx", 1, 2));
      count(record(tgid, "nginx", 1, 2));
    }
    identity.exits(record(8, "nginx", 1, 2));
    count(record(9, "other", 1, 3));
    assert.deepEqual(series(), { 'comm="nginx"': 2, 'comm="other"': 1 });
    identity.cgroups.exists({ id: 2, parent: 1, name: "web" });
    count(record(7, "nginx", 1, 2));
    count(record(8, "nginx", 1, 2));
    count(record(9, "other", 1, 3));
    assert.deepEqual(series(), { 'comm="nginx"': 2, 'comm="nginx",cgroup="/web"': 2, 'comm="other"': 2 });
    scrape();
    clock.now += 2 * grace;
    identity.sweep();
    assert.deepEqual(series(), { 'comm="nginx",cgroup="/web"': 2 });
    identity.exits(record(7, "nginx", 1, 2));
    scrape();
    clock.now += 2 * grace;
    identity.sweep();
    assert.deepEqual(series(), {});
    assert.equal(identity.actors, 0);
  });

  it("counts on under other labels, there and back, and never shows a series twice", () => {
    const { identity, count, series, scrape, clock } = setUp(["pid", "comm"]);
    identity.lives(record(7, "nginx"));
    count(record(7, "nginx"));
    identity.relabel(["comm"]);
    count(record(7, "nginx"));
    identity.relabel(["comm", "pid"]);
    count(record(7, "nginx"));
    assert.deepEqual(series(), { 'pid="7",comm="nginx"': 2, 'comm="nginx"': 1 });
    scrape();
    clock.now += 2 * grace;
    identity.sweep();
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

  it("counts what finds no room as ~other, until there is room", () => {
    const { identity, count, series, scrape, clock } = setUp(undefined, { limit: 2 });
    for (const pid of [1, 2, 3, 4]) {
      identity.lives(record(pid, "many"));
      count(record(pid, "many"));
    }
    count(record(4, "many"));
    const other = { 'pid="~other",comm="~other"': 3 };
    assert.deepEqual(series(), { 'pid="1",comm="many"': 1, 'pid="2",comm="many"': 1, ...other });
    assert.equal(identity.actors, 2);
    assert.ok(identity.folded >= 3);
    for (const pid of [1, 2, 3]) {
      identity.exits(record(pid, "many"));
    }
    assert.equal(identity.running, 1);
    scrape();
    clock.now += 2 * grace;
    identity.sweep();
    assert.equal(identity.actors, 0);
    count(record(4, "many"));
    assert.deepEqual(series(), { 'pid="4",comm="many"': 1, ...other });
    assert.equal(identity.hasExited(3), false, "forgotten at once");
    identity.exits(record(4, "many"));
    assert.equal(identity.running, 0);
  });

  it("keeps the actors that are there when the limit is lowered, and makes room when it is raised", () => {
    const { identity, count, series } = setUp(undefined, { limit: 3 });
    const all = (...pids: number[]): void => {
      for (const pid of pids) {
        identity.lives(record(pid, "many"));
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
});
