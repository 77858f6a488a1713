/** Running `ringtap trace`, and reading what it prints. */
import { type Ringtap, startRingtap } from "./ringtap.js";
import type { Scope } from "./scope.js";

/** One object of `--output json`. */
export type TracedEvent = Readonly<Record<string, unknown>>;

/** `ringtap trace` with everything attached. */
export interface Trace extends Ringtap {
  /** The whole lines it has printed so far. */
  lines(): string[];
  /** Those of `--output json`, parsed. */
  events(): TracedEvent[];
}

/** Starts `ringtap trace <args>` and waits until it is attached. */
export async function startTrace(scope: Scope, args: readonly string[]): Promise<Trace> {
  const child = startRingtap(scope, ["trace", ...args]);
  await child.said(/msg"?[=:]"?tracing/);
  const lines = (): string[] => child.stdout.split("\n").slice(0, -1);
  const events = (): TracedEvent[] => lines().map((line) => JSON.parse(line) as TracedEvent);
  return Object.assign(child, { lines, events });
}
