/** The part of a running signal that views read. */
import type { RunningSignal, SignalStatus } from "../engine/running.js";

export type ViewedSignal = Pick<
  RunningSignal,
  | "signal"
  | "views"
  | "loaded"
  | "ring"
  | "problem"
  | "stats"
  | "eventCounts"
  | "mapFill"
  | "watchTraced"
  | "watchLinks"
>;

/** A signal that was asked for, and its state. */
export interface ViewedStatus extends Omit<SignalStatus, "running"> {
  readonly running?: ViewedSignal | undefined;
}
