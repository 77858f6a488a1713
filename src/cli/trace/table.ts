/** Traced records as a table for people. */
import { hasActor } from "../../sdk/signal.js";
import type { TraceableSignal } from "../../views/trace-event.js";
import { escapeControls } from "../../log/error-text.js";
import { durationText } from "../../views/shared/quantities.js";
import type { Paint, Style } from "../terminal/color.js";
import { pad } from "../terminal/text.js";
import type { WallClock } from "../../views/clock.js";
import { type Fields, hasActors, isDuration, type TracedEvent } from "./fields.js";

interface Column {
  readonly heading: string;
  /** 0: as wide as it needs, for the last. */
  readonly width: number;
  text(event: TracedEvent): string;
}

/** A table that has no end: its heading, and the line of an event; newlines included. */
export interface Table {
  readonly heading: string;
  readonly line: (event: TracedEvent) => string;
}

/** Where the process ran, as far as a line has room: the most telling names that are known. */
const places = ["container", "container_id", "pod", "namespace"] as const;

/** Who did it, where records say so. */
const actorColumns: readonly Column[] = [
  { heading: "PID", width: 7, text: ({ fields }) => fieldText("pid", fields) },
  { heading: "TID", width: 7, text: ({ fields }) => (fields.tid === fields.pid ? "-" : fieldText("tid", fields)) },
  { heading: "COMM", width: 20, text: commText },
];

/** The table of a signal. Control characters come out escaped, what a record does not have as `-`. */
export function traceTable(signal: TraceableSignal, clock: WallClock, paint: Paint): Table {
  const columns: readonly Column[] = [
    { heading: "TIME", width: 15, text: ({ record }) => clock.local(record.time) },
    ...(hasActors(signal) ? actorColumns : []),
    ...signal.trace.columns.map(({ field, heading, width }) => ({
      heading,
      width,
      text: ({ fields }: TracedEvent) => fieldText(field, fields),
    })),
  ];
  return {
    heading: `${paint(
      "bold",
      row(columns, ({ heading }) => heading),
    )}\n`,
    line(event) {
      const text = row(columns, (column) => escapeControls(column.text(event)));
      const style = styleOf(event);
      const place = placeText(event.fields);
      return `${style === undefined ? text : paint(style, text)}${place === "" ? "" : ` ${paint("dim", place)}`}\n`;
    },
  };
}

function row(columns: readonly Column[], cell: (column: Column) => string): string {
  return columns
    .map((column) => pad(cell(column), column.width))
    .join(" ")
    .trimEnd();
}

function styleOf({ failed, slow }: TracedEvent): Style | undefined {
  return failed ? "red" : slow ? "yellow" : undefined;
}

/** `process/thread` where a thread has another name than its process. */
function commText({ record }: TracedEvent): string {
  if (!hasActor(record)) {
    return "-";
  }
  const { comm, threadComm } = record;
  return threadComm === comm ? comm : `${comm}/${threadComm}`;
}

/** `container=web pod=shop-7d9c namespace=prod`; the id of a container only where its name is not known. */
function placeText(fields: Fields): string {
  return places
    .filter((name) => fields[name] !== undefined && (name !== "container_id" || fields.container === undefined))
    .map((name) => `${name}=${escapeControls(String(fields[name]))}`)
    .join(" ");
}

function fieldText(name: string, fields: Fields): string {
  const value = fields[name];
  if (value === undefined) {
    return "-";
  }
  if (typeof value === "number" && isDuration(name)) {
    return durationText(value);
  }
  return fields[`${name}_truncated`] === true ? `${value}…` : value.toString();
}
