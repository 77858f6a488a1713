/** Counts of requests by what one of their labels says. */
import { type Samples, select } from "./samples.js";

/** By the label's value. */
export type Counts = Record<string, number>;

/** Observations of a histogram of requests by one of their labels. */
export function by(
  label: string,
  samples: Samples,
  metric: string,
  labels: Readonly<Record<string, string | number>>,
): Counts {
  const counts: Counts = {};
  for (const [series, count] of select(samples, `${metric}_count`, labels)) {
    const value = new RegExp(`${label}="([^"]*)"`).exec(series)?.[1] ?? "";
    counts[value] = (counts[value] ?? 0) + count;
  }
  return counts;
}

/** What has come since `earlier`, by name; nothing of what has not changed. */
export function difference(later: Counts, earlier: Counts): Counts {
  const entries = Object.entries(later).map(([name, count]) => [name, count - (earlier[name] ?? 0)] as const);
  return Object.fromEntries(entries.filter(([, count]) => count !== 0).toSorted());
}

/** Of all names together. */
export function total(counts: Counts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** The sums by name. */
export function added(...all: readonly Counts[]): Counts {
  const counts: Counts = {};
  for (const [name, count] of all.flatMap((each) => Object.entries(each))) {
    counts[name] = (counts[name] ?? 0) + count;
  }
  return counts;
}
