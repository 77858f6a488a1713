/**
 * Prometheus's protobuf format: messages MetricFamily, each after its length. Every family is there, also while it has no series.
 * Histograms are native ones, and classic ones for those who do not know these.
 */
import type { AnyTable } from "../../metrics/any-table.js";
import type { Dimension } from "../../metrics/dimension.js";
import type { ValueTable } from "../../metrics/value-table.js";
import { type FamilyWriter, writeFamily } from "../family-writer.js";
import { histogramRoom, writeHistogram } from "./histogram.js";
import { delimiter, familyHeader, fields, labelRoom, timestampRoom, writeLabel, writeTimestamp } from "./messages.js";
import { longestNumberField, messageRoom, ProtobufWriter } from "./writer.js";
import { workInSlices } from "../time-slices.js";

/** The most bytes of a counter or a gauge. */
const valueRoom = messageRoom + longestNumberField + timestampRoom;

/** The most bytes of a tuple's labels. */
function labelsRoom(dimension: Dimension, id: number): number {
  const names = dimension.namesOf(id);
  const values = dimension.values(id);
  let room = 0;
  for (let index = 0; index < names.length; index++) {
    room += labelRoom(names[index] as string, values[index] as string);
  }
  return room;
}

/** Writes a tuple's labels; an empty value is the same as no label. */
function writeLabels(out: ProtobufWriter, dimension: Dimension, id: number): void {
  const names = dimension.namesOf(id);
  const values = dimension.values(id);
  for (let index = 0; index < names.length; index++) {
    const value = values[index] as string;
    if (value !== "") {
      writeLabel(out, names[index] as string, value);
    }
  }
}

function writeValue(out: ProtobufWriter, table: ValueTable, row: number): void {
  const value = table.values[row] as number;
  if (table.type === "gauge") {
    const start = out.begin(fields.metric.gauge);
    out.double(fields.gauge.value, value);
    out.end(start);
  } else {
    const start = out.begin(fields.metric.counter);
    out.double(fields.counter.value, value);
    writeTimestamp(out, fields.counter.created, table.created[row] as number);
    out.end(start);
  }
}

function familyWriter(out: ProtobufWriter, table: AnyTable): FamilyWriter {
  const { subject, detail } = table;
  const bodyRoom = table.type === "histogram" ? histogramRoom(table) : valueRoom;
  return {
    header: familyHeader(table),
    prepare(row) {
      const detailRoom = detail === undefined ? 0 : labelsRoom(detail, table.detailAt(row));
      return messageRoom + labelsRoom(subject, table.subjectAt(row)) + detailRoom + bodyRoom;
    },
    write(row) {
      const start = out.begin(fields.family.metric);
      writeLabels(out, subject, table.subjectAt(row));
      if (detail !== undefined) {
        writeLabels(out, detail, table.detailAt(row));
      }
      if (table.type === "histogram") {
        writeHistogram(out, table, row);
      } else {
        writeValue(out, table, row);
      }
      out.end(start);
    },
  };
}

/** Writes all tables, family by family, and lets others run in between; see {@link writeFamily}. */
export async function* renderProtobuf(tables: Iterable<AnyTable>): AsyncGenerator<Buffer, void, undefined> {
  const nextSlice = workInSlices();
  const out = new ProtobufWriter();
  for (const table of tables) {
    const pieces: Buffer[] = [];
    for (const piece of writeFamily(out, table, familyWriter(out, table))) {
      pieces.push(piece);
      await nextSlice();
    }
    pieces.push(out.rest());
    yield delimiter(pieces.reduce((length, piece) => length + piece.length, 0));
    yield* pieces;
  }
}
