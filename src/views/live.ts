/** What there is to see of the agent at work: a snapshot of everything, breakdowns, links and events. */
import type { Identity } from "../identity/identity.js";
import type { Catalog } from "../metrics/catalog.js";
import type { LinkWatch } from "../sdk/links.js";
import type { Column } from "../sdk/views.js";
import { declaredViews } from "./declared.js";
import { healthNow, type ProgramSeconds } from "./health.js";
import { latencies, type Latency } from "./latency.js";
import { watchAllLinks } from "./links.js";
import { breakdownRows } from "./breakdown.js";
import { processTotals } from "./processes.js";
import type { BreakdownTable, Health, ProcessTotals, SignalViews } from "./protocol.js";
import { readsOf } from "./snapshot-reads.js";
import { openTail, type Tail, type TailFilter } from "./tail.js";
import type { ViewedStatus } from "./viewed-signal.js";

/** Everything at one moment: what `/metrics` would say after the same collect. */
export interface Snapshot {
  /** When, in seconds of a clock that never steps: for rates between two snapshots. */
  readonly at: number;
  /** When, in milliseconds since the epoch. */
  readonly time: number;
  /** Those that have any number, in no order. */
  readonly processes: readonly ProcessTotals[];
  /** What those numbers are: the columns of all signals that run. */
  readonly columns: readonly Column[];
  readonly latencies: readonly Latency[];
  readonly health: Health;
}

export interface LiveOptions {
  readonly catalog: Catalog;
  readonly identity: Identity;
  /** Read at each call: signals may come and go. */
  readonly signals: readonly ViewedStatus[];
  /** Brings all tables up to date, as before a scrape. */
  readonly collect: () => Promise<void>;
  /** Turns the time of a record, nanoseconds of CLOCK_MONOTONIC, into text. */
  readonly utc: (time: number) => string;
  /** What the programs of signals cost. Default: not known. */
  readonly programSeconds?: ProgramSeconds;
}

export interface Live {
  /** Collects, then reads everything. */
  snapshot(): Promise<Snapshot>;
  /** What each signal that runs shows. */
  readonly views: readonly SignalViews[];
  /** The numbers that processes have in snapshots: the columns of all signals that run. */
  readonly columns: readonly Column[];
  /** The breakdowns of a process by its id in the last snapshot, from the tables as they stand. */
  breakdowns(process: number): BreakdownTable[];
  /** Observes who talks to whom, until it is closed, in signals that begin to run later, too. Bytes count from the first collect on. */
  watchLinks(): LinkWatch;
  /** Collects events as they come, until it is closed: at most `limit` between two calls of {@link Tail.take}. */
  tail(filter: TailFilter, limit: number): Tail;
}

/** Makes the live view of an agent's signals. */
export function createLive(options: LiveOptions): Live {
  const { catalog, identity, signals, collect, utc, programSeconds = () => undefined } = options;
  const beginRead = readsOf(catalog);
  const running = () => signals.flatMap((signal) => signal.running ?? []);
  const views = () => declaredViews(catalog, identity, signals).views;

  return {
    async snapshot() {
      const endRead = beginRead();
      let isComplete = false;
      try {
        await collect();
        const shown = views();
        const columns = shown.flatMap((view) => view.columns);
        const snapshot = {
          at: performance.now() / 1000,
          time: Date.now(),
          processes: processTotals(catalog, identity.subjects, columns),
          columns,
          latencies: latencies(
            catalog,
            shown.flatMap((view) => view.latencies),
          ),
          health: healthNow(catalog, signals, programSeconds),
        };
        isComplete = true;
        return snapshot;
      } finally {
        endRead(isComplete);
      }
    },
    get views() {
      return views();
    },
    get columns() {
      return views().flatMap((view) => view.columns);
    },
    breakdowns: (process) =>
      views().flatMap(({ signal, breakdown, breakdowns = [] }) =>
        [...(breakdown === undefined ? [] : [breakdown]), ...breakdowns].map((each) => ({
          ...{ signal, title: each.title },
          rows: breakdownRows(catalog, process, each),
        })),
      ),
    watchLinks: () => watchAllLinks(running),
    tail: (filter, limit) => openTail(running, identity, utc, filter, limit),
  };
}
