/** Histograms of durations by comm: what heat maps are drawn from. */
import type { Catalog } from "../metrics/catalog.js";
import type { Dimension } from "../metrics/dimension.js";
import type { HistogramTable } from "../metrics/histogram-table.js";

/** What is shown, by the names that viewers know. */
const metrics = {
  connect: "ringtap_tcp_connect_seconds",
  rtt: "ringtap_tcp_rtt_seconds",
  connection: "ringtap_tcp_connection_seconds",
  syscall: "ringtap_syscall_duration_seconds",
} as const;

export type LatencyName = keyof typeof metrics;

export interface Latency {
  readonly name: LatencyName;
  /** Upper bounds of the buckets in seconds, ascending; one more, +Inf, follows. */
  readonly bounds: readonly number[];
  /** Observations since the start by comm and bucket, not cumulative, whatever else tells the series apart. */
  readonly counts: ReadonlyMap<string, readonly number[]>;
}

function countsByComm(table: HistogramTable): Map<string, number[]> {
  const counts = new Map<number, number[]>();
  const { buckets, slots } = table;
  for (let row = 0; row < table.size; row++) {
    const comm = table.subjectAt(row);
    let sums = counts.get(comm);
    if (sums === undefined) {
      counts.set(comm, (sums = new Array<number>(slots).fill(0)));
    }
    for (let slot = 0; slot < slots; slot++) {
      (sums[slot] as number) += buckets[row * slots + slot] as number;
    }
  }
  return new Map(Array.from(counts, ([comm, sums]) => [table.subject.values(comm)[0] ?? "", sums]));
}

/** All histograms of durations that there are; `comms` is what their tables call a comm. */
export function latencies(catalog: Catalog, comms: Dimension): Latency[] {
  return Object.entries(metrics).flatMap(([name, metric]) => {
    const table = [...catalog].find((candidate) => candidate.name === metric);
    return table?.type === "histogram" && table.subject === comms
      ? [{ name: name as LatencyName, bounds: table.bounds, counts: countsByComm(table) }]
      : [];
  });
}
