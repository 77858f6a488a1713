/** How large a row is in the format that needs most for it, which is OpenMetrics. */
import type { MetricType } from "./names.js";

/** Bytes beside labels, and how often the labels are written. */
export interface RowBytes {
  readonly fixed: number;
  readonly lines: number;
}

/** Braces, a comma between labels, a space and the end of the line; in protobuf the lengths of messages. */
const punctuation = 5;

/** A count up to 10^12, a number with a fraction, a time of day: their digits. */
const countDigits = 12;
const numberDigits = 20;
const timeDigits = 14;

/** `le=""` and a comma, the `.0` of a whole number. */
const boundMarks = 8;

/** The labels of an exemplar with its number and time, as those of a connection are. */
const exemplarBytes = 128;

const createdSuffix = "_created".length;

/** What a row of a counter or a gauge takes. */
export function valueBytes(type: MetricType, name: string): RowBytes {
  const sample = name.length + punctuation + numberDigits;
  return type === "gauge"
    ? { fixed: sample, lines: 1 }
    : { fixed: sample + name.length + createdSuffix + punctuation + timeDigits, lines: 2 };
}

/** What a row of a histogram takes that has these finite buckets. */
export function histogramBytes(name: string, bounds: readonly number[], hasExemplar: boolean): RowBytes {
  const bucket = name.length + "_bucket".length + punctuation + boundMarks + countDigits;
  const buckets = [...bounds, Infinity].reduce((bytes, bound) => bytes + bucket + `${bound}`.length, 0);
  const others =
    3 * (name.length + punctuation) +
    "_sum".length +
    numberDigits +
    "_count".length +
    countDigits +
    createdSuffix +
    timeDigits;
  return { fixed: buckets + others + (hasExemplar ? exemplarBytes : 0), lines: bounds.length + 4 };
}
