/** What `ringtap top` shows at one moment: the difference between two snapshots. */
import type { Snapshot } from "../../views/live.js";
import { processRates } from "../../views/processes.js";
import type { TopRow } from "./columns.js";

/** How the agent itself fared in that time. */
export interface TopHealth {
  /** Events taken in, and events lost. */
  readonly events: number;
  readonly dropped: number;
  /** Of one processor, from 0. */
  readonly cpu: number;
  readonly residentBytes: number;
  /** Signals that do not run. */
  readonly down: readonly string[];
}

/** What happened between two snapshots. */
export interface TopFrame {
  /** When it ended, milliseconds since the epoch. */
  readonly time: number;
  readonly seconds: number;
  /** Those that did anything, or have connections. */
  readonly rows: readonly TopRow[];
  readonly health: TopHealth;
}

/** What happened between two snapshots of the same signals. */
export function topFrame(before: Snapshot, after: Snapshot): TopFrame {
  const seconds = after.at - before.at;
  // Per second of a time that is taken for one second: counts.
  const counts = processRates(before.processes, after.processes, 1, ["connections"]);
  const rows = after.processes.flatMap(({ id, labels }) => {
    const ofProcess = counts.get(id);
    if (ofProcess === undefined || Object.values(ofProcess).every((count) => count === 0)) {
      return [];
    }
    const { pid = "", comm = "", container = "", container_id = "" } = labels;
    return [{ id, pid, comm, container: container || container_id, counts: ofProcess }];
  });
  const { consumed, dropped, cpuSeconds, residentBytes, signals } = after.health;
  return {
    time: after.time,
    seconds,
    rows,
    health: {
      events: consumed - before.health.consumed,
      dropped: dropped - before.health.dropped,
      cpu: (cpuSeconds - before.health.cpuSeconds) / seconds,
      residentBytes,
      down: signals.filter(({ up }) => !up).map(({ name }) => name),
    },
  };
}
