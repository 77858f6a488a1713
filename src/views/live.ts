/** What people look at while the agent runs. Everything here is worked out when somebody asks, and costs nothing before. */
import type { Identity } from "../identity/identity.js";
import type { Catalog } from "../metrics/catalog.js";
import type { PeerDirectory } from "../sdk/peers.js";
import type { SignalStatus } from "../engine/running.js";
import { type EdgeWatch, watchEdges } from "./edges.js";
import { healthNow } from "./health.js";
import { latencies, type Latency } from "./latency.js";
import { looksAt } from "./looks.js";
import { callTotals, processTotals } from "./processes.js";
import type { CallTotals, Health, ProcessTotals } from "./protocol.js";
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
  readonly peers?: PeerDirectory | undefined;
  /** Turns the time of a record, nanoseconds of CLOCK_MONOTONIC, into text. */
  readonly utc: (time: number) => string;
}

export interface Live {
  /** Collects, then looks at everything. */
  snapshot(): Promise<Snapshot>;
  /** The system calls of a process by its id in the last snapshot, by the tables as they stand. */
  calls(process: number): CallTotals[];
  /** Watches who talks to whom, until it is closed. */
  watchEdges(): EdgeWatch;
  /** Collects events as they come, until it is closed: at most `limit` between two looks. */
  tail(filter: TailFilter, limit: number): Tail;
}

/** Makes the live view of an agent's signals. */
export function createLive(options: LiveOptions): Live {
  const { catalog, identity, signals, collect, peers, utc } = options;
  const beginLook = looksAt(catalog);
  const running = signals.flatMap((signal) => signal.running ?? []);

  return {
    async snapshot() {
      const endLook = beginLook();
      let isComplete = false;
      try {
        await collect();
        const snapshot = {
          at: performance.now() / 1000,
          time: Date.now(),
          processes: processTotals(catalog, identity.subjects),
          latencies: latencies(catalog, identity.comms),
          health: healthNow(catalog, signals),
        };
        isComplete = true;
        return snapshot;
      } finally {
        endLook(isComplete);
      }
    },
    calls: (process) => callTotals(catalog, process),
    watchEdges: () => watchEdges(running, identity, peers),
    tail: (filter, limit) => openTail(running, identity, utc, filter, limit),
  };
}
