/** Traced records as a table for people. */
import type { EventRecord, Signal, TraceValue } from "../signals/signal.js";
import { escapeControls } from "../agent/error-text.js";
import type { WallClock } from "../live/clock.js";

type Fields = ReturnType<Signal["trace"]["fields"]>;

interface Column {
  readonly heading: string;
  /** 0: as wide as it needs, for the last. */
  readonly width: number;
  text(record: EventRecord, fields: Fields): string;
}

/** A table that has no end: its heading, and the line of a record; newlines included. */
export interface Table {
  readonly heading: string;
  readonly line: (record: EventRecord) => string;
}

/** The table of a signal. Control characters come out escaped, what a record does not have as `-`. */
export function traceTable(signal: Signal, clock: WallClock): Table {
  const columns: readonly Column[] = [
    { heading: "TIME", width: 15, text: ({ time }) => clock.local(time) },
    { heading: "PID", width: 7, text: ({ tgid }) => tgid.toString() },
    { heading: "TID", width: 7, text: ({ tgid, tid }) => (tid === tgid ? "-" : tid.toString()) },
    { heading: "COMM", width: 20, text: commText },
    ...signal.trace.columns.map(({ field, heading, width }) => ({
      heading,
      width,
      text: (_: EventRecord, fields: Fields) => fieldText(field, fields),
    })),
  ];
  return {
    heading: row(columns, ({ heading }) => heading),
    line(record) {
      const fields = signal.trace.fields(record);
      return row(columns, (column) => escapeControls(column.text(record, fields)));
    },
  };
}

function row(columns: readonly Column[], cell: (column: Column) => string): string {
  return `${columns
    .map((column) => cell(column).padEnd(column.width))
    .join(" ")
    .trimEnd()}\n`;
}

/** `process/thread` where a thread has another name than its process. */
function commText({ comm, threadComm }: EventRecord): string {
  return threadComm === comm ? comm : `${comm}/${threadComm}`;
}

function fieldText(name: string, fields: Fields): string {
  const value: TraceValue = fields[name];
  if (value === undefined) {
    return "-";
  }
  if (typeof value === "number" && name.endsWith("_seconds")) {
    return durationText(value);
  }
  return fields[`${name}_truncated`] === true ? `${value}…` : value.toString();
}

/** Three digits and a unit: `417ns`, `12.3us`, `1.05ms`, `93.1s`. */
export function durationText(seconds: number): string {
  for (const [unit, factor] of [
    ["ns", 1e9],
    ["us", 1e6],
    ["ms", 1e3],
  ] as const) {
    const amount = seconds * factor;
    if (Number(amount.toPrecision(3)) < 1000) {
      return `${unit === "ns" ? Math.round(amount) : amount.toPrecision(3)}${unit}`;
    }
  }
  return `${seconds < 1000 ? seconds.toPrecision(3) : Math.round(seconds)}s`;
}
