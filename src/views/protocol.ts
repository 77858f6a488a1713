/** What the page at `/` gets over `/api/live`: types alone, for both ends. */
import type { Link } from "../sdk/links.js";
import type { Breakdown, Column, Headline, LatencyView } from "../sdk/views.js";

export type { Link, LinkEnds, LinkRequests, LinkTotals } from "../sdk/links.js";
export type { Breakdown, Column, Headline, LatencyView } from "../sdk/views.js";

/** A process under one of its names, or all that share the labels of `--labels`. */
export interface ProcessTotals {
  /** Its id among the processes of a snapshot. Another process may get it when this one has expired. */
  readonly id: number;
  /** By the names of `--labels`: `pid`, `comm`, `container`, …; `~other` in each of the overflow series. */
  readonly labels: Readonly<Record<string, string>>;
  /** By {@link Column.key}: totals since the agent began; of a level, the present value. */
  readonly totals: Readonly<Record<string, number>>;
}

/** One row of a {@link Breakdown}: a system call of a process, for example. */
export interface BreakdownRow {
  readonly name: string;
  readonly count: number;
  /** Absent in a breakdown without durations. */
  readonly seconds?: number;
  /** What half, and what 99 %, of them took at most, seconds. Absent in a breakdown without a histogram. */
  readonly p50?: number;
  readonly p99?: number;
  /** By the failure's label; those that never occurred are missing. Absent in a breakdown without failures. */
  readonly failures?: Readonly<Record<string, number>>;
}

/** The rows of a signal's {@link Breakdown} for one process. */
export interface BreakdownTable {
  readonly signal: string;
  readonly title: string;
  readonly rows: readonly BreakdownRow[];
}

/** What a signal that runs shows: its views, without what its metrics cannot give. */
export interface SignalViews {
  readonly signal: string;
  readonly columns: readonly Column[];
  readonly latencies: readonly LatencyView[];
  readonly breakdown?: Breakdown;
  readonly breakdowns?: readonly Breakdown[];
  readonly headline: readonly Headline[];
  readonly isFrequent: boolean;
}

export interface SignalHealth {
  readonly name: string;
  readonly up: boolean;
  /** How it is hooked into the kernel; when it is down, why. */
  readonly hook: string;
  /** What is wrong with its numbers at present though it is up; absent when nothing is. */
  readonly problem?: string;
  /** Events since the start: produced = consumed + all that was dropped, by reason, once rings are drained. */
  readonly events: {
    readonly produced: number;
    readonly consumed: number;
    readonly dropped: Readonly<Record<string, number>>;
  };
  /** Bytes; both 0 without a ring of its own. */
  readonly ring: { readonly used: number; readonly size: number };
  /** Kernel maps that fill up with use. */
  readonly maps: readonly { readonly map: string; readonly entries: number; readonly capacity: number }[];
  /** Seconds that its programs have run, on all CPUs, estimated; absent until, or where, they are timed. */
  readonly programSeconds?: number;
}

export interface Health {
  readonly signals: readonly SignalHealth[];
  /** Sums over all signals, events since the start. */
  readonly consumed: number;
  readonly dropped: number;
  /** CPU time of this process since its start, seconds: all threads, user and system. */
  readonly cpuSeconds: number;
  /** Memory of this process that is in RAM, bytes. */
  readonly residentBytes: number;
  /** Series that the tables hold, every bucket counted, and updates that went to overflow series. */
  readonly series: number;
  readonly folded: number;
}

/** What every event has; the fields of its signal follow. */
export interface TraceEvent {
  /** Wall-clock time, as in `2026-11-22T08:30:00.123456Z`. */
  readonly time: string;
  readonly signal: string;
  /** Absent, like the next three, where the signal's records have no actor. */
  readonly pid?: number;
  readonly tid?: number;
  readonly comm?: string;
  readonly thread_comm?: string;
  readonly [field: string]: string | number | boolean | undefined;
}

/** Rows by their ids: those that are new or others than before, and the ids of those that are gone. */
export interface Rows<T> {
  readonly rows: readonly T[];
  readonly gone: readonly number[];
}

/** A histogram of durations, and what has been observed since the frame before. */
export interface LatencyFrame {
  readonly name: string;
  readonly title: string;
  /** Upper bounds of the buckets in seconds; one more, +Inf, follows. */
  readonly bounds: readonly number[];
  /** Observations by comm and bucket; the comms with fewest are one, `~other`. */
  readonly counts: readonly (readonly [comm: string, counts: readonly number[]])[];
}

/** What does not change while the agent runs. */
export interface About {
  readonly version: string;
  readonly host: string;
  readonly kernel: string;
  readonly metricsPath: string;
}

/** The event `frame`, once a second. */
export interface Frame {
  readonly about: About;
  /** Does it have every row, rather than those that have changed since the frame before? */
  readonly whole: boolean;
  /** When, in seconds of a clock that never steps, and in milliseconds since the epoch. */
  readonly at: number;
  readonly time: number;
  readonly health: Health;
  readonly processes: Rows<ProcessTotals>;
  /** Processes that are left out because there are too many: the least busy ones. */
  readonly hidden: number;
  readonly links: Rows<Link>;
  readonly latencies: readonly LatencyFrame[];
  /** Each {@link Headline} by its column: all processes together, per second, or as it is for a level; from 0 to 1 for a share. */
  readonly headlines: Readonly<Record<string, number>>;
  /** In whole frames, and when other signals run than before. */
  readonly views?: readonly SignalViews[];
}

/** The event `tail`: what has come since the last one. */
export interface TailFrame {
  readonly events: readonly TraceEvent[];
  /** Those of them that failed, by their place. */
  readonly failures: readonly number[];
  /** Events beyond what a viewer gets, since the stream began. */
  readonly dropped: number;
}

/** The event `breakdown`, once a second for the process that a viewer has opened. */
export interface BreakdownFrame {
  readonly process: number;
  readonly tables: readonly BreakdownTable[];
}
