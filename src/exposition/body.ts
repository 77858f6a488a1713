/** The whole body of `/metrics`: the agent's own metrics, then the tables. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { Catalog } from "../metrics/catalog.js";
import type { Format } from "./formats.js";
import { registryAsOpenMetrics, renderOpenMetrics } from "./text/openmetrics.js";
import { renderProtobuf } from "./protobuf/protobuf.js";
import { registryAsProtobuf } from "./protobuf/registry.js";
import { renderText } from "./text/text.js";

/** From 1 ms to 5 s: a scrape of a few series, to one that Prometheus is about to give up (its default timeout is 10 s). */
const durationBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

export interface BodyOptions {
  /** Written first; the metrics about series and scrapes are added to it. One body for each registry. */
  readonly registry: Registry;
  readonly catalog: Catalog;
  /** Brings tables and registry up to date; run before each render, one after the other. One that throws fails the render. */
  readonly collect: readonly (() => void | Promise<void>)[];
}

/** How a format is written. */
interface Encoder {
  readonly registry: (registry: Registry) => Promise<string | Buffer>;
  readonly tables: (catalog: Catalog) => AsyncGenerator<Buffer, void, undefined>;
}

const encoders: Readonly<Record<Format, Encoder>> = {
  text: { registry: (registry) => registry.metrics(), tables: renderText },
  protobuf: { registry: registryAsProtobuf, tables: renderProtobuf },
  openmetrics: { registry: registryAsOpenMetrics, tables: renderOpenMetrics },
};

function registerSeriesMetrics(registry: Registry, catalog: Catalog): void {
  const registers = [registry];
  new Gauge({
    name: "ringtap_series",
    help: "Series that the metric has now, every bucket of a histogram counted.",
    labelNames: ["metric"],
    registers,
    collect() {
      for (const table of catalog) {
        this.set({ metric: table.name }, table.size * table.seriesPerRow);
      }
    },
  });
  new Gauge({
    name: "ringtap_series_limit",
    help: "Series a metric may have before further ones are folded into ~other.",
    registers,
    collect() {
      this.set(catalog.seriesLimit);
    },
  });
  new Counter({
    name: "ringtap_series_folded_total",
    help: "Updates that went to ~other because the metric had reached the series limit.",
    labelNames: ["metric"],
    registers,
    collect() {
      this.reset();
      for (const table of catalog) {
        this.inc({ metric: table.name }, table.folded);
      }
    },
  });
}

/**
 * Returns a function that begins a render in a format, the text format by default, and gives its pieces. Only a render whose last piece was taken counts as one that has
 * shown the series of retired subjects. The event loop turns after each part, so that none adds to the time another one held it.
 */
export function createBody(options: BodyOptions): (format?: Format) => AsyncGenerator<Buffer, void, undefined> {
  const { registry, catalog, collect } = options;
  registerSeriesMetrics(registry, catalog);
  const duration = new Histogram({
    name: "ringtap_scrape_duration_seconds",
    help: "Time to bring all metrics up to date and write them.",
    buckets: durationBuckets,
    registers: [registry],
  });

  return async function* body(format = "text") {
    const { registry: encodeRegistry, tables } = encoders[format];
    const render = catalog.renderBegan();
    let completed = false;
    const stop = duration.startTimer();
    try {
      for (const refresh of collect) {
        await refresh();
        await nextTurn();
      }
      yield Buffer.from(await encodeRegistry(registry));
      await nextTurn();
      yield* tables(catalog);
      completed = true;
    } finally {
      stop();
      catalog.renderEnded(render, completed);
    }
  };
}
