/**
 * The messages of Prometheus's protobuf format that tables and prom-client's metrics have in common, field by field
 * (https://github.com/prometheus/client_model/blob/master/io/prometheus/client/metrics.proto).
 */
import { type Exemplar, longestExemplar } from "../../metrics/exemplars.js";
import { longestNumberField, messageRoom, ProtobufWriter, textRoom } from "./writer.js";
import { unitOf } from "../family-name.js";

/** Numbers of fields, by message. */
export const fields = {
  family: { name: 1, help: 2, type: 3, metric: 4, unit: 5 },
  metric: { label: 1, gauge: 2, counter: 3, summary: 4, histogram: 7 },
  label: { name: 1, value: 2 },
  gauge: { value: 1 },
  counter: { value: 1, created: 3 },
  summary: { count: 1, sum: 2, quantile: 3, created: 4 },
  quantile: { quantile: 1, value: 2 },
  histogram: {
    count: 1,
    sum: 2,
    bucket: 3,
    schema: 5,
    zeroThreshold: 6,
    zeroCount: 7,
    positiveSpan: 12,
    positiveDelta: 13,
    created: 15,
    exemplar: 16,
  },
  bucket: { cumulativeCount: 1, upperBound: 2, exemplar: 3 },
  exemplar: { label: 1, value: 2, timestamp: 3 },
  span: { offset: 1, length: 2 },
  timestamp: { seconds: 1, nanos: 2 },
} as const;

/** The enum MetricType. */
const types = { counter: 0, gauge: 1, summary: 2, histogram: 4 } as const;

/** What there is to say of a family. */
interface Description {
  readonly name: string;
  readonly help: string;
  readonly type: keyof typeof types;
}

/** The most bytes of a timestamp. */
export const timestampRoom = messageRoom + 2 * longestNumberField;

/** The most bytes of a classic bucket. */
export const bucketRoom = messageRoom + 2 * longestNumberField;

/** The most bytes of a label. */
export function labelRoom(name: string, value: string): number {
  return messageRoom + textRoom(name) + textRoom(value);
}

/** The most bytes of an exemplar: each character of its labels, were it one that takes a label of its own, and two numbers. */
export const exemplarRoom = messageRoom + longestExemplar * labelRoom("", "x") + longestNumberField + timestampRoom;

/** Writes a label; its field has the same number in a metric and in an exemplar. */
export function writeLabel(out: ProtobufWriter, name: string, value: string): void {
  const start = out.begin(fields.metric.label);
  out.text(fields.label.name, name);
  out.text(fields.label.value, value);
  out.end(start);
}

/** Writes an event that was counted, into a bucket or a histogram. */
export function writeExemplar(out: ProtobufWriter, field: number, { nanoseconds, time, labels }: Exemplar): void {
  const start = out.begin(field);
  for (const [name, value] of labels) {
    writeLabel(out, name, value);
  }
  out.double(fields.exemplar.value, nanoseconds / 1e9);
  writeTimestamp(out, fields.exemplar.timestamp, time);
  out.end(start);
}

export function writeBucket(
  out: ProtobufWriter,
  cumulativeCount: number,
  upperBound: number,
  exemplar?: Exemplar,
): void {
  const start = out.begin(fields.histogram.bucket);
  out.uint(fields.bucket.cumulativeCount, cumulativeCount);
  out.double(fields.bucket.upperBound, upperBound);
  if (exemplar !== undefined) {
    writeExemplar(out, fields.bucket.exemplar, exemplar);
  }
  out.end(start);
}

/** A google.protobuf.Timestamp, of whole milliseconds since 1970. */
export function writeTimestamp(out: ProtobufWriter, field: number, milliseconds: number): void {
  const seconds = Math.floor(milliseconds / 1000);
  const start = out.begin(field);
  out.uint(fields.timestamp.seconds, seconds);
  out.uint(fields.timestamp.nanos, (milliseconds - seconds * 1000) * 1_000_000);
  out.end(start);
}

/** All fields of a family but its metrics. */
export function familyHeader({ name, help, type }: Description): Buffer {
  const unit = unitOf(type, name);
  const out = new ProtobufWriter(textRoom(name) + textRoom(help) + textRoom(unit) + longestNumberField);
  out.text(fields.family.name, name);
  out.text(fields.family.help, help);
  out.uint(fields.family.type, types[type]);
  if (unit !== "") {
    out.text(fields.family.unit, unit);
  }
  return out.rest();
}

/** What goes before a family of so many bytes: families are delimited by their lengths. */
export function delimiter(length: number): Buffer {
  const out = new ProtobufWriter(longestNumberField);
  out.varint(length);
  return out.rest();
}
