import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { grace, record, setUp } from "./actors-of.js";

describe("the series of actors", () => {
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
