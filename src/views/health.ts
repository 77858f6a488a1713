/** The health of the agent: its signals, its losses, and what it costs now. */
import type { Catalog } from "../metrics/catalog.js";
import { hookText } from "../engine/load.js";
import type { EventCounts } from "../engine/running.js";
import type { Health, SignalHealth } from "./protocol.js";
import { sum } from "./shared/sums.js";
import type { ViewedStatus } from "./viewed-signal.js";

const noEvents: EventCounts = {
  produced: 0,
  consumed: 0,
  dropped: { ring_full: 0, map_full: 0, sampled: 0, handler_error: 0, corrupt: 0 },
};

/** Seconds that the programs of a signal have run; undefined where they are not timed. */
export type ProgramSeconds = (signal: string) => number | undefined;

function signalHealth(
  { name, running, problem: refusal = "" }: ViewedStatus,
  programSeconds: ProgramSeconds,
): SignalHealth {
  if (running === undefined) {
    return { name, up: false, hook: refusal, events: noEvents, ring: { used: 0, size: 0 }, maps: [] };
  }
  const { loaded, ring, problem } = running;
  const stats = running.stats();
  const seconds = programSeconds(name);
  return {
    name,
    up: true,
    hook: hookText(loaded),
    ...(problem === undefined ? {} : { problem }),
    events: running.eventCounts(stats),
    ring: { used: ring?.used() ?? 0, size: ring?.size ?? 0 },
    maps: running.mapFill(stats),
    ...(seconds === undefined ? {} : { programSeconds: seconds }),
  };
}

/** Reads everything once. */
export function healthNow(catalog: Catalog, watched: readonly ViewedStatus[], programSeconds: ProgramSeconds): Health {
  const signals = watched.map((status) => signalHealth(status, programSeconds));
  const tables = [...catalog];
  const { user, system } = process.cpuUsage();
  return {
    signals,
    consumed: sum(signals.map(({ events }) => events.consumed)),
    dropped: sum(signals.flatMap(({ events }) => Object.values(events.dropped))),
    cpuSeconds: (user + system) / 1e6,
    residentBytes: process.memoryUsage.rss(),
    series: sum(tables.map(({ size, seriesPerRow }) => size * seriesPerRow)),
    folded: sum(tables.map(({ folded }) => folded)),
  };
}
