/** Traced records as JSON, one object a line. docs/trace.md documents the names. */
import type { EventRecord, Signal } from "../signals/signal.js";
import { escapeControls } from "./logger-text.js";
import type { WallClock } from "./trace-clock.js";

/** Makes the line of a record, newline included. What a terminal would obey is escaped. */
export function jsonLines(signal: Signal, clock: WallClock): (record: EventRecord) => string {
  return (record) => {
    const line = JSON.stringify({
      time: clock.utc(record.time),
      signal: signal.name,
      pid: record.tgid,
      tid: record.tid,
      comm: record.comm,
      thread_comm: record.threadComm,
      ...signal.trace.fields(record),
    });
    return `${escapeControls(line)}\n`;
  };
}
