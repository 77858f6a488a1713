/** Traced records as JSON, one object a line. docs/trace.md documents the names. */
import { traceEvent } from "../live/trace-event.js";
import type { EventRecord, Signal } from "../signals/signal.js";
import { escapeControls } from "../agent/error-text.js";
import type { WallClock } from "../live/clock.js";

/** Makes the line of a record, newline included. What a terminal would obey is escaped. */
export function jsonLines(signal: Signal, clock: WallClock): (record: EventRecord) => string {
  const utc = (time: number): string => clock.utc(time);
  return (record) => {
    const line = JSON.stringify(traceEvent(signal, utc, record));
    return `${escapeControls(line)}\n`;
  };
}
