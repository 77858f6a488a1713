/** What views make of a signal that they do not know. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { declaredViews } from "../../src/views/declared.js";
import { Dimension } from "../../src/metrics/dimension.js";
import type { Link, LinkWatch } from "../../src/sdk/links.js";
import { createFeed } from "../../src/views/feed.js";
import { processRates } from "../../src/views/processes.js";
import type { BreakdownFrame, Frame } from "../../src/views/protocol.js";
import type { ViewedStatus } from "../../src/views/viewed-signal.js";
import { linkedStatus, madeUpAgent, madeUpViews, runningStatus } from "./made-up-signal.js";

const about = { version: "1.2.3", host: "h", kernel: "6.1", metricsPath: "/metrics" };

/** An agent with the made-up signal, and a process that has brewed 5 cups, of which 2 were spilt. */
function brewing() {
  const agent = madeUpAgent();
  const { identity, brews, steeping, sorts, sortSeconds, sortFailures, pots, durations, result, sort, failure } = agent;
  const process = identity.subjects.intern("7", "kettle");
  brews.add(process, result.intern("ok"), 3);
  brews.add(process, result.intern("spilt"), 2);
  steeping.add(process, 0, 1.5);
  pots.set(process, 0, 2048);
  sorts.add(process, sort.intern("green"), 4);
  sorts.add(process, sort.intern("black"), 1);
  sortSeconds.add(process, sort.intern("green"), 0.5);
  sortSeconds.add(process, sort.intern("black"), 1);
  sortFailures.add(process, failure.intern("green", "hot"), 2);
  durations.observe(identity.comms.intern("kettle"), 0, 0.4e9);
  return { ...agent, process };
}

test("a snapshot has the numbers and the latencies of every signal that declares them", async () => {
  const { live, process } = brewing();
  const { processes, columns, latencies } = await live.snapshot();
  const totals = { brews: 5, spills: 2, pots: 2048, leaves: 5, steeping: 1.5 };
  assert.deepEqual(processes, [{ id: process, labels: { pid: "7", comm: "kettle" }, totals }]);
  assert.deepEqual(columns, madeUpViews.columns);
  assert.deepEqual(latencies, [
    { name: "steep", title: "Steeping", bounds: [0.25, 0.5, 1], counts: new Map([["kettle", [0, 1, 0, 0]]]) },
  ]);
});

test("a breakdown has a row for each value of its label, those that took longest first", () => {
  const { live, process } = brewing();
  const rows = [
    { name: "black", count: 1, seconds: 1, failures: {} },
    { name: "green", count: 4, seconds: 0.5, failures: { hot: 2 } },
  ];
  assert.deepEqual(live.breakdowns(process), [{ signal: "tea", title: "Sorts of tea", rows }]);
});

test("a breakdown of a histogram has quantiles, by several labels, and failures by what they have", () => {
  const { identity, catalog, live } = madeUpAgent([
    runningStatus("tea", {
      breakdowns: [
        {
          title: "Orders",
          label: ["method", "route"],
          count: "order_seconds",
          failures: { metric: "order_seconds", by: "error" },
        },
      ],
    }),
  ]);
  const detail = new Dimension(["method", "route", "error"]);
  const { subjects } = identity;
  const orders = catalog.histogram({
    ...{ name: "order_seconds", help: "x", subject: subjects, detail },
    ...{ firstPower: -2, lastPower: 0 },
  });
  const process = subjects.intern("9", "waiter");
  for (let order = 0; order < 98; order++) {
    orders.observe(process, detail.intern("GET", "/tea", ""), 0.2e9);
  }
  orders.observe(process, detail.intern("GET", "/tea", "500"), 0.9e9);
  orders.observe(process, detail.intern("GET", "/tea", "closed"), 2e9);
  orders.observe(process, detail.intern("PUT", "", ""), 0.3e9);
  orders.observe(subjects.intern("10", "waiter"), detail.intern("PUT", "", ""), 0.3e9);
  const [{ rows } = { rows: [] }] = live.breakdowns(process);
  const close = (value: number | undefined, wanted: number): boolean => Math.abs((value ?? 0) - wanted) < 1e-9;
  assert.deepEqual(
    rows.map(({ name, count, failures }) => ({ name, count, failures })),
    [
      { name: "GET /tea", count: 100, failures: { "500": 1, closed: 1 } },
      { name: "PUT", count: 1, failures: {} },
    ],
  );
  assert(close(rows[0]?.seconds, 98 * 0.2 + 2.9) && close(rows[0]?.p50, (0.25 * 50) / 98) && close(rows[0]?.p99, 1));
  assert(close(rows[1]?.p50, 0.375));
});

test("a column of a histogram can be its count, of what has any value of a label", async () => {
  const column = { metric: "order_seconds", shows: "count", unit: "count", help: "x" } as const;
  const { identity, catalog, live } = madeUpAgent([
    runningStatus("tea", {
      columns: [
        { ...column, key: "orders" },
        { ...column, key: "failed_orders", except: { label: "error", value: "" } },
      ],
    }),
  ]);
  const detail = new Dimension(["error"]);
  const orders = catalog.histogram({ name: "order_seconds", help: "x", subject: identity.subjects, detail });
  const process = identity.subjects.intern("9", "waiter");
  orders.observe(process, detail.intern(""), 1);
  orders.observe(process, detail.intern("500"), 1e12);
  const { processes } = await live.snapshot();
  assert.deepEqual(processes.find(({ id }) => id === process)?.totals, { orders: 2, failed_orders: 1 });
});

test("a breakdown of counts alone has no durations and no failures", () => {
  const { title, label, count } = madeUpViews.breakdown;
  const { live, identity, sorts, sort } = madeUpAgent([runningStatus("tea", { breakdown: { title, label, count } })]);
  const process = identity.subjects.intern("7", "kettle");
  sorts.add(process, sort.intern("green"), 4);
  assert.deepEqual(live.breakdowns(process), [{ signal: "tea", title, rows: [{ name: "green", count: 4 }] }]);
});

test("rates are per second, and levels as they are", async () => {
  const { live, process, brews, pots } = brewing();
  const before = await live.snapshot();
  brews.add(process, 0, 6);
  pots.set(process, 0, 1024);
  const after = await live.snapshot();
  const rates = processRates({ ...before, at: 10 }, { ...after, at: 12 });
  assert.deepEqual(rates.get(process), { brews: 3, spills: 3, pots: 1024, leaves: 3, steeping: 0 });
  assert.equal(processRates(before, after, 1).get(process)?.brews, 6);
});

test("the feed says what there is to show once, and again when it changes", async () => {
  const statuses = [runningStatus("tea", madeUpViews)];
  const { live } = madeUpAgent(statuses);
  const feed = createFeed(live, about);
  const first = await feed.nextFrame();
  const whole = JSON.parse(first.whole().data) as Frame;
  assert.deepEqual(
    whole.views?.map(({ signal, columns, headline, breakdown }) => ({ signal, columns, headline, breakdown })),
    [
      {
        signal: "tea",
        columns: madeUpViews.columns,
        headline: madeUpViews.headline,
        breakdown: madeUpViews.breakdown,
      },
    ],
  );
  const next = await feed.nextFrame();
  assert.equal((JSON.parse(next.changes.data) as Frame).views, undefined);
  assert.equal((JSON.parse(next.whole().data) as Frame).views?.length, 1);
  statuses.push(runningStatus("biscuits", {}));
  const later = JSON.parse((await feed.nextFrame()).changes.data) as Frame;
  assert.deepEqual(
    later.views?.map(({ signal }) => signal),
    ["tea", "biscuits"],
  );
});

test("the feed has headlines over all processes, latencies and breakdowns", async () => {
  const { live, identity, process, brews, result, durations } = brewing();
  const feed = createFeed(live, about);
  const first = JSON.parse((await feed.nextFrame()).whole().data) as Frame;
  assert.deepEqual(first.headlines, { brews: 0, pots: 2048, spills: 0 });
  brews.add(process, result.intern("ok"), 10);
  brews.add(identity.subjects.intern("8", "pot"), result.intern("spilt"), 20);
  durations.observe(identity.comms.intern("kettle"), 0, 0.9e9);
  const second = JSON.parse((await feed.nextFrame()).changes.data) as Frame;
  assert.ok(Math.abs((second.headlines.brews ?? 0) * (second.at - first.at) - 30) < 1e-6);
  assert.equal(second.headlines.spills?.toFixed(6), (20 / 30).toFixed(6));
  assert.deepEqual(second.latencies, [
    { name: "steep", title: "Steeping", bounds: [0.25, 0.5, 1], counts: [["kettle", [0, 0, 1, 0]]] },
  ]);
  const viewer = feed.open(new URLSearchParams({ process: `${process}` }));
  const [message] = viewer.take(true);
  const { tables } = JSON.parse(message?.data ?? "{}") as BreakdownFrame;
  assert.deepEqual(tables, live.breakdowns(process));
});

test("signals come in the order of their positions, those without behind the others", () => {
  const at = (name: string, position?: number) => runningStatus(name, position === undefined ? {} : { position });
  const { live } = madeUpAgent([at("last"), at("third", 30), at("first", 0), at("also-last"), at("second", 10)]);
  assert.deepEqual(
    live.views.map(({ signal }) => signal),
    ["first", "second", "third", "last", "also-last"],
  );
});

test("what metrics cannot give, and what another signal has, is left out and reported", () => {
  const [brews, , , , steeping] = madeUpViews.columns;
  const other = {
    position: 2000,
    columns: [
      brews,
      { ...steeping, key: "none", metric: "no_such" },
      { ...steeping, key: "steep", metric: "steep_duration_seconds" },
    ],
    latencies: [{ key: "cup", title: "Cups", metric: "brews_total" }],
    breakdown: { title: "Cups", label: "x", count: "nothing" },
    headline: [
      { title: "x", column: "none" },
      { title: "y", column: "brews", of: "none" },
    ],
  };
  const statuses = [runningStatus("cup", other), runningStatus("tea", madeUpViews)];
  const { catalog, identity } = madeUpAgent(statuses);
  const { views, problems } = declaredViews(catalog, identity, statuses);
  assert.deepEqual(
    views.map(({ signal, columns }) => [signal, columns.length]),
    [
      ["tea", 5],
      ["cup", 0],
    ],
  );
  assert.deepEqual(views[1], { signal: "cup", isFrequent: false, columns: [], latencies: [], headline: [] });
  assert.deepEqual(problems, [
    { signal: "cup", problem: "column brews is also one of signal tea" },
    { signal: "cup", problem: "column none: there is no metric no_such of the type that it needs" },
    { signal: "cup", problem: "column steep: metric steep_duration_seconds has another subject" },
    { signal: "cup", problem: "breakdown Cups: there is no metric nothing of the type that it needs" },
    { signal: "cup", problem: "latency cup: there is no metric brews_total of the type that it needs" },
  ]);
});

test("a signal that does not run shows nothing, and one whose numbers are incomplete says so", async () => {
  const { live } = madeUpAgent([
    { name: "tea", problem: "no kettle" },
    runningStatus("pot", undefined, { problem: "its numbers could not be collected" }),
    runningStatus("cup", undefined),
  ]);
  const { health, columns } = await live.snapshot();
  assert.deepEqual(columns, []);
  assert.deepEqual(
    health.signals.map(({ name, up, hook, problem }) => [name, up, hook, problem]),
    [
      ["tea", false, "no kettle", undefined],
      ["pot", true, "tp_btf", "its numbers could not be collected"],
      ["cup", true, "tp_btf", undefined],
    ],
  );
});

test("links of several signals keep ids of their own", () => {
  const { live } = madeUpAgent([linkedStatus("one"), linkedStatus("two"), linkedStatus("overflow", { id: -1 })]);
  const links = live.watchLinks().links();
  assert.deepEqual(
    links.map(({ comm }) => comm),
    ["one", "two", "overflow"],
  );
  assert.equal(new Set(links.map(({ id }) => id)).size, 3);
});

test("links with the same ends are one, which has the connections of the one signal and the requests of the other", () => {
  const requests = [{ protocol: "http", requests: 3, failures: 1, p99: 0.25 }];
  const { live } = madeUpAgent([
    linkedStatus("tcp", { comm: "curl" }),
    linkedStatus("l7", { comm: "curl", connects: 0, requests }),
    linkedStatus("more", { comm: "wget", connects: 0, requests }),
    linkedStatus("other", { comm: "curl", port: 2 }),
  ]);
  assert.deepEqual(
    live
      .watchLinks()
      .links()
      .map(({ comm, port, connects, requests }) => [comm, port, connects, requests]),
    [
      ["curl", 1, 1, requests],
      ["wget", 1, 0, requests],
      ["curl", 2, 1, undefined],
    ],
  );
});

test("a watch of links has those of a signal that begins to run later, and the others keep their ids", () => {
  const status = (name: string): { name: string; running?: ViewedStatus["running"] } => ({ name });
  const [late, later] = [status("late"), status("later")];
  const { live } = madeUpAgent([late, linkedStatus("one"), later]);
  const watch = live.watchLinks();
  const ids = () => new Map(watch.links().map(({ comm, id }) => [comm, id]));
  assert.deepEqual(ids(), new Map([["one", 0]]));

  let closed = 0;
  const links = [{ ...linkedStatus("late").running?.watchLinks()?.links()[0], comm: "late", id: 0 }] as Link[];
  const watchLinks = (): LinkWatch => ({
    links: () => links,
    close: () => {
      closed++;
    },
  });
  // A build without links, which one with links replaces.
  late.running = runningStatus("late", undefined).running;
  later.running = linkedStatus("later").running;
  const two = ids();
  assert.deepEqual([...two.keys()].sort(), ["later", "one"]);
  assert.equal(two.get("one"), 0);
  late.running = runningStatus("late", undefined, { watchLinks }).running;
  const three = ids();
  assert.deepEqual([three.size, new Set(three.values()).size, three.get("one")], [3, 3, 0]);
  assert.equal(three.get("later"), two.get("later"));
  assert.deepEqual(ids(), three);

  delete late.running;
  assert.deepEqual([ids(), closed], [two, 1]);
  late.running = runningStatus("late", undefined, { watchLinks }).running;
  assert.deepEqual(ids(), three);
  watch.close();
  assert.deepEqual([watch.links(), closed], [[], 2]);
});

test("a tail has the events of a signal that begins to run later, and of none once it is closed", () => {
  const status: { name: string; running?: ViewedStatus["running"] } = { name: "tea" };
  const { live } = madeUpAgent([status]);
  const tail = live.tail({ signals: ["tea"] }, 10);
  let watchers = 0;
  const watchTraced = (): (() => void) => {
    watchers++;
    return () => {
      watchers--;
    };
  };
  status.running = runningStatus("tea", madeUpViews, { watchTraced }).running;
  tail.take();
  tail.take();
  assert.equal(watchers, 1);
  status.running = undefined;
  tail.take();
  assert.equal(watchers, 0);
  status.running = runningStatus("tea", madeUpViews, { watchTraced }).running;
  tail.take();
  tail.close();
  tail.take();
  assert.equal(watchers, 0);
});
