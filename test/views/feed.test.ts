import assert from "node:assert/strict";
import { test } from "node:test";
import { Changes } from "../../src/views/changes.js";
import { createFeed } from "../../src/views/feed.js";
import { LatencyChanges } from "../../src/views/latency-changes.js";
import type { Frame } from "../../src/views/protocol.js";
import { madeUpAgent, madeUpViews, runningStatus } from "./made-up-signal.js";

const about = { version: "1.2.3", host: "h", kernel: "6.1", metricsPath: "/metrics" };

/** The feed of an agent whose tables a test fills. */
function liveTables() {
  const { identity, brews, live } = madeUpAgent();
  return { identity, brews, feed: createFeed(live, about) };
}

test("rows that have not changed are not sent again", () => {
  const changes = new Changes();
  assert.equal(changes.update([{ id: 1 }, { id: 2 }]), '{"rows":[{"id":1},{"id":2}],"gone":[]}');
  assert.equal(changes.update([{ id: 2 }, { id: 3 }]), '{"rows":[{"id":3}],"gone":[1]}');
  assert.equal(changes.update([{ id: 2 }, { id: 3 }]), '{"rows":[],"gone":[]}');
  assert.equal(changes.whole(), '{"rows":[{"id":2},{"id":3}],"gone":[]}');
});

test("latencies are what came since the last snapshot, the rarest comms as one", () => {
  const changes = new LatencyChanges();
  const many = (each: number) =>
    new Map(Array.from({ length: 60 }, (_, index) => [`c${index}`, [each * (index + 1), 0]]));
  const latency = (each: number) => ({ name: "rtt", title: "RTT", bounds: [1], counts: many(each) });
  assert.deepEqual(changes.update([latency(1)])[0]?.counts, []);
  const counts = changes.update([latency(3)])[0]?.counts ?? [];
  assert.equal(counts.length, 51);
  assert.deepEqual(counts[0], ["c59", [120, 0]]);
  assert.deepEqual(counts.at(-1), ["~other", [2 * 55, 0]]);
  assert.deepEqual(changes.update([latency(3)])[0]?.counts, []);
});

test("a frame is whole, or tells what has changed", async () => {
  const { identity, brews, feed } = liveTables();
  const [one, two] = [identity.subjects.intern("1", "one"), identity.subjects.intern("2", 'two"</script>')];
  brews.add(one, 0, 3);
  brews.add(two, 0, 4);
  const first = await feed.nextFrame();
  const whole = JSON.parse(first.whole().data) as Frame;
  assert.deepEqual([whole.whole, whole.about, whole.processes.rows.length], [true, about, 2]);
  brews.add(two, 0, 1);
  const { changes } = await feed.nextFrame();
  const { processes } = JSON.parse(changes.data) as Frame;
  assert.deepEqual(
    processes.rows.map(({ labels, totals }) => [labels.comm, totals.brews]),
    [['two"</script>', 5]],
  );
});

test("of too many processes, those are sent that are busy now", async () => {
  const { identity, brews, feed } = liveTables();
  const ids = Array.from({ length: 1500 }, (_, index) => identity.subjects.intern(`${index}`, "many"));
  for (const [index, id] of ids.entries()) {
    brews.add(id, 0, index + 1);
  }
  const first = JSON.parse((await feed.nextFrame()).whole().data) as Frame;
  assert.deepEqual([first.processes.rows.length, first.hidden], [1000, 500]);
  brews.add(ids[0] as number, 0, 1);
  const { processes } = JSON.parse((await feed.nextFrame()).whole().data) as Frame;
  assert.ok(processes.rows.some(({ id }) => id === ids[0]));
});

test("a query must make sense", () => {
  const { feed } = liveTables();
  assert.throws(() => feed.open(new URLSearchParams("process=-1")), /process="-1": want a whole number/);
  assert.throws(() => feed.open(new URLSearchParams("tail=1&pid=x")), /pid="x"/);
  feed.open(new URLSearchParams("tail=1&pid=1&comm=a&signals=tcp&failures=1&process=2")).close();
});

test("events of frequent signals come only to a viewer that asks for them", () => {
  const watched: string[] = [];
  const traced = (name: string, isFrequent: boolean) => {
    const status = runningStatus(name, { ...madeUpViews, columns: [], latencies: [], headline: [], isFrequent });
    const { running } = status;
    assert.ok(running);
    const trace = { types: {}, outcome: [], columns: [], fields: () => ({}) };
    const signal = { ...running.signal, trace, ring: {} } as unknown as typeof running.signal;
    const watchTraced = () => {
      watched.push(name);
      return () => undefined;
    };
    return { ...status, running: { ...running, signal, watchTraced } };
  };
  const { live } = madeUpAgent([traced("rare", false), traced("often", true)]);
  const feed = createFeed(live, about);
  const seen = (query: string): string[] => {
    watched.length = 0;
    feed.open(new URLSearchParams(query)).close();
    return [...watched];
  };
  assert.deepEqual(seen("tail=1"), ["rare"]);
  assert.deepEqual(seen("tail=1&signals=often,rare"), ["rare", "often"]);
  assert.deepEqual(seen("tail=1&signals="), []);
  assert.deepEqual(seen(""), []);
});
