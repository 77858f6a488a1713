/** Breakdowns: what the tables say of one process, by the values of a label. */
import type { Catalog } from "../metrics/catalog.js";
import type { HistogramTable } from "../metrics/histogram-table.js";
import type { Breakdown } from "../sdk/views.js";
import { histogramTable, valueTable } from "./declared.js";
import type { BreakdownRow } from "./protocol.js";

interface Row {
  count: number;
  seconds: number;
  readonly failures: Record<string, number>;
  /** Of a histogram. */
  buckets: number[];
}

type Labels = Readonly<Record<string, string>>;

/** How many observations a row of a histogram has. */
export function observationsOf({ buckets, slots }: HistogramTable, row: number): number {
  let total = 0;
  for (let slot = row * slots; slot < (row + 1) * slots; slot++) {
    total += buckets[slot] as number;
  }
  return total;
}

/** What the share `q` of observations is at most, seconds: as `histogram_quantile()` of PromQL says it. */
function quantileOf(bounds: readonly number[], buckets: readonly number[], q: number): number {
  const wanted = q * buckets.reduce((sum, count) => sum + count, 0);
  let below = 0;
  for (const [slot, count] of buckets.entries()) {
    const [low = 0, high] = [bounds[slot - 1], bounds[slot]];
    if (high === undefined) {
      return low;
    }
    if (below + count >= wanted && count > 0) {
      return low + ((high - low) * (wanted - below)) / count;
    }
    below += count;
  }
  return 0;
}

/** The rows by name, of labels as rows of tables have them. */
class Rows {
  readonly rows = new Map<string, Row>();
  readonly #labels: readonly string[];

  constructor({ label }: Breakdown) {
    this.#labels = typeof label === "string" ? [label] : label;
  }

  of(labels: Labels): Row {
    const name = this.#labels
      .map((label) => labels[label] ?? "")
      .filter((value) => value !== "")
      .join(" ");
    let row = this.rows.get(name);
    if (row === undefined) {
      row = { count: 0, seconds: 0, failures: {}, buckets: [] };
      this.rows.set(name, row);
    }
    return row;
  }
}

function addFailures({ failures }: Row, labels: Labels, by: string, count: number): void {
  const kind = labels[by] ?? "";
  failures[kind] = (failures[kind] ?? 0) + count;
}

function addHistogram(rows: Rows, table: HistogramTable, subject: number, { failures }: Breakdown): void {
  const { buckets, slots, sums, scale, detail } = table;
  for (let row = 0; row < table.size; row++) {
    if (table.subjectAt(row) !== subject) {
      continue;
    }
    const labels = detail?.labels(table.detailAt(row)) ?? {};
    const count = observationsOf(table, row);
    const found = rows.of(labels);
    found.count += count;
    found.seconds += (sums[row] as number) / scale;
    found.buckets = Array.from(
      { length: slots },
      (_, slot) => (found.buckets[slot] ?? 0) + (buckets[row * slots + slot] ?? 0),
    );
    if (failures !== undefined && (labels[failures.by] ?? "") !== "") {
      addFailures(found, labels, failures.by, count);
    }
  }
}

function addCounters(rows: Rows, catalog: Catalog, subject: number, { count, seconds, failures }: Breakdown): void {
  const eachRow = (metric: string | undefined, take: (labels: Labels, value: number) => void): void => {
    const table = metric === undefined ? undefined : valueTable(catalog, metric);
    for (let row = 0; table?.detail !== undefined && row < table.size; row++) {
      if (table.subjectAt(row) === subject) {
        take(table.detail.labels(table.detailAt(row)), table.values[row] as number);
      }
    }
  };
  eachRow(count, (labels, value) => {
    rows.of(labels).count += value;
  });
  eachRow(seconds, (labels, value) => {
    rows.of(labels).seconds += value;
  });
  eachRow(failures?.metric, (labels, value) => {
    addFailures(rows.of(labels), labels, failures?.by ?? "", value);
  });
}

/** The rows of one process in a signal's breakdown, those that took longest first. */
export function breakdownRows(catalog: Catalog, subject: number, breakdown: Breakdown): BreakdownRow[] {
  const rows = new Rows(breakdown);
  const histogram = histogramTable(catalog, breakdown.count);
  if (histogram === undefined) {
    addCounters(rows, catalog, subject, breakdown);
  } else {
    addHistogram(rows, histogram, subject, breakdown);
  }
  const hasSeconds = histogram !== undefined || breakdown.seconds !== undefined;
  return Array.from(rows.rows)
    .sort(([, a], [, b]) => b.seconds - a.seconds || b.count - a.count)
    .map(([name, { count, seconds, failures, buckets }]) => ({
      name,
      count,
      ...(hasSeconds && { seconds }),
      ...(histogram !== undefined && {
        p50: quantileOf(histogram.bounds, buckets, 0.5),
        p99: quantileOf(histogram.bounds, buckets, 0.99),
      }),
      ...(breakdown.failures !== undefined && { failures }),
    }));
}
