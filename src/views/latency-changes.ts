/** What histograms have observed since the last snapshot. */
import type { Latency } from "./latency.js";
import type { LatencyFrame } from "./protocol.js";
import { sum, sumBuckets } from "./shared/sums.js";

/** The most comms shown apart in one histogram and frame. */
const mostComms = 50;

const other = "~other";

/** Bucket by bucket. */
function minus(counts: readonly number[], before: readonly number[] | undefined): number[] {
  return counts.map((count, slot) => Math.max(0, count - (before?.[slot] ?? 0)));
}

/** The comms with most observations, and the rest as one. */
function busiest(counts: readonly (readonly [string, number[]])[]): (readonly [string, number[]])[] {
  const sorted = [...counts].sort(([, a], [, b]) => sum(b) - sum(a));
  const rest = sorted.slice(mostComms);
  if (rest.length === 0) {
    return sorted;
  }
  const buckets = Math.max(...rest.map(([, part]) => part.length));
  const merged = sumBuckets(
    rest.map(([, part]) => part),
    buckets,
  );
  return [...sorted.slice(0, mostComms), [other, merged]];
}

export class LatencyChanges {
  #before: ReadonlyMap<string, Latency["counts"]> | undefined;

  /** Takes the histograms as they are now. The first snapshot has nothing to compare with, and is empty. */
  update(latencies: readonly Latency[]): LatencyFrame[] {
    const before = this.#before;
    this.#before = new Map(latencies.map(({ name, counts }) => [name, counts]));
    return latencies.map(({ name, title, bounds, counts }) => {
      const earlier = before?.get(name);
      const since =
        earlier === undefined ? [] : Array.from(counts, ([comm, of]) => [comm, minus(of, earlier.get(comm))] as const);
      return { name, title, bounds, counts: busiest(since.filter(([, observed]) => sum(observed) > 0)) };
    });
  }
}
