/** A record as a plain object. docs/trace.md documents the names. */
import { type AnySignal, type EventRecord, hasActor, type Trace } from "../sdk/signal.js";
import type { TraceEvent } from "./protocol.js";

/** A signal that has records and says how they are shown. */
export interface TraceableSignal extends AnySignal {
  readonly trace: Trace<EventRecord>;
}

/** Can the signal's events be shown? */
export function isTraceable(signal: AnySignal): signal is TraceableSignal {
  return signal.trace !== undefined && signal.ring !== undefined;
}

/** Who did it, if the record says, and the signal's own fields. */
export function eventFields(signal: TraceableSignal, record: EventRecord): Omit<TraceEvent, "time" | "signal"> {
  const own = signal.trace.fields(record);
  return hasActor(record)
    ? { pid: record.tgid, tid: record.tid, comm: record.comm, thread_comm: record.threadComm, ...own }
    : own;
}

/** Makes the object of a record; `utc` turns its time, nanoseconds of CLOCK_MONOTONIC, into text. */
export function traceEvent(signal: TraceableSignal, utc: (time: number) => string, record: EventRecord): TraceEvent {
  return { time: utc(record.time), signal: signal.name, ...eventFields(signal, record) };
}
