/** Traced records as JSON, one object a line. docs/trace.md documents the names, docs/trace.schema.json the types. */
import type { AnySignal } from "../../sdk/signal.js";
import { escapeControls } from "../../log/error-text.js";
import type { WallClock } from "../../views/clock.js";
import type { TracedEvent } from "./fields.js";

/** Makes the line of an event, newline included. What a terminal would obey is escaped. */
export function jsonLines(signal: AnySignal, clock: WallClock): (event: TracedEvent) => string {
  return ({ record, fields }) => {
    const line = JSON.stringify({ time: clock.utc(record.time), signal: signal.name, ...fields });
    return `${escapeControls(line)}\n`;
  };
}
