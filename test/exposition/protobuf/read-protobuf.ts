/** Prometheus's protobuf format, read by a library that knows no more of it than this. */
import assert from "node:assert/strict";
import protobuf from "protobufjs";

const schema = `
syntax = "proto2";
enum MetricType { COUNTER = 0; GAUGE = 1; SUMMARY = 2; UNTYPED = 3; HISTOGRAM = 4; GAUGE_HISTOGRAM = 5; }
message Timestamp { optional int64 seconds = 1; optional int32 nanos = 2; }
message LabelPair { optional string name = 1; optional string value = 2; }
message Exemplar { repeated LabelPair label = 1; optional double value = 2; optional Timestamp timestamp = 3; }
message Gauge { optional double value = 1; }
message Counter { optional double value = 1; optional Exemplar exemplar = 2; optional Timestamp created_timestamp = 3; }
message Quantile { optional double quantile = 1; optional double value = 2; }
message Summary {
  optional uint64 sample_count = 1;
  optional double sample_sum = 2;
  repeated Quantile quantile = 3;
  optional Timestamp created_timestamp = 4;
}
message Bucket { optional uint64 cumulative_count = 1; optional double upper_bound = 2; optional Exemplar exemplar = 3; }
message BucketSpan { optional sint32 offset = 1; optional uint32 length = 2; }
message Histogram {
  optional uint64 sample_count = 1;
  optional double sample_sum = 2;
  repeated Bucket bucket = 3;
  optional sint32 schema = 5;
  optional double zero_threshold = 6;
  optional uint64 zero_count = 7;
  repeated BucketSpan positive_span = 12;
  repeated sint64 positive_delta = 13;
  optional Timestamp created_timestamp = 15;
  repeated Exemplar exemplars = 16;
}
message Metric {
  repeated LabelPair label = 1;
  optional Gauge gauge = 2;
  optional Counter counter = 3;
  optional Summary summary = 4;
  optional Histogram histogram = 7;
}
message MetricFamily {
  optional string name = 1;
  optional string help = 2;
  optional MetricType type = 3;
  repeated Metric metric = 4;
  optional string unit = 5;
}`;

export interface Timestamp {
  readonly seconds: number;
  readonly nanos: number;
}

export interface Exemplar {
  readonly label: readonly { readonly name: string; readonly value: string }[];
  readonly value: number;
  readonly timestamp: Timestamp;
}

export interface Histogram {
  readonly sampleCount: number;
  readonly sampleSum: number;
  readonly bucket: readonly {
    readonly cumulativeCount: number;
    readonly upperBound: number;
    readonly exemplar?: Exemplar;
  }[];
  readonly schema?: number;
  readonly zeroThreshold?: number;
  readonly zeroCount?: number;
  readonly positiveSpan?: readonly { readonly offset: number; readonly length: number }[];
  readonly positiveDelta?: readonly number[];
  readonly createdTimestamp?: Timestamp;
  readonly exemplars?: readonly Exemplar[];
}

export interface Metric {
  readonly label?: readonly { readonly name: string; readonly value: string }[];
  readonly gauge?: { readonly value: number };
  readonly counter?: { readonly value: number; readonly createdTimestamp?: Timestamp };
  readonly summary?: {
    readonly sampleCount: number;
    readonly sampleSum: number;
    readonly quantile: readonly { readonly quantile: number; readonly value: number }[];
    readonly createdTimestamp?: Timestamp;
  };
  readonly histogram?: Histogram;
}

export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly unit?: string;
  readonly metric?: readonly Metric[];
}

const MetricFamilyType = protobuf.parse(schema).root.lookupType("MetricFamily");

function encodedLength(family: MetricFamily): number {
  return MetricFamilyType.encodeDelimited(MetricFamilyType.fromObject(family)).finish().length;
}

/** The families of a body. Fields that the schema does not know would be skipped, and show by the length. */
export function readProtobuf(body: Buffer): MetricFamily[] {
  const reader = protobuf.Reader.create(body);
  const families: MetricFamily[] = [];
  while (reader.pos < reader.len) {
    const family = MetricFamilyType.decodeDelimited(reader);
    families.push(MetricFamilyType.toObject(family, { longs: Number, enums: String }) as MetricFamily);
  }
  assert.equal(
    body.length,
    families.reduce((length, family) => length + encodedLength(family), 0),
  );
  return families;
}

/** Cumulative counts of a native histogram by upper bound in seconds, as its schema of powers of two says. */
export function nativeBuckets({
  positiveSpan = [],
  positiveDelta = [],
  zeroCount = 0,
}: Histogram): Map<number, number> {
  const buckets = new Map<number, number>();
  let index = 0;
  let count = 0;
  let cumulative = zeroCount;
  const deltas = positiveDelta.values();
  for (const { offset, length } of positiveSpan) {
    index += offset;
    for (let each = 0; each < length; each++) {
      count += deltas.next().value ?? NaN;
      cumulative += count;
      buckets.set(2 ** index++, cumulative);
    }
  }
  return buckets;
}
