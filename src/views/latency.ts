/** Histograms of durations by comm: what heat maps are drawn from. Those of processes are added up by their names. */
import type { Catalog } from "../metrics/catalog.js";
import type { LatencyView } from "../sdk/views.js";
import type { HistogramTable } from "../metrics/histogram-table.js";
import { histogramTable } from "./declared.js";

export interface Latency {
  /** As {@link LatencyView.key}. */
  readonly name: string;
  readonly title: string;
  /** Upper bounds of the buckets in seconds, ascending; one more, +Inf, follows. */
  readonly bounds: readonly number[];
  /** Observations since the start by comm and bucket, not cumulative, whatever other labels the series have. */
  readonly counts: ReadonlyMap<string, readonly number[]>;
}

function countsByComm(table: HistogramTable): Map<string, number[]> {
  const counts = new Map<string, number[]>();
  const { buckets, slots } = table;
  for (let row = 0; row < table.size; row++) {
    const comm = table.subject.labels(table.subjectAt(row)).comm ?? "";
    let sums = counts.get(comm);
    if (sums === undefined) {
      counts.set(comm, (sums = new Array<number>(slots).fill(0)));
    }
    for (let slot = 0; slot < slots; slot++) {
      (sums[slot] as number) += buckets[row * slots + slot] as number;
    }
  }
  return counts;
}

/** The histograms that views declare. */
export function latencies(catalog: Catalog, views: readonly LatencyView[]): Latency[] {
  return views.flatMap(({ key, title, metric }) => {
    const table = histogramTable(catalog, metric);
    return table === undefined ? [] : [{ name: key, title, bounds: table.bounds, counts: countsByComm(table) }];
  });
}
