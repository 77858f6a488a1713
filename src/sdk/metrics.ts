/** What a signal declares its metrics with. */
import type { HistogramDefinition, HistogramTable } from "../metrics/histogram-table.js";
import type { TableDefinition } from "../metrics/table.js";
import type { ValueTable } from "../metrics/value-table.js";

/** Declares metrics of one owner. Each throws when the name is taken or against the rules of Prometheus. */
export interface MetricScope {
  /** A counter; its name ends in `_total`. */
  counter(definition: TableDefinition): ValueTable;
  gauge(definition: TableDefinition): ValueTable;
  /** A histogram with buckets that are powers of two. */
  histogram(definition: HistogramDefinition): HistogramTable;
}
