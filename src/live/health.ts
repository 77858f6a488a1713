/** How the agent fares, and what it costs now. */
import type { Catalog } from "../metrics/catalog.js";
import { hookText } from "../signals/load.js";
import { type Books, dropReasons, type RunningSignal } from "../signals/running.js";

/** A signal that was asked for. */
export interface WatchedSignal {
  readonly name: string;
  /** Absent when it could not be loaded or attached. */
  readonly running?: RunningSignal;
  /** Why it is absent, for people. */
  readonly problem?: string;
}

export interface SignalHealth {
  readonly name: string;
  readonly up: boolean;
  /** How it is hooked into the kernel; when it is down, why. */
  readonly hook: string;
  /** Events since the start: see {@link Books}. */
  readonly books: Books;
  /** Bytes; both 0 without a ring of its own. */
  readonly ring: { readonly used: number; readonly size: number };
  /** Kernel maps that fill up with use. */
  readonly maps: readonly { readonly map: string; readonly entries: number; readonly capacity: number }[];
}

export interface Health {
  readonly signals: readonly SignalHealth[];
  /** Sums over all signals, events since the start. */
  readonly consumed: number;
  readonly dropped: number;
  /** CPU time of this process since its start, seconds: all threads, user and system. */
  readonly cpuSeconds: number;
  /** Memory of this process that is in RAM, bytes. */
  readonly residentBytes: number;
  /** Series that the tables hold, every bucket counted, and updates that found no room of their own. */
  readonly series: number;
  readonly folded: number;
}

const noBooks: Books = {
  produced: 0,
  consumed: 0,
  dropped: { ring_full: 0, map_full: 0, sampled: 0, handler_error: 0, corrupt: 0 },
};

function signalHealth({ name, running, problem = "" }: WatchedSignal): SignalHealth {
  if (running === undefined) {
    return { name, up: false, hook: problem, books: noBooks, ring: { used: 0, size: 0 }, maps: [] };
  }
  const { loaded, ring } = running;
  return {
    name,
    up: true,
    hook: hookText(loaded),
    books: running.books(),
    ring: { used: ring.used(), size: ring.size },
    maps: running.mapFill(),
  };
}

/** Looks at everything once. */
export function healthNow(catalog: Catalog, watched: readonly WatchedSignal[]): Health {
  const signals = watched.map(signalHealth);
  const tables = [...catalog];
  const { user, system } = process.cpuUsage();
  return {
    signals,
    consumed: signals.reduce((events, { books }) => events + books.consumed, 0),
    dropped: signals.reduce(
      (events, { books }) => events + dropReasons.reduce((sum, reason) => sum + books.dropped[reason], 0),
      0,
    ),
    cpuSeconds: (user + system) / 1e6,
    residentBytes: process.memoryUsage.rss(),
    series: tables.reduce((series, table) => series + table.size * table.seriesPerRow, 0),
    folded: tables.reduce((updates, table) => updates + table.folded, 0),
  };
}
