/** What people look at while the agent runs. Everything here is worked out when somebody asks, and costs nothing before. */
import type { Identity } from "../identity/identity.js";
import type { Catalog } from "../metrics/catalog.js";
import type { SignalStatus } from "../engine/running.js";
import type { LinkWatch } from "../sdk/links.js";
import type { Column } from "../sdk/views.js";
import { healthNow } from "./health.js";
import { latencies, type Latency } from "./latency.js";
import { looksAt } from "./looks.js";
import { breakdownRows, processTotals } from "./processes.js";
import type { BreakdownFrame, Health, ProcessTotals } from "./protocol.js";
import { openTail, type Tail, type TailFilter } from "./tail.js";

/** Everything at one moment: what `/metrics` would say after the same collect. */
export interface Snapshot {
  /** When, in seconds of a clock that never steps: for rates between two snapshots. */
  readonly at: number;
  /** When, in milliseconds since the epoch. */
  readonly time: number;
  /** Those with anything to tell, in no order. */
  readonly processes: readonly ProcessTotals[];
  readonly latencies: readonly Latency[];
  readonly health: Health;
}

export interface LiveOptions {
  readonly catalog: Catalog;
  readonly identity: Identity;
  readonly signals: readonly SignalStatus[];
  /** Brings all tables up to date, as before a scrape. */
  readonly collect: () => Promise<void>;
  /** Turns the time of a record, nanoseconds of CLOCK_MONOTONIC, into text. */
  readonly utc: (time: number) => string;
}

export interface Live {
  /** Collects, then looks at everything. */
  snapshot(): Promise<Snapshot>;
  /** The numbers that processes have in snapshots, of all signals that run. */
  readonly columns: readonly Column[];
  /** The breakdowns of a process by its id in the last snapshot, by signal, by the tables as they stand. */
  breakdowns(process: number): BreakdownFrame["signals"];
  /** Observes who talks to whom, until it is closed. Bytes count from the first collect on. */
  watchLinks(): LinkWatch;
  /** Collects events as they come, until it is closed: at most `limit` between two looks. */
  tail(filter: TailFilter, limit: number): Tail;
}

/** Makes the live view of an agent's signals. */
export function createLive(options: LiveOptions): Live {
  const { catalog, identity, signals, collect, utc } = options;
  const beginLook = looksAt(catalog);
  const running = signals.flatMap((signal) => signal.running ?? []);
  const views = running.flatMap(({ signal }) =>
    signal.views === undefined ? [] : [{ name: signal.name, ...signal.views }],
  );
  const columns = views.flatMap((view) => view.columns ?? []);
  const latencyViews = views.flatMap((view) => view.latencies ?? []);

  return {
    async snapshot() {
      const endLook = beginLook();
      let isComplete = false;
      try {
        await collect();
        const snapshot = {
          at: performance.now() / 1000,
          time: Date.now(),
          processes: processTotals(catalog, identity.subjects, columns),
          latencies: latencies(catalog, identity.comms, latencyViews),
          health: healthNow(catalog, signals),
        };
        isComplete = true;
        return snapshot;
      } finally {
        endLook(isComplete);
      }
    },
    columns,
    breakdowns: (process) =>
      Object.fromEntries(
        views.flatMap(({ name, breakdown }) =>
          breakdown === undefined
            ? []
            : [[name, { title: breakdown.title, rows: breakdownRows(catalog, process, breakdown) }] as const],
        ),
      ),
    watchLinks() {
      const watches = running.flatMap((signal) => signal.watchLinks() ?? []);
      return {
        links: () => watches.flatMap((watch) => watch.links()),
        close() {
          for (const watch of watches) {
            watch.close();
          }
        },
      };
    },
    tail: (filter, limit) => openTail(running, identity, utc, filter, limit),
  };
}
