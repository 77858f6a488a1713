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
import { ByteWriter } from "./byte-writer.js";
import { formatNumber, longestNumber } from "./numbers.js";

/** What `Content-Type` says about this format. */
export const textContentType = "text/plain; version=0.0.4; charset=utf-8";

/** How long a render holds the event loop before it lets others run, milliseconds. The clock is read once for each chunk. */
const sliceMilliseconds = 2;

const newline = "\n".charCodeAt(0);
const space = " ".charCodeAt(0);
const comma = ",".charCodeAt(0);
const openBrace = "{".charCodeAt(0);
const closeBrace = "}".charCodeAt(0);

/** Bytes of a line that are neither name, label nor value: two braces, a comma between the labels, space, newline. */
const punctuation = 5;

const noLabels = new Uint8Array();

/** Turns rows of one table into lines. */
interface RowWriter {
  /** Lines of a row. */
  readonly lines: number;
  /** The most bytes of a line beside its labels. */
  readonly lineRoom: number;
  /** Writes the lines of a row that has these labels, for which there must be room. */
  readonly write: (row: number, subject: Uint8Array, detail: Uint8Array) => void;
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

function writeLabels(out: ByteWriter, subject: Uint8Array, detail: Uint8Array): void {
  out.bytes(subject);
  if (subject.length > 0 && detail.length > 0) {
    out.byte(comma);
  }
  out.bytes(detail);
}

function writeSample(out: ByteWriter, name: Buffer, subject: Uint8Array, detail: Uint8Array, value: number): void {
  out.bytes(name);
  if (subject.length > 0 || detail.length > 0) {
    out.byte(openBrace);
    writeLabels(out, subject, detail);
    out.byte(closeBrace);
  }
  out.byte(space);
  out.number(value);
  out.byte(newline);
}

function valueWriter(out: ByteWriter, table: ValueTable): RowWriter {
  const name = Buffer.from(table.name);
  return {
    lines: 1,
    lineRoom: name.length + punctuation + longestNumber,
    write(row, subject, detail) {
      writeSample(out, name, subject, detail, table.values[row] as number);
    },
  };
}

function histogramWriter(out: ByteWriter, table: HistogramTable): RowWriter {
  const bucket = Buffer.from(`${table.name}_bucket{`);
  const bucketEnds = [...table.bounds, Infinity].map((bound) => Buffer.from(`le="${formatBound(bound)}"} `));
  const sum = Buffer.from(`${table.name}_sum`);
  const count = Buffer.from(`${table.name}_count`);
  return {
    lines: table.seriesPerRow,
    lineRoom: bucket.length + Math.max(...bucketEnds.map(({ length }) => length)) + punctuation + longestNumber,
    write(row, subject, detail) {
      const { buckets, slots } = table;
      const start = out.at;
      out.bytes(bucket);
      writeLabels(out, subject, detail);
      if (subject.length > 0 || detail.length > 0) {
        out.byte(comma);
      }
      const labelsEnd = out.at;
      let total = 0;
      for (let slot = 0; slot < slots; slot++) {
        if (slot > 0) {
          out.again(start, labelsEnd);
        }
        out.bytes(bucketEnds[slot] as Buffer);
        total += buckets[row * slots + slot] as number;
        out.number(total);
        out.byte(newline);
      }
      writeSample(out, sum, subject, detail, (table.sums[row] as number) / 1e9);
      writeSample(out, count, subject, detail, total);
    },
  };
}

function header(table: AnyTable): Buffer {
  const help = table.help.replace(/\\/g, "\\\\").replace(/\n/g, "\\n");
  return Buffer.from(`# HELP ${table.name} ${help}\n# TYPE ${table.name} ${table.type}\n`);
}

/** All tables, in chunks that are the caller's to keep. */
function* encode(tables: Iterable<AnyTable>): Generator<Buffer, void, undefined> {
  const out = new ByteWriter();
  for (const table of tables) {
    const { subject, detail } = table;
    const writer = table.type === "histogram" ? histogramWriter(out, table) : valueWriter(out, table);
    const top = header(table);
    const full = out.reserve(top.length);
    if (full !== undefined) {
      yield full;
    }
    out.bytes(top);
    for (let row = 0; row < table.size; row++) {
      const subjectText = subject.textBytes(table.subjectAt(row));
      const detailText = detail?.textBytes(table.detailAt(row)) ?? noLabels;
      const full = out.reserve(writer.lines * (writer.lineRoom + subjectText.length + detailText.length));
      if (full !== undefined) {
        yield full;
      }
      writer.write(row, subjectText, detailText);
    }
  }
  yield out.rest();
}

/**
 * Writes all tables, in chunks, and returns to the event loop whenever it has held it for more than 2 ms. Rows may be added and
 * updated meanwhile; the caller sees to it that none is removed (see {@link Catalog.renderBegan}).
 */
export async function* renderText(tables: Iterable<AnyTable>): AsyncGenerator<Buffer, void, undefined> {
  let sliceStart = performance.now();
  for (const chunk of encode(tables)) {
    yield chunk;
    if (performance.now() - sliceStart > sliceMilliseconds) {
      await nextTurn();
      sliceStart = performance.now();
    }
  }
}
