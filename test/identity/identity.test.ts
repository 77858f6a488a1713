import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Identity, type IdentityOptions, type ProcessRecord, unknownComm } from "../../src/identity/identity.js";
import { Catalog } from "../../src/metrics/catalog.js";

const grace = 30_000;

/** A record of a process under a name, as the kernel lays the comm out. */
function record(tgid: number, comm: string, start = 1, cgroup = 0): ProcessRecord {
  const bytes = Buffer.alloc(16);
  bytes.write(comm);
  const words = [tgid, ...[0, 4, 8, 12].map((at) => bytes.readUInt32LE(at)), cgroup, 0];
  return {
    tgid,
    comm,
    cgroup,
    start,
    copyActor: (key) => {
      key.set(words);
    },
    isActor: (keys, from) => words.every((word, index) => word === keys[from + index]),
  };
}

/** An identity with one counter, and a clock that tests turn. */
function setUp(labels: readonly string[] = ["pid", "comm"], options: IdentityOptions = {}) {
  const clock = { now: 0 };
  const catalog = new Catalog({ grace });
  const identity = new Identity(catalog, labels, { now: () => clock.now, ...options });
  const counter = catalog.counter({ name: "events_total", help: "Events.", subject: identity.subjects });
  const byComm = catalog.counter({ name: "by_comm_total", help: "Events.", subject: identity.comms });
  return {
    clock,
    identity,
    catalog,
    count: (event: ProcessRecord): void => {
      const actor = identity.of(event);
      counter.add(identity.subject(actor), 0, 1);
      byComm.add(identity.comm(actor), 0, 1);
    },
    /** The counter's series, by their label text. */
    series: (): Record<string, number> =>
      Object.fromEntries(
        Array.from({ length: counter.size }, (_, row) => [
          identity.subjects.text(counter.subjectAt(row)),
          counter.values[row] as number,
        ]),
      ),
    commSeries: () => byComm.size,
    scrape: (): void => {
      catalog.renderEnded(catalog.renderBegan(), true);
    },
  };
}

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

  it("keeps the series of a process as long as it lives", () => {
    const { identity, count, series, scrape, clock } = setUp();
    identity.lives(record(7, "nginx"));
    count(record(7, "nginx"));
    scrape();
    clock.now += 10 * grace;
    scrape();
    assert.equal(identity.sweep(), 0);
    assert.deepEqual(series(), { 'pid="7",comm="nginx"': 1 });
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

  it("drops the series of an exited process once scraped after the exit, and not before the grace time", () => {
    const { identity, count, series, scrape, clock, commSeries } = setUp();
    identity.lives(record(7, "nginx"));
    count(record(7, "nginx"));
    scrape();
    identity.exits(record(7, "nginx"));
    clock.now += 2 * grace;
    assert.equal(identity.sweep(), 0, "nobody has scraped since");
    scrape();
    assert.equal(identity.sweep(), 2);
    assert.deepEqual(series(), {});
    assert.equal(commSeries(), 0);
    assert.equal(identity.actors, 0);
    assert.equal(identity.running, 0);
  });

  it("starts the wait anew when an exited process still has something to count", () => {
    const { identity, count, series, scrape, clock } = setUp();
    identity.lives(record(7, "nginx"));
    identity.exits(record(7, "nginx"));
    count(record(7, "nginx"));
    scrape();
    clock.now += 2 * grace;
    count(record(7, "nginx"));
    assert.equal(identity.sweep(), 0);
    assert.deepEqual(series(), { 'pid="7",comm="nginx"': 2 });
    scrape();
    clock.now += 2 * grace;
    assert.equal(identity.sweep(), 2);
  });

  it("lets go of an actor that only a late record told of", () => {
    const { identity, count, scrape, clock } = setUp();
    count(record(8, "gone"));
    scrape();
    clock.now += 2 * grace;
    assert.equal(identity.sweep(), 2);
    assert.equal(identity.actors, 0);
  });

  it("counts under the new name after exec, and retires the old one", () => {
    const { identity, count, series, scrape, clock } = setUp();
    identity.lives(record(7, "sh"));
    count(record(7, "sh"));
    identity.lives(record(7, "curl"));
    count(record(7, "curl"));
    count(record(7, "curl"));
    assert.deepEqual(series(), { 'pid="7",comm="sh"': 1, 'pid="7",comm="curl"': 2 });
    assert.equal(identity.comm(identity.ofProcess(7)), identity.comms.intern("curl"));
    assert.equal(identity.running, 1);
    scrape();
    clock.now += 2 * grace;
    identity.sweep();
    assert.deepEqual(series(), { 'pid="7",comm="curl"': 2 });
  });

  it("keeps what processes share while one of them lives, so that its counters never fall", () => {
    const { identity, count, series, scrape, clock } = setUp(["comm"]);
    for (const pid of [1, 2]) {
      identity.lives(record(pid, "worker"));
      count(record(pid, "worker"));
    }
    identity.exits(record(1, "worker"));
    scrape();
    clock.now += 2 * grace;
    assert.equal(identity.sweep(), 0);
    assert.deepEqual(series(), { 'comm="worker"': 2 });
    assert.equal(identity.actors, 1, "the exited one is forgotten");
    identity.exits(record(2, "worker"));
    scrape();
    clock.now += 2 * grace;
    identity.sweep();
    assert.deepEqual(series(), {});
  });

  it("remembers an exited process while what it did may still come to light, also where others share its labels", () => {
    const { identity, clock } = setUp(["comm"]);
    identity.lives(record(1, "worker"));
    identity.lives(record(2, "worker"));
    identity.exits(record(1, "worker"));
    clock.now += 5000;
    identity.sweep();
    assert.equal(identity.hasExited(1), true);
    assert.equal(identity.subjects.text(identity.subject(identity.ofProcess(1))), 'comm="worker"');
    clock.now += 6000;
    identity.sweep();
    assert.equal(identity.hasExited(1), false);
    assert.equal(identity.actors, 1);
  });

  it("does not let the exit of an earlier process end a later one of the same pid", () => {
    const { identity } = setUp();
    identity.lives(record(7, "old", 100));
    identity.lives(record(7, "new", 200));
    identity.exits(record(7, "old", 100));
    assert.equal(identity.running, 1);
    assert.equal(identity.comm(identity.ofProcess(7)), identity.comms.intern("new"));
  });

  it("says so when it knows nothing of a process", () => {
    const { identity } = setUp();
    const actor = identity.ofProcess(99);
    assert.equal(identity.subjects.text(identity.subject(actor)), `pid="99",comm="${unknownComm}"`);
    assert.equal(identity.ofProcess(99), actor);
  });

  it("learns from a census of what no record has told", () => {
    const { identity } = setUp();
    identity.lives(record(1, "stays", 10));
    identity.lives(record(2, "lost", 20));
    identity.lives(record(3, "replaced", 30));
    identity.lives(record(4, "young", 150));
    identity.beginCensus(100);
    identity.lives(record(1, "stays", 10));
    identity.lives(record(3, "another", 90));
    identity.lives(record(5, "found", 50));
    identity.endCensus();
    assert.deepEqual(
      [1, 2, 3, 4, 5].map((pid) => identity.hasExited(pid)),
      [false, true, false, false, false],
    );
    assert.equal(identity.running, 4);
    assert.equal(identity.comm(identity.ofProcess(3)), identity.comms.intern("another"));
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

  it("is as small as before after 100,000 short-lived processes", () => {
    const { identity, count, scrape, clock, catalog } = setUp();
    for (let pid = 1; pid <= 100_000; pid++) {
      identity.lives(record(pid, "short"));
      count(record(pid, "short"));
      identity.exits(record(pid, "short"));
      if (pid % 10_000 === 0) {
        scrape();
        clock.now += 2 * grace;
        identity.sweep();
      }
    }
    assert.equal(identity.actors, 0);
    assert.equal(identity.subjects.size, 1);
    assert.equal(catalog.retiring, 0);
  });
});
