/** Tables as ordinary metrics of a prom-client Registry, for programs that embed ringtap and have a registry of their own. */
import type { Metric, Registry } from "prom-client";
import type { AnyTable } from "../metrics/any-table.js";
import type { Catalog } from "../metrics/catalog.js";
import { formatBound } from "./numbers.js";

/** One sample, as prom-client's registry wants it. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Where it differs from the family's name. */
  readonly metricName?: string;
}

/** What prom-client 15 (lib/registry.js) asks of a metric, and what `get` gives it. */
interface CollectedMetric {
  name: string;
  readonly help: string;
  readonly type: AnyTable["type"];
  readonly aggregator: "sum";
  get: () => Promise<object>;
  reset: () => void;
}

function rowLabels(table: AnyTable, row: number): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [dimension, id] of [
    [table.subject, table.subjectAt(row)],
    [table.detail, table.detailAt(row)],
  ] as const) {
    const names = dimension?.namesOf(id) ?? [];
    for (const [index, value] of dimension?.values(id).entries() ?? []) {
      if (value !== "") {
        labels[names[index] as string] = value;
      }
    }
  }
  return labels;
}

/** The samples of a table, as it stands. */
export function* tableSamples(table: AnyTable): Generator<Sample> {
  for (let row = 0; row < table.size; row++) {
    const labels = rowLabels(table, row);
    if (table.type !== "histogram") {
      yield { labels, value: table.values[row] as number };
      continue;
    }
    let count = 0;
    for (let slot = 0; slot < table.slots; slot++) {
      count += table.buckets[row * table.slots + slot] as number;
      const le = formatBound(table.bounds[slot] ?? Infinity);
      yield { labels: { ...labels, le }, value: count, metricName: `${table.name}_bucket` };
    }
    yield { labels, value: (table.sums[row] as number) / table.scale, metricName: `${table.name}_sum` };
    yield { labels, value: count, metricName: `${table.name}_count` };
  }
}

/**
 * Registers every table of a catalog, to be read whenever the registry renders. `collect` runs before each rendering and
 * brings the tables up to date. The registry's `resetMetrics` leaves tables alone.
 *
 * prom-client renames the counters of an OpenMetrics registry in place. Each call makes metric objects of its own, so a catalog
 * may be in registries of both formats; it is not to be merged (`Registry.merge`) from one into the other.
 */
export function registerCatalog(
  registry: Pick<Registry, "registerMetric">,
  catalog: Catalog,
  collect: () => void | Promise<void>,
): void {
  let collected: Promise<void> | undefined;

  /** Runs `collect` once for all the tables that a registry asks for in one go, and reports the render to the catalog. */
  async function collectOnce(): Promise<void> {
    const render = catalog.renders.began();
    let completed = false;
    try {
      await collect();
      catalog.collect();
      completed = true;
    } finally {
      // The tables are read in the promise callbacks that are due next, all before another turn of the loop.
      setImmediate(() => {
        catalog.renders.ended(render, completed);
      });
    }
  }

  for (const table of catalog) {
    const metric: CollectedMetric = {
      name: table.name,
      help: table.help,
      type: table.type,
      aggregator: "sum",
      async get() {
        await (collected ??= collectOnce().finally(() => {
          collected = undefined;
        }));
        return {
          name: metric.name,
          help: metric.help,
          type: metric.type,
          aggregator: metric.aggregator,
          values: [...tableSamples(table)],
        };
      },
      reset() {
        // The registry does not own what the tables hold.
      },
    };
    registry.registerMetric(metric as unknown as Metric);
  }
}
