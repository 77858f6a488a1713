/** Numbers added up. */

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** Adds histograms of so many buckets, bucket by bucket. A histogram that is shorter has nothing in the buckets that it lacks. */
export function sumBuckets(histograms: readonly (readonly number[])[], buckets: number): number[] {
  return Array.from({ length: buckets }, (_, bucket) => sum(histograms.map((counts) => counts[bucket] ?? 0)));
}
