import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { retentionMs, record, setUp } from "./actors-of.js";

describe("the series of actors", () => {
  it("keeps the series of a process as long as it is active", () => {
    const { identity, count, series, scrape, clock } = setUp();
    identity.activate(record(7, "nginx"));
    count(record(7, "nginx"));
    scrape();
    clock.now += 10 * retentionMs;
    scrape();
    assert.equal(identity.expire(), 0);
    assert.deepEqual(series(), { 'pid="7",comm="nginx"': 1 });
  });

  it("removes the series of an exited process once scraped after the exit, and not before the retention time", () => {
    const { identity, count, series, scrape, clock, commSeries } = setUp();
    identity.activate(record(7, "nginx"));
    count(record(7, "nginx"));
    scrape();
    identity.end(record(7, "nginx"));
    clock.now += 2 * retentionMs;
    identity.expire();
    assert.deepEqual(series(), { 'pid="7",comm="nginx"': 1 }, "no scrape since");
    scrape();
    identity.expire();
    assert.deepEqual(series(), {});
    assert.equal(commSeries(), 1, "others may have the name");
    assert.equal(identity.actors, 0);
    assert.equal(identity.activeProcesses, 0);
  });

  it("starts the wait anew when an exited process still has something to count", () => {
    const { identity, count, series, scrape, clock } = setUp();
    identity.activate(record(7, "nginx"));
    identity.end(record(7, "nginx"));
    count(record(7, "nginx"));
    scrape();
    clock.now += 2 * retentionMs;
    count(record(7, "nginx"));
    identity.expire();
    assert.deepEqual(series(), { 'pid="7",comm="nginx"': 2 });
    scrape();
    clock.now += 2 * retentionMs;
    identity.expire();
    assert.deepEqual(series(), {});
  });

  it("lets an actor expire that is known from a late record only", () => {
    const { identity, count, scrape, clock } = setUp();
    count(record(8, "gone"));
    scrape();
    clock.now += 2 * retentionMs;
    identity.expire();
    assert.equal(identity.subjects.size, 1);
    assert.equal(identity.actors, 0);
  });

  it("counts under the new name after exec, and ends the old one", () => {
    const { identity, count, series, scrape, clock } = setUp();
    identity.activate(record(7, "sh"));
    count(record(7, "sh"));
    identity.activate(record(7, "curl"));
    count(record(7, "curl"));
    count(record(7, "curl"));
    assert.deepEqual(series(), { 'pid="7",comm="sh"': 1, 'pid="7",comm="curl"': 2 });
    assert.equal(identity.comm(identity.ofProcess(7)), identity.comms.intern("curl"));
    assert.equal(identity.activeProcesses, 1);
    scrape();
    clock.now += 2 * retentionMs;
    identity.expire();
    assert.deepEqual(series(), { 'pid="7",comm="curl"': 2 });
  });

  it("keeps what processes share while one of them is active, so that its counters never fall", () => {
    const { identity, count, series, scrape, clock } = setUp(["comm"]);
    for (const pid of [1, 2]) {
      identity.activate(record(pid, "worker"));
      count(record(pid, "worker"));
    }
    identity.end(record(1, "worker"));
    scrape();
    clock.now += 2 * retentionMs;
    identity.expire();
    assert.deepEqual(series(), { 'comm="worker"': 2 });
    assert.equal(identity.actors, 1, "the exited one has expired");
    identity.end(record(2, "worker"));
    scrape();
    clock.now += 2 * retentionMs;
    identity.expire();
    assert.deepEqual(series(), { 'comm="worker"': 2 }, "another may come");
    assert.equal(identity.actors, 0);
  });

  it("keeps an ended process for what is read late of it, also where others share its labels", () => {
    const { identity, clock } = setUp(["comm"]);
    identity.activate(record(1, "worker"));
    identity.activate(record(2, "worker"));
    identity.end(record(1, "worker"));
    clock.now += 5000;
    identity.expire();
    assert.equal(identity.stateOf(1), "ended");
    assert.equal(identity.subjects.text(identity.subject(identity.ofProcess(1))), 'comm="worker"');
    clock.now += 6000;
    identity.expire();
    assert.equal(identity.stateOf(1), undefined);
    clock.now += 4000;
    identity.expire();
    assert.equal(identity.actors, 1, "ten seconds after its last event");
  });

  it("is as small as before after 100,000 short-lived processes", () => {
    const { identity, count, scrape, clock, catalog } = setUp();
    for (let pid = 1; pid <= 100_000; pid++) {
      identity.activate(record(pid, "short"));
      count(record(pid, "short"));
      identity.end(record(pid, "short"));
      if (pid % 10_000 === 0) {
        scrape();
        clock.now += 2 * retentionMs;
        identity.expire();
      }
    }
    assert.equal(identity.actors, 0);
    assert.equal(identity.subjects.size, 1);
    assert.equal(catalog.retention.ended, 0);
  });
});
