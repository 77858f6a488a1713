/** What a builder returns: a signal, in expressions. */
import type { HistogramUnit } from "../metrics/histogram-table.js";
import type { Recorded } from "./fields.js";
import type { Condition, Operand } from "./values.js";

/** Labels of a metric by name, or fields of a record. */
export type Values = Readonly<Record<string, Recorded>>;

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

/** A histogram with buckets that are powers of two, `<signal>_<unit>`. */
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
}

/** A signal. At least one of `count`, `histogram` and `record` is there. */
export interface Definition {
  /** As in `--signals` and the label `signal`: a lower-case letter, then up to 31 letters, digits and `_`. Begins the metrics' names. */
  readonly name: string;
  /** One line for `--help`, `check` and the page. */
  readonly summary?: string;
  /** Only events for which it holds. */
  readonly where?: Condition;
  /**
   * Whose event it is: a `struct task_struct`. Default: the process that runs while it happens. `none` for events of no process, such as
   * those that happen in interrupts, while just anyone runs.
   */
  readonly owner?: object | "none";
  readonly count?: Count;
  readonly histogram?: Histogram;
  /**
   * The fields of a record for each event, for `trace` and the page. It has the process as well, unless `pid` or `comm` is among them
   * or `owner` is `none`.
   */
  readonly record?: Values;
}
