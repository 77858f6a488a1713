/** Tables as lines of text, which Prometheus's own format and OpenMetrics share; written in slices. */
import type { AnyTable } from "../../metrics/any-table.js";
import { labelText } from "../../metrics/dimension.js";
import { type Exemplar, type Exemplars, longestExemplar } from "../../metrics/exemplars.js";
import type { HistogramTable } from "../../metrics/histogram-table.js";
import type { ValueTable } from "../../metrics/value-table.js";
import { ByteWriter } from "../byte-writer.js";
import { type FamilyWriter, writeFamily } from "../family-writer.js";
import { formatBound, formatNumber, longestNumber } from "../numbers.js";
import { workInSlices } from "../time-slices.js";

/** What the lines before a family's rows say. */
export interface Header {
  readonly name: string;
  readonly help: string;
  readonly type: string;
}

/** How formats of lines differ. */
export interface LineStyle {
  /** The lines before a family's rows. */
  readonly header: (family: Header) => string;
  /** Is there a `_created` for counters and histograms, and are there exemplars? */
  readonly openMetrics: boolean;
}

const newline = "\n".charCodeAt(0);
const space = " ".charCodeAt(0);
const comma = ",".charCodeAt(0);
const openBrace = "{".charCodeAt(0);
const closeBrace = "}".charCodeAt(0);

/** Bytes of a line that are neither name, label nor value: two braces, a comma between the labels, space, newline. */
const punctuation = 5;

/** The most bytes of an exemplar: its labels, two escaped bytes for each character and more than the quotes; two numbers. */
const exemplarRoom = 4 * longestExemplar + 2 * longestNumber + 10;

const noLabels = new Uint8Array();

/** Turns rows of one table into lines. */
interface RowWriter {
  /** Lines of a row. */
  readonly lines: number;
  /** The most bytes of a line beside its labels. */
  readonly lineRoom: number;
  /** The most bytes of a row beside those. */
  readonly rowRoom: number;
  /** Writes the lines of a row that has these labels, for which there must be room. */
  readonly write: (row: number, subject: Uint8Array, detail: Uint8Array) => void;
}

function writeLabels(out: ByteWriter, subject: Uint8Array, detail: Uint8Array): void {
  out.bytes(subject);
  if (subject.length > 0 && detail.length > 0) {
    out.byte(comma);
  }
  out.bytes(detail);
}

/** Writes a sample up to its value. */
function writeSeries(out: ByteWriter, name: Buffer, subject: Uint8Array, detail: Uint8Array): void {
  out.bytes(name);
  if (subject.length > 0 || detail.length > 0) {
    out.byte(openBrace);
    writeLabels(out, subject, detail);
    out.byte(closeBrace);
  }
  out.byte(space);
}

function writeSample(out: ByteWriter, name: Buffer, subject: Uint8Array, detail: Uint8Array, value: number): void {
  writeSeries(out, name, subject, detail);
  out.number(value);
  out.byte(newline);
}

function valueWriter(out: ByteWriter, table: ValueTable): RowWriter {
  const name = Buffer.from(table.name);
  return {
    lines: 1,
    rowRoom: 0,
    lineRoom: name.length + punctuation + longestNumber,
    write(row, subject, detail) {
      writeSample(out, name, subject, detail, table.values[row] as number);
    },
  };
}

/** Writes what follows a bucket's count: an event that was counted in it. */
function writeExemplar(out: ByteWriter, { nanoseconds, time, labels }: Exemplar): void {
  const text = labelText(
    labels.map(([name]) => name),
    labels.map(([, value]) => value),
  );
  out.bytes(Buffer.from(` # {${text}} ${formatNumber(nanoseconds / 1e9)} `));
  out.seconds(time);
}

/** Shows no event when `exemplars` is undefined. */
function histogramWriter(out: ByteWriter, table: HistogramTable, exemplars: Exemplars | undefined): RowWriter {
  const bucket = Buffer.from(`${table.name}_bucket{`);
  const bucketEnds = [...table.bounds, Infinity].map((bound) => Buffer.from(`le="${formatBound(bound)}"} `));
  const sum = Buffer.from(`${table.name}_sum`);
  const count = Buffer.from(`${table.name}_count`);
  return {
    lines: table.seriesPerRow,
    rowRoom: exemplars === undefined ? 0 : exemplarRoom,
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
      const exemplar = exemplars?.show(row);
      const exemplarSlot = exemplar === undefined ? -1 : table.slotOf(exemplar.nanoseconds);
      let total = 0;
      for (let slot = 0; slot < slots; slot++) {
        if (slot > 0) {
          out.again(start, labelsEnd);
        }
        out.bytes(bucketEnds[slot] as Buffer);
        total += buckets[row * slots + slot] as number;
        out.number(total);
        if (exemplar !== undefined && slot === exemplarSlot) {
          writeExemplar(out, exemplar);
        }
        out.byte(newline);
      }
      writeSample(out, sum, subject, detail, (table.sums[row] as number) / table.scale);
      writeSample(out, count, subject, detail, total);
    },
  };
}

/** Has each row followed by the time since when it counts. */
function withCreated(out: ByteWriter, table: AnyTable, inner: RowWriter): RowWriter {
  const name = Buffer.from(`${table.name.replace(/_total$/, "")}_created`);
  return {
    lines: inner.lines + 1,
    rowRoom: inner.rowRoom,
    lineRoom: Math.max(inner.lineRoom, name.length + punctuation + longestNumber),
    write(row, subject, detail) {
      inner.write(row, subject, detail);
      writeSeries(out, name, subject, detail);
      out.seconds(table.created[row] as number);
      out.byte(newline);
    },
  };
}

function rowWriter(out: ByteWriter, table: AnyTable, { openMetrics }: LineStyle): RowWriter {
  const writer =
    table.type === "histogram"
      ? histogramWriter(out, table, openMetrics ? table.exemplars : undefined)
      : valueWriter(out, table);
  return openMetrics && table.type !== "gauge" ? withCreated(out, table, writer) : writer;
}

function familyWriter(out: ByteWriter, table: AnyTable, style: LineStyle): FamilyWriter {
  const { subject, detail } = table;
  const writer = rowWriter(out, table, style);
  let subjectText: Uint8Array = noLabels;
  let detailText: Uint8Array = noLabels;
  return {
    header: Buffer.from(style.header(table)),
    prepare(row) {
      subjectText = subject.textBytes(table.subjectAt(row));
      detailText = detail?.textBytes(table.detailAt(row)) ?? noLabels;
      return writer.rowRoom + writer.lines * (writer.lineRoom + subjectText.length + detailText.length);
    },
    write(row) {
      writer.write(row, subjectText, detailText);
    },
  };
}

/** All tables, in chunks that are the caller's to keep. */
function* encode(tables: Iterable<AnyTable>, style: LineStyle): Generator<Buffer, void, undefined> {
  const out = new ByteWriter();
  for (const table of tables) {
    yield* writeFamily(out, table, familyWriter(out, table, style));
  }
  yield out.rest();
}

/** Writes all tables, in chunks, and lets others run in between; see {@link writeFamily}. */
export async function* renderLines(
  tables: Iterable<AnyTable>,
  style: LineStyle,
): AsyncGenerator<Buffer, void, undefined> {
  const nextSlice = workInSlices();
  for (const chunk of encode(tables, style)) {
    yield chunk;
    await nextSlice();
  }
}
