/** A record as a plain object. docs/trace.md documents the names. */
import type { EventRecord, Signal } from "../sdk/signal.js";
import type { TraceEvent } from "./protocol.js";

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
