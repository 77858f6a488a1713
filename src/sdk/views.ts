/** What `top`, the page, snapshots and the library show of a signal: declared over its metrics, read while somebody watches. */

/** A number of each process: the rows of a metric, added up. */
export interface Column {
  /** Unique among all signals: the name in snapshots and of `top --sort`. */
  readonly key: string;
  /** The metric: a counter or gauge whose subject is the process. */
  readonly metric: string;
  /** Only rows whose label has another value than this one count. */
  readonly except?: { readonly label: string; readonly value: string };
  /** `count` per second, `bytes` per second, `seconds` per second, or a `level` that is shown as it is. */
  readonly unit: "count" | "bytes" | "seconds" | "level";
  /** Of `top` and of the page: `CALLS/S`. Absent where only snapshots have it. */
  readonly heading?: string;
  /** What it means, for help texts. */
  readonly help: string;
  /** Does it count failures? Shown in red where it is not zero. */
  readonly isFailure?: boolean;
}

/** A histogram of durations by comm: a heat map. */
export interface LatencyView {
  /** Unique among all signals: `connect`. */
  readonly key: string;
  readonly title: string;
  /** A histogram whose subject is comm. */
  readonly metric: string;
}

/** A table of one process: a row for each value of a label. */
export interface Breakdown {
  readonly title: string;
  /** The label whose values are the rows: `syscall`. */
  readonly label: string;
  /** Counter of events, by that label. */
  readonly count: string;
  /** Counter of seconds, by that label. */
  readonly seconds?: string;
  /** Counter of failures, by that label and `by`. */
  readonly failures?: { readonly metric: string; readonly by: string };
}

/** A headline number: the sum of a column over all processes. */
export interface Headline {
  readonly title: string;
  /** A {@link Column.key} of this signal. */
  readonly column: string;
}

export interface Views {
  readonly columns?: readonly Column[];
  readonly latencies?: readonly LatencyView[];
  readonly breakdown?: Breakdown;
  readonly headline?: readonly Headline[];
}
