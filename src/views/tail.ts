/** Events as they come, as objects. */
import type { Identity } from "../identity/identity.js";
import { type AnySignal, type EventRecord, hasActor } from "../sdk/signal.js";
import type { TraceEvent } from "./protocol.js";
import { isTraceable, traceEvent } from "./trace-event.js";
import type { ViewedSignal } from "./viewed-signal.js";

/** Which events; what is not given leaves all. */
export interface TailFilter {
  /** Names of signals. Default: all that run; in a library those that the agent was opened for. */
  readonly signals?: readonly string[];
  /** Names of signals that are left out. */
  readonly except?: readonly string[];
  readonly pid?: number;
  /** A part of the comm. */
  readonly comm?: string;
  /** Only events that failed, as the trace of each signal defines it: a refused connect, a process that was killed. */
  readonly failures?: boolean;
}

/** An event, and whether it failed. */
export interface TailEvent {
  readonly event: TraceEvent;
  readonly isFailure: boolean;
}

/** Events that wait to be taken. */
export interface Tail {
  /** Hands over the events that have come since the last time, oldest first. */
  take(): TailEvent[];
  /** Events beyond the limit, since the tail began. */
  readonly dropped: number;
  /** Ends it. */
  close(): void;
}

/** Is a record wanted, as far as that shows without decoding it? A comm is compared once for each process. */
function preselection({ pid, comm }: TailFilter, identity: Identity): (record: EventRecord) => boolean {
  if (pid !== undefined) {
    return (record) => hasActor(record) && record.tgid === pid && (comm === undefined || record.comm.includes(comm));
  }
  if (comm === undefined || comm === "") {
    return () => true;
  }
  return (record) => {
    if (!hasActor(record)) {
      return false;
    }
    const id = identity.comm(identity.of(record));
    return (identity.comms.values(id)[0] ?? "").includes(comm);
  };
}

/**
 * Begins to collect the events of the signals that run, and of those that begin to later, at most `limit` between two
 * {@link Tail.take}. Further ones are counted, not decoded: a flood costs its viewer events, and the agent next to nothing. `utc`
 * is as for {@link traceEvent}.
 */
export function openTail(
  running: () => readonly Pick<ViewedSignal, "signal" | "watchTraced">[],
  identity: Identity,
  utc: (time: number) => string,
  filter: TailFilter,
  limit: number,
): Tail {
  let waiting: TailEvent[] = [];
  let dropped = 0;
  const isWanted = preselection(filter, identity);
  const watcher = (record: EventRecord, signal: AnySignal): void => {
    if (!isTraceable(signal) || !isWanted(record)) {
      return;
    }
    if (waiting.length >= limit) {
      dropped++;
      return;
    }
    const isFailure = signal.trace.failed?.(record) ?? false;
    if (filter.failures !== true || isFailure) {
      waiting.push({ event: traceEvent(signal, utc, record), isFailure });
    }
  };
  let isClosed = false;
  const watches = new Map<string, () => void>();

  /** Watches each signal that is wanted and runs; the watch of one moves to the build that replaces it. */
  function follow(): void {
    if (isClosed) {
      return;
    }
    const wanted = running().filter(
      ({ signal: { name } }) => (filter.signals?.includes(name) ?? true) && filter.except?.includes(name) !== true,
    );
    for (const [name, stop] of watches) {
      if (!wanted.some(({ signal }) => signal.name === name)) {
        stop();
        watches.delete(name);
      }
    }
    for (const one of wanted) {
      if (!watches.has(one.signal.name)) {
        watches.set(one.signal.name, one.watchTraced(watcher, filter.failures === true ? "failures" : "all"));
      }
    }
  }

  follow();
  return {
    take() {
      follow();
      const events = waiting;
      waiting = [];
      // Each signal's are in order; these are the signals' one after the other.
      return events.sort(({ event: { time: one } }, { event: { time: other } }) =>
        one < other ? -1 : one > other ? 1 : 0,
      );
    },
    get dropped() {
      return dropped;
    },
    close() {
      isClosed = true;
      for (const stop of watches.values()) {
        stop();
      }
    },
  };
}
