/** Series of processes that were alive at a scrape, and those that the others share: what scrapers make of them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { record, retentionMs, setUp } from "./actors-of.js";

const living = { pidSeries: "living" } as const;

function setUpLiving(labels?: readonly string[], seriesLimit?: number) {
  const made = setUp(labels, living, seriesLimit);
  const { identity, count } = made;
  return {
    ...made,
    run: (tgid: number, comm: string, events: number): void => {
      identity.activate(record(tgid, comm));
      for (let event = 0; event < events; event++) {
        count(record(tgid, comm));
      }
      identity.end(record(tgid, comm));
    },
  };
}

/** A scraper, and what Prometheus's `increase()` has of it: the last value of each series less the first. */
class Scraper {
  readonly #first = new Map<string, number>();
  readonly #last = new Map<string, number>();

  read(series: Readonly<Record<string, number>>): void {
    for (const [labels, value] of Object.entries(series)) {
      if (!this.#first.has(labels)) {
        this.#first.set(labels, value);
      }
      assert.ok(value >= (this.#last.get(labels) ?? 0), `${labels} falls to ${value}`);
      this.#last.set(labels, value);
    }
  }

  /** Of all series together. */
  get increase(): number {
    return [...this.#last].reduce((sum, [labels, value]) => sum + value - (this.#first.get(labels) ?? 0), 0);
  }

  get series(): number {
    return this.#last.size;
  }
}

describe("--pid-series living", () => {
  it("counts what begins and ends between two scrapes for all processes of a name together", () => {
    const { run, series, scrape, clock, identity } = setUpLiving();
    run(1, "job", 3);
    run(2, "job", 4);
    run(3, "other", 1);
    scrape();
    assert.deepEqual(series(), { 'pid="~ended",comm="job"': 7, 'pid="~ended",comm="other"': 1 });
    clock.now += 100 * retentionMs;
    identity.expire();
    assert.equal(identity.subjects.size, 3, "labels of ended processes go, those that are shared stay");
    run(4, "job", 1);
    scrape();
    assert.deepEqual(series(), { 'pid="~ended",comm="job"': 8, 'pid="~ended",comm="other"': 1 });
  });

  it("begins a series at 0 for who is alive at a scrape, keeps it until the end was scraped, and moves nothing", () => {
    const { identity, count, series, scrape, clock } = setUpLiving();
    const daemon = record(7, "daemon");
    const pass = (milliseconds: number): void => {
      scrape();
      clock.now += milliseconds;
      identity.expire();
    };
    identity.activate(daemon);
    count(daemon);
    scrape();
    const shared = 'pid="~ended",comm="daemon"';
    const own = 'pid="7",comm="daemon"';
    assert.deepEqual(series(), { [shared]: 1, [own]: 0 });
    identity.expire();
    clock.now += retentionMs - 1;
    identity.expire();
    // Another scraper may not have seen the 0 yet.
    count(daemon);
    pass(1);
    count(daemon);
    assert.deepEqual(series(), { [shared]: 2, [own]: 1 });
    identity.end(daemon);
    // A late record.
    count(daemon);
    clock.now += 10 * retentionMs;
    identity.expire();
    assert.deepEqual(series(), { [shared]: 2, [own]: 2 }, "the end was not scraped");
    pass(retentionMs);
    assert.deepEqual(series(), { [shared]: 2 });
  });

  it("counts into a series only after a scrape has shown it to the end", () => {
    const { identity, count, series, scrape, clock, catalog } = setUpLiving();
    const daemon = record(7, "daemon");
    const wait = (): void => {
      identity.expire();
      clock.now += retentionMs;
      identity.expire();
      count(daemon);
    };
    identity.activate(daemon);
    count(daemon);
    const render = catalog.renders.began();
    catalog.collect();
    catalog.renders.ended(render, false);
    wait();
    assert.deepEqual(series(), { 'pid="~ended",comm="daemon"': 2, 'pid="7",comm="daemon"': 0 });
    scrape();
    wait();
    assert.deepEqual(series(), { 'pid="~ended",comm="daemon"': 2, 'pid="7",comm="daemon"': 1 });
  });

  it("takes another name of a process for another process", () => {
    const { identity, count, series, scrape } = setUpLiving();
    identity.activate(record(7, "sh"));
    count(record(7, "sh"));
    identity.activate(record(7, "curl", 1, 0, 2));
    count(record(7, "curl"));
    scrape();
    assert.deepEqual(series(), {
      'pid="~ended",comm="sh"': 1,
      'pid="~ended",comm="curl"': 1,
      'pid="7",comm="curl"': 0,
    });
  });

  it("keeps shared series until others need the places, or their container is gone", () => {
    const { identity, count, series, scrape, clock } = setUpLiving(["pid", "comm", "cgroup"]);
    identity.cgroups.insert({ id: 2, parent: 1, name: "web" });
    const job = record(7, "job", 1, 2);
    identity.activate(job);
    count(job);
    identity.end(job);
    const pass = (milliseconds: number): void => {
      scrape();
      clock.now += milliseconds;
      identity.expire();
    };
    pass(1e9);
    pass(1e9);
    assert.deepEqual(series(), { 'pid="~ended",comm="job",cgroup="/web"': 1 });
    identity.cgroups.end(2);
    pass(1e9);
    assert.deepEqual(series(), {});
  });

  it("gives no process a series beyond the limit, and loses no count", () => {
    const { identity, count, series, scrape, catalog, clock } = setUpLiving(["pid", "comm"], 3);
    const daemons = [1, 2, 3, 4].map((tgid) => record(tgid, "daemon"));
    for (const daemon of daemons) {
      identity.activate(daemon);
      count(daemon);
    }
    scrape();
    identity.expire();
    clock.now += retentionMs;
    identity.expire();
    daemons.forEach(count);
    const values = Object.values(series());
    assert.deepEqual([values.length, values.reduce((sum, value) => sum + value)], [3, 8]);
    // No more than the limit wait for a series: the fourth has not asked for one.
    assert.equal([...catalog][0]?.folded, 1);
  });

  it("removes series of ended processes that were shown where the limit is near, without counting them twice", () => {
    const { identity, count, series, scrape, clock } = setUpLiving(["pid", "comm"], 10);
    const daemons = Array.from({ length: 9 }, (_, tgid) => record(tgid + 1, "daemon"));
    daemons.forEach((daemon) => {
      identity.activate(daemon);
      count(daemon);
    });
    scrape();
    identity.expire();
    clock.now += retentionMs;
    identity.expire();
    daemons.forEach(count);
    daemons.forEach((daemon) => {
      identity.end(daemon);
    });
    scrape();
    assert.equal(Object.keys(series()).length, 10);
    identity.expire();
    const { 'pid="~ended",comm="daemon"': shared, ...own } = series();
    assert.deepEqual([shared, Object.values(own)], [9, Array.from({ length: 7 }, () => 1)]);
  });

  it("lets increase() see every event, whatever the processes and the scrapers do", () => {
    const comms = ["a", "b"];
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ do: fc.constant("count" as const), pid: fc.integer({ min: 1, max: 6 }) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("end" as const), pid: fc.integer({ min: 1, max: 6 }) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("rename" as const), pid: fc.integer({ min: 1, max: 6 }) }) },
      { weight: 3, arbitrary: fc.record({ do: fc.constant("wait" as const), pid: fc.integer({ min: 1, max: 12 }) }) },
    );
    // One scraper may come as seldom as it likes; of several each has to come within the retention time.
    const intervals = fc.oneof(
      fc.tuple(fc.integer({ min: 1, max: 100 })),
      fc.array(fc.integer({ min: 1, max: retentionMs / 1000 - 1 }), { minLength: 2, maxLength: 3 }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), intervals, (steps, seconds) => {
        const { identity, count, series, scrape, clock, run } = setUpLiving();
        // Each shared series is there before the scrapers come.
        run(100, "a", 1);
        run(101, "b", 1);
        let events = 0;
        const scrapers = seconds.map(() => new Scraper());
        const read = (scraper: Scraper): void => {
          scrape();
          scraper.read(series());
        };
        scrapers.forEach(read);
        const alive = new Map<number, { start: number; comm: string; time: number }>();
        let time = 1;
        for (const { do: what, pid } of steps) {
          const process = alive.get(pid) ?? { start: ++time, comm: comms[pid % 2] ?? "", time };
          const now = (): ReturnType<typeof record> => record(pid, process.comm, process.start, 0, ++time);
          switch (what) {
            case "count":
              if (!alive.has(pid)) {
                alive.set(pid, process);
                identity.activate(now());
              }
              count(now());
              events++;
              break;
            case "rename":
              if (alive.has(pid)) {
                process.comm = comms[(comms.indexOf(process.comm) + 1) % 2] ?? "";
                identity.activate(now());
              }
              break;
            case "end":
              if (alive.delete(pid)) {
                identity.end(now());
                // What is read late.
                count(now());
                events++;
              }
              break;
            case "wait":
              for (let second = 0; second < pid; second++) {
                clock.now += 1000;
                identity.expire();
                scrapers.forEach((scraper, index) => {
                  if ((clock.now / 1000) % (seconds[index] ?? 1) === 0) {
                    read(scraper);
                  }
                });
              }
          }
        }
        scrapers.forEach(read);
        for (const scraper of scrapers) {
          assert.equal(scraper.increase, events);
        }
      }),
      { numRuns: 300 },
    );
  });
});
