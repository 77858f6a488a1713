/** Rates: what counters have grown by between two snapshots. */
import type { ProcessTotals } from "../protocol.js";

/** By how much a counter has grown each second; 0 for one that has begun anew, and when no time has passed. */
export function perSecond(after: number, before: number, seconds: number): number {
  return seconds > 0 ? Math.max(0, after - before) / seconds : 0;
}

/**
 * The rates of the counters `names`, and of those names that are `levels` the value of the later snapshot. A subject that is not in
 * the earlier snapshot began at 0.
 */
export function rates<K extends string>(
  names: readonly K[],
  after: Readonly<Record<K, number>>,
  before: Readonly<Record<K, number>> | undefined,
  seconds: number,
  levels: readonly K[] = [],
): Record<K, number> {
  const entries = names.map((name) => [
    name,
    levels.includes(name) ? after[name] : perSecond(after[name], before?.[name] ?? 0, seconds),
  ]);
  return Object.fromEntries(entries) as Record<K, number>;
}

/** Whether two sets of labels have the same names and values: an id in two snapshots may stand for two subjects. */
export function sameLabels(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

/** The rates of a process, and its `levels` as they are. `before` is what had its id in the earlier snapshot, this process or another one. */
export function ratesOf(
  after: ProcessTotals,
  before: ProcessTotals | undefined,
  seconds: number,
  levels: readonly string[],
): Record<string, number> {
  const earlier = before !== undefined && sameLabels(before.labels, after.labels) ? before.totals : undefined;
  return rates(Object.keys(after.totals), after.totals, earlier, seconds, levels);
}
