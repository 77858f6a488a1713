/**
 * Histograms of tables as protobuf, in two forms: the classic one, for every scraper, and the native one, which a scraper that knows it
 * takes instead.
 *
 * The buckets of a table are those of a native histogram of schema 0, whose bounds are the powers of two: bucket k goes from
 * 2^(k - 1) s, exclusive, to 2^k s, inclusive. The first of the table goes down to 0 and is the zero bucket. The last is for all
 * that is longer than any bound, and becomes the one for infinite observations: "more than any bound". Other tables than
 * such of powers of two come in the classic form alone.
 */
import type { HistogramTable } from "../../metrics/histogram-table.js";
import {
  bucketRoom,
  exemplarRoom,
  fields,
  timestampRoom,
  writeBucket,
  writeExemplar,
  writeTimestamp,
} from "./messages.js";
import { longestNumberField, messageRoom, type ProtobufWriter } from "./writer.js";

const { histogram, span } = fields;

/** Each power of two seconds has one bucket. */
const schema = 0;

/** The bucket above that of the largest double, 2^1024 (model/histogram/generic.go, `getBound`). */
const beyondAll = 1025;

/** Fields of a histogram that occur once: counts, sum, schema, zero bucket. */
const singleFields = 6;

/** The most bytes of a row's histogram. */
export function histogramRoom({ slots, exemplars }: HistogramTable): number {
  const spanRoom = messageRoom + 2 * longestNumberField;
  return (
    messageRoom +
    singleFields * longestNumberField +
    timestampRoom +
    // The bucket has it, and the histogram.
    (exemplars === undefined ? 0 : 2 * exemplarRoom) +
    slots * (bucketRoom + spanRoom + longestNumberField)
  );
}

/** Writes where the buckets lie that are in use: how many in a row, and how far from the last ones. */
function writeSpans(out: ProtobufWriter, { buckets, slots, firstPower }: HistogramTable, row: number): void {
  const first = row * slots;
  const last = slots - 1;
  /** The bucket behind the last span. */
  let next = 0;
  let slot = 1;
  while (slot < slots) {
    if (buckets[first + slot] === 0) {
      slot++;
      continue;
    }
    const bucket = slot === last ? beyondAll : firstPower + slot;
    const from = slot++;
    while (slot < last && buckets[first + slot] !== 0) {
      slot++;
    }
    const start = out.begin(histogram.positiveSpan);
    out.sint(span.offset, bucket - next);
    out.uint(span.length, slot - from);
    out.end(start);
    next = bucket + slot - from;
  }
}

/** Writes the counts of the buckets in use, each as the difference from the previous one. */
function writeDeltas(out: ProtobufWriter, { buckets, slots }: HistogramTable, row: number): void {
  let previous = 0;
  for (let slot = 1; slot < slots; slot++) {
    const count = buckets[row * slots + slot] as number;
    if (count !== 0) {
      out.sint(histogram.positiveDelta, count - previous);
      previous = count;
    }
  }
}

/** Writes a row's histogram, for which there must be {@link histogramRoom}. */
export function writeHistogram(out: ProtobufWriter, table: HistogramTable, row: number): void {
  const { buckets, bounds, slots } = table;
  const start = out.begin(fields.metric.histogram);
  const exemplar = table.exemplars?.show(row);
  const exemplarSlot = exemplar === undefined ? -1 : table.slotOf(exemplar.nanoseconds);
  let total = 0;
  for (let slot = 0; slot < slots; slot++) {
    total += buckets[row * slots + slot] as number;
    writeBucket(out, total, bounds[slot] ?? Infinity, slot === exemplarSlot ? exemplar : undefined);
  }
  out.uint(histogram.count, total);
  out.double(histogram.sum, (table.sums[row] as number) / table.scale);
  if (table.isNative) {
    out.sint(histogram.schema, schema);
    out.double(histogram.zeroThreshold, bounds[0] as number);
    out.uint(histogram.zeroCount, buckets[row * slots] as number);
    writeSpans(out, table, row);
    writeDeltas(out, table, row);
  }
  writeTimestamp(out, histogram.created, table.created[row] as number);
  if (exemplar !== undefined) {
    writeExemplar(out, histogram.exemplar, exemplar);
  }
  out.end(start);
}
