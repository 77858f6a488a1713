/**
 * What `top`, the page, snapshots and the library show of a signal: declared over its metrics, and read only while someone watches.
 * None of it names the signal; whatever a built-in signal shows, a user's own can show in the same way.
 */

/** A number of each process: the rows of a metric, added up. */
export interface Column {
  /** Unique among all signals: the name in snapshots and in JSON. Lower-case letters, digits and `_`. */
  readonly key: string;
  /** What `top --sort` calls it, unique as well. Default: the key. */
  readonly sort?: string;
  /** The metric: a counter or gauge whose subject is the process, or a histogram. */
  readonly metric: string;
  /** What is shown of a histogram. Default: the sum of what it has observed. */
  readonly shows?: "sum" | "count";
  /** Only rows whose label has another value than this one count. */
  readonly except?: { readonly label: string; readonly value: string };
  /** How the number is written. */
  readonly unit: "count" | "bytes" | "seconds";
  /** A gauge, which is shown as it is; everything else is shown per second. */
  readonly isLevel?: boolean;
  /** In capitals and without a unit: `CALLS`, which `top` shows as `CALLS/S`. Absent where only snapshots and JSON have the number. */
  readonly heading?: string;
  /** A detail, for which `top` and narrow screens have no column. */
  readonly isDetail?: boolean;
  /** What it means, for help texts: begins in lower case. */
  readonly help: string;
  /** Does it count failures? Shown in red where it is not zero. */
  readonly isFailure?: boolean;
}

/** A histogram of durations by comm, or by process: a heat map by comm. */
export interface LatencyView {
  /** Unique among all signals: `connect`. */
  readonly key: string;
  readonly title: string;
  /** A histogram whose subject is comm, or the process. */
  readonly metric: string;
}

/** A table of one process: a row for each value of a label. */
export interface Breakdown {
  readonly title: string;
  /** The label whose values are the rows: `syscall`. Of several, the rows are what they have together: `GET /cart`. */
  readonly label: string | readonly string[];
  /** Counter of events, by that label; or a histogram of durations, which tells seconds and quantiles, too. */
  readonly count: string;
  /** Counter of seconds, by that label. */
  readonly seconds?: string;
  /** Counter of failures, by that label and `by`; or the histogram itself: what of it has any value of `by`. */
  readonly failures?: { readonly metric: string; readonly by: string };
}

/** A headline number: a column, added up over all processes. */
export interface Headline {
  /** What follows the number: `system calls`. */
  readonly title: string;
  /** A {@link Column.key} of this signal. */
  readonly column: string;
  /** Another one: then the number is how much of this one the first is, as a percentage. */
  readonly of?: string;
}

/** What a signal shows. */
export interface Views {
  /** Where the signal stands among others, from 0: lower ones come first. Default: after the built-in signals. */
  readonly position?: number;
  readonly columns?: readonly Column[];
  readonly latencies?: readonly LatencyView[];
  readonly breakdown?: Breakdown;
  /** Further ones. */
  readonly breakdowns?: readonly Breakdown[];
  readonly headline?: readonly Headline[];
  /** Events that come too fast to be read: the page shows them only to those who ask for them. */
  readonly isFrequent?: boolean;
}
