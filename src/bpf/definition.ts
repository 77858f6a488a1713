/** What a builder returns: a signal, in expressions. */
import type { HistogramUnit } from "../metrics/histogram-table.js";
import type { Values } from "./fields.js";
import type { StartOwner } from "./starts.js";
import type { Condition, Operand } from "./values.js";

/** A counter, `<signal>_total`. */
export interface Count {
  /** Default `<signal>_total`. */
  readonly name?: string;
  /** One sentence for HELP. */
  readonly help?: string;
  /**
   * Its labels, beside those of the process (`--labels`). Where `pid` or `comm` is among them, it has these labels and no others.
   */
  readonly by?: Values;
  /** Numbers that are added up, each in a counter of its own, `<signal>_<name>_total`. A negative number counts as 0. */
  readonly sum?: Readonly<Record<string, Operand>>;
}

/** Buckets of equal width: up to `first`, `first + step`, … of the unit, `count` of them, and one for all above. */
export interface LinearBuckets {
  /** Above 0. */
  readonly first: number;
  /** Above 0. Of seconds, both are whole numbers of nanoseconds, of other units whole numbers. */
  readonly step: number;
  /** 1 to 100. */
  readonly count: number;
}

/** A histogram, `<signal>_<unit>`, with buckets that are powers of two unless they are `linear`. */
export interface Histogram {
  /** What is observed. A negative number counts as 0. */
  readonly of: Operand;
  /** `seconds`: nanoseconds are observed and seconds shown. Default `number`. */
  readonly unit?: HistogramUnit;
  /** Default `<signal>_seconds`, `<signal>_bytes` or `<signal>_values`. */
  readonly name?: string;
  readonly help?: string;
  /** Its labels, beside the comm of the process; see {@link Count.by}. Default: those of `count`. */
  readonly by?: Values;
  /** The first and the last bucket: up to 2^n of the unit. Default: -22 and 6 for seconds, else 0 and 30. */
  readonly firstPower?: number;
  readonly lastPower?: number;
  /** Buckets of equal width instead. */
  readonly linear?: LinearBuckets;
}

/** A gauge, `<signal>_last` or `<signal>_current`. */
export interface Gauge {
  /** Its number becomes this one with each event. A negative number counts as 0. */
  readonly last?: Operand;
  /** Or: this is added to its number, which began at 0 with the agent; below 0 it is taken away. */
  readonly add?: Operand;
  readonly name?: string;
  readonly help?: string;
  /** Its labels; see {@link Count.by}. */
  readonly by?: Values;
}

/** What is done with the events of a tracepoint. At least one of `count`, `histogram`, `gauge` and `record` is there. */
export interface Part {
  /** Only events for which it holds. */
  readonly where?: Condition;
  /**
   * Whose event it is: a `struct task_struct`, or the process of a start ({@link Start.owner}). Default: the process that runs while it
   * happens. `none` for events of no process. A tracepoint that fires in interrupts, while an unrelated process runs, has no default.
   */
  readonly owner?: object | StartOwner | "none";
  readonly count?: Count;
  readonly histogram?: Histogram;
  readonly gauge?: Gauge;
  /**
   * The fields of a record for each event, for `trace` and the page. It has the process as well, unless `pid` or `comm` is among them
   * or `owner` is `none`.
   */
  readonly record?: Values;
  /** Only one record in so many, chosen at random; all are counted. */
  readonly sample?: number;
  /** Only so many records in each second of the clock, a few more where CPUs send them at once; all are counted. */
  readonly limit?: number;
}

/** A part that says whose its events are. */
export type Owned<Result> = Result & { readonly owner: NonNullable<Part["owner"]> };

/** What a signal is called. */
export interface Header {
  /** As in `--signals` and the label `signal`: a lower-case letter, then up to 31 letters, digits and `_`. Begins the metrics' names. */
  readonly name: string;
  /** One line for `--help`, `check` and the page. */
  readonly summary?: string;
}

/** A signal of one tracepoint. */
export type Definition = Header & Part;
