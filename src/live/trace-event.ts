/** A record as a plain object. docs/trace.md documents the names. */
import type { EventRecord, Signal, TraceValue } from "../signals/signal.js";

/** What every event has; the fields of its signal follow. */
export interface TraceEvent {
  /** Wall-clock time, as in `2026-11-22T08:30:00.123456Z`. */
  readonly time: string;
  readonly signal: string;
  readonly pid: number;
  readonly tid: number;
  readonly comm: string;
  readonly thread_comm: string;
  readonly [field: string]: TraceValue;
}

/** By whom it was, and the signal's own fields. */
export function eventFields(signal: Signal, record: EventRecord): Omit<TraceEvent, "time" | "signal"> {
  return {
    pid: record.tgid,
    tid: record.tid,
    comm: record.comm,
    thread_comm: record.threadComm,
    ...signal.trace.fields(record),
  };
}

/** Makes the object of a record; `utc` turns its time, nanoseconds of CLOCK_MONOTONIC, into text. */
export function traceEvent(signal: Signal, utc: (time: number) => string, record: EventRecord): TraceEvent {
  return { time: utc(record.time), signal: signal.name, ...eventFields(signal, record) } as TraceEvent;
}
