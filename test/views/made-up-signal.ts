/** A signal that no one has heard of, over real tables: what views make of a user's own. */
import type { BpfObject } from "../../src/binding/native.js";
import { Identity } from "../../src/identity/identity.js";
import { Catalog } from "../../src/metrics/catalog.js";
import { Dimension } from "../../src/metrics/dimension.js";
import type { Link, LinkWatch } from "../../src/sdk/links.js";
import { type AnySignal, defaultHooks, signalApi } from "../../src/sdk/signal.js";
import type { Views } from "../../src/sdk/views.js";
import { createLive } from "../../src/views/live.js";
import type { ViewedSignal, ViewedStatus } from "../../src/views/viewed-signal.js";

/** What it declares. */
export const madeUpViews = {
  columns: [
    {
      key: "brews",
      metric: "brews_total",
      unit: "count",
      heading: "BREW",
      help: "cups of tea, spilt ones among them",
    },
    {
      key: "spills",
      sort: "spilt",
      metric: "brews_total",
      except: { label: "result", value: "ok" },
      unit: "count",
      heading: "SPILT",
      help: "cups of tea that were spilt",
      isFailure: true,
    },
    { key: "pots", metric: "pots", unit: "bytes", isLevel: true, heading: "POTS", help: "what pots hold now" },
    { key: "leaves", metric: "brews_total", unit: "count", help: "in snapshots and JSON only" },
    {
      key: "steeping",
      metric: "steep_seconds_total",
      unit: "seconds",
      heading: "STEEP",
      isDetail: true,
      help: "time of steeping",
    },
  ],
  latencies: [{ key: "steep", title: "Steeping", metric: "steep_duration_seconds" }],
  breakdown: {
    title: "Sorts of tea",
    label: "sort",
    count: "sorts_total",
    seconds: "sort_seconds_total",
    failures: { metric: "sort_failures_total", by: "reason" },
  },
  headline: [
    { title: "cups", column: "brews" },
    { title: "pots", column: "pots" },
    { title: "of cups spilt", column: "spills", of: "brews" },
  ],
} as const satisfies Views & Readonly<Record<string, unknown>>;

/** The status of a signal that runs, of this name and with these views. */
export function runningStatus(
  name: string,
  views: AnySignal["views"],
  more: Partial<Pick<ViewedSignal, "problem" | "watchLinks" | "watchTraced">> = {},
): ViewedStatus {
  const signal: AnySignal = {
    api: signalApi,
    name,
    summary: name,
    object: new Uint8Array(),
    start: () => ({}),
    ...(views === undefined ? {} : { views }),
  };
  const loaded = { hook: defaultHooks[0], lost: [], object: {} as BpfObject } as unknown as ViewedSignal["loaded"];
  return {
    name,
    running: {
      signal,
      views,
      loaded,
      ring: undefined,
      problem: undefined,
      stats: () => ({}),
      eventCounts: () => ({
        produced: 0,
        consumed: 0,
        dropped: { ring_full: 0, map_full: 0, sampled: 0, handler_error: 0, corrupt: 0 },
      }),
      mapFill: () => [],
      watchTraced: () => () => undefined,
      watchLinks: () => undefined,
      ...more,
    },
  };
}

/** The status of a signal that shows one link, whose id is 0. */
export function linkedStatus(name: string, link: Partial<Link> = {}): ViewedStatus {
  const ends = { pid: 1, role: "client", address: "::1", port: 1, local: "::1", remote: "::1" } as const;
  const totals = { connects: 1, failures: 0, sent_bytes: 0, received_bytes: 0, open: 0 };
  const links = [{ id: 0, process: 1, comm: name, labels: {}, peer: {}, ...ends, ...totals, ...link }];
  const watch: LinkWatch = { links: () => links, close: () => undefined };
  return runningStatus(name, undefined, { watchLinks: () => watch });
}

/** A live view of these signals over tables that a test fills: those of the made-up signal. */
export function madeUpAgent(signals: readonly ViewedStatus[] = [runningStatus("tea", madeUpViews)]) {
  const catalog = new Catalog();
  const identity = new Identity(catalog, ["pid", "comm"]);
  const { subjects, comms } = identity;
  const [result, sort, failure] = [
    new Dimension(["result"]),
    new Dimension(["sort"]),
    new Dimension(["sort", "reason"]),
  ];
  const counter = (name: string, detail?: Dimension) =>
    catalog.counter({ name, help: "x", subject: subjects, ...(detail === undefined ? {} : { detail }) });
  const tables = {
    brews: counter("brews_total", result),
    steeping: counter("steep_seconds_total"),
    sorts: counter("sorts_total", sort),
    sortSeconds: counter("sort_seconds_total", sort),
    sortFailures: counter("sort_failures_total", failure),
    pots: catalog.gauge({ name: "pots", help: "x", subject: subjects }),
    durations: catalog.histogram({
      name: "steep_duration_seconds",
      help: "x",
      subject: comms,
      firstPower: -2,
      lastPower: 0,
    }),
  };
  const live = createLive({ catalog, identity, signals, collect: () => Promise.resolve(), utc: String });
  return { catalog, identity, live, ...tables, result, sort, failure };
}
