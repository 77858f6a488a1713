/** Metrics about the body of `/metrics`: how many series it has, and how long it takes to make. */
import type { AnyTable } from "../metrics/any-table.js";
import type { Catalog } from "../metrics/catalog.js";
import { Dimension } from "../metrics/dimension.js";

/** From 1 ms to 5 s: a scrape of a few series, to one that Prometheus is about to give up (its default timeout is 10 s). */
const durationBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** Declares the metrics; the returned function counts a scrape, by the milliseconds that it took. Once for each catalog. */
export function declareScrapeMetrics(catalog: Catalog): (milliseconds: number) => void {
  const metric = new Dimension(["metric"]);
  catalog.gauge({
    name: "ringtap_series",
    help: "Series that the metric has now; each bucket of a histogram is one.",
    subject: metric,
    bounded: true,
    collect(series) {
      for (const table of catalog) {
        // Its own rows are among those that are counted.
        series.row(metric.intern(table.name));
      }
      for (const table of catalog) {
        series.set(metric.intern(table.name), 0, table.size * table.seriesPerRow);
      }
    },
  });
  catalog.gauge({
    name: "ringtap_series_limit",
    help: "Cardinality limit: series that a metric may have before further ones go to its overflow series ~other.",
    read: () => catalog.seriesLimit,
  });
  catalog.gauge({
    name: "ringtap_body_bytes",
    help: "Bytes of the metrics that no format exceeds, as estimated from the series that there are.",
    read: () => catalog.budget.bytes,
  });
  const counter = (name: string, help: string, countOf: (table: AnyTable) => number): void => {
    catalog.counter({
      name,
      help,
      subject: metric,
      bounded: true,
      collect(counts) {
        for (const table of catalog) {
          counts.set(metric.intern(table.name), 0, countOf(table));
        }
      },
    });
  };
  counter(
    "ringtap_series_folded_total",
    "Updates that went to the overflow series ~other because the metric, or all metrics together, had reached a limit.",
    ({ folded }) => folded,
  );
  counter(
    "ringtap_series_evicted_total",
    "Series that no process used and that moved to the overflow series ~other, because others needed their places.",
    ({ evicted }) => evicted,
  );
  const duration = catalog.histogram({
    name: "ringtap_scrape_duration_seconds",
    help: "Time to bring all metrics up to date and write them.",
    bounds: durationBounds,
  });
  const row = duration.row(duration.subject.other);
  return (milliseconds) => {
    duration.observeAt(row, milliseconds * 1e6);
  };
}
