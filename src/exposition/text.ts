/**
 * The Prometheus text exposition format, version 0.0.4
 * (https://github.com/prometheus/docs/blob/main/docs/instrumenting/exposition_formats.md).
 *
 * Every family comes with HELP and TYPE, also while it has no series: one scrape shows all there is to ask for.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { AnyTable } from "../metrics/catalog.js";
import type { HistogramTable } from "../metrics/histogram-table.js";
import type { ValueTable } from "../metrics/value-table.js";

/** What `Content-Type` says about this format. */
export const textContentType = "text/plain; version=0.0.4; charset=utf-8";

/** Characters in a piece of output, about 200 rows; the clock is read once for each. */
const pieceLength = 16_384;

/** How long a render holds the event loop before it lets others run, milliseconds. */
const sliceMilliseconds = 4;

/** Turns rows of one table into lines. */
type RowWriter = (row: number) => string;

/** A sample's number: the shortest decimal that reads back as the same double. */
export function formatNumber(value: number): string {
  if (value === Infinity) {
    return "+Inf";
  }
  return value === -Infinity ? "-Inf" : value.toString();
}

/**
 * A bucket's bound as Go's `strconv` prints it, 2.56e-07 where JavaScript prints 2.56e-7. `le` is a label, compared as a string:
 * this is the form that Prometheus itself writes when it gets the number by another format.
 */
export function formatBound(bound: number): string {
  if (bound === 0 || (Math.abs(bound) >= 1e-4 && Math.abs(bound) < 1e6) || !Number.isFinite(bound)) {
    return formatNumber(bound);
  }
  return bound.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
}

/** The labels of a row, escaped, without braces; empty when it has none. */
function labels(table: AnyTable, row: number): string {
  const subject = table.subject.text(table.subjectAt(row));
  const detail = table.detail?.text(table.detailAt(row)) ?? "";
  return subject !== "" && detail !== "" ? `${subject},${detail}` : subject + detail;
}

function valueWriter(table: ValueTable): RowWriter {
  return (row) => {
    const text = labels(table, row);
    return `${table.name}${text === "" ? "" : `{${text}}`} ${formatNumber(table.values[row] as number)}\n`;
  };
}

function histogramWriter(table: HistogramTable): RowWriter {
  const bucketEnds = [...table.bounds, Infinity].map((bound) => `le="${formatBound(bound)}"} `);
  return (row) => {
    const text = labels(table, row);
    const bucketStart = `${table.name}_bucket{${text === "" ? "" : `${text},`}`;
    const braced = text === "" ? "" : `{${text}}`;
    const { buckets, slots } = table;
    let lines = "";
    let count = 0;
    for (const [slot, bucketEnd] of bucketEnds.entries()) {
      count += buckets[row * slots + slot] as number;
      lines += `${bucketStart}${bucketEnd}${formatNumber(count)}\n`;
    }
    const seconds = (table.sums[row] as number) / 1e9;
    return `${lines}${table.name}_sum${braced} ${formatNumber(seconds)}\n${table.name}_count${braced} ${formatNumber(count)}\n`;
  };
}

function header(table: AnyTable): string {
  const help = table.help.replace(/\\/g, "\\\\").replace(/\n/g, "\\n");
  return `# HELP ${table.name} ${help}\n# TYPE ${table.name} ${table.type}\n`;
}

/**
 * Writes all tables, in pieces, and returns to the event loop whenever it has held it for more than 4 ms. Rows may be added and
 * updated meanwhile; the caller sees to it that none is removed (see {@link Catalog.renderBegan}).
 */
export async function* renderText(tables: Iterable<AnyTable>): AsyncGenerator<string, void, undefined> {
  let sliceStart = performance.now();
  let piece = "";
  for (const table of tables) {
    piece += header(table);
    const write = table.type === "histogram" ? histogramWriter(table) : valueWriter(table);
    for (let row = 0; row < table.size; row++) {
      piece += write(row);
      if (piece.length >= pieceLength) {
        yield piece;
        piece = "";
        if (performance.now() - sliceStart > sliceMilliseconds) {
          await nextTurn();
          sliceStart = performance.now();
        }
      }
    }
  }
  yield piece;
}
