/** The whole body of `/metrics`: what prom-client keeps, then the tables. */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Registry } from "prom-client";
import type { Catalog } from "../metrics/catalog.js";
import type { RenderRequest } from "../metrics/renders.js";
import type { Format } from "./formats.js";
import { declareScrapeMetrics } from "./scrape-metrics.js";
import { registryAsOpenMetrics, renderOpenMetrics } from "./text/openmetrics.js";
import { renderProtobuf } from "./protobuf/protobuf.js";
import { registryAsProtobuf } from "./protobuf/registry-messages.js";
import { registryAsText, renderText } from "./text/prometheus-text.js";

export interface BodyOptions {
  /** Metrics that prom-client keeps, which are written first. */
  readonly registry: Registry;
  /** The metrics about series and scrapes are added to it: one body for each catalog. */
  readonly catalog: Catalog;
  /** Brings tables up to date; run before each render, one after the other. One that throws fails the render. */
  readonly collect: readonly (() => void | Promise<void>)[];
}

/** How a format is written. */
interface Encoder {
  readonly registry: (registry: Registry) => Promise<string | Buffer>;
  readonly tables: (catalog: Catalog) => AsyncGenerator<Buffer, void, undefined>;
}

const encoders: Readonly<Record<Format, Encoder>> = {
  text: { registry: registryAsText, tables: renderText },
  protobuf: { registry: registryAsProtobuf, tables: renderProtobuf },
  openmetrics: { registry: registryAsOpenMetrics, tables: renderOpenMetrics },
};

/**
 * Returns a function that asks for a render in a format, the text format by default, and returns its pieces, which are to be read: the
 * render begins with the first. Only a render whose last
 * piece was read counts as one that has shown the series of retired subjects. The event loop turns after each part, so that none
 * adds to the time another one held it.
 */
export function createBody(options: BodyOptions): (format?: Format) => AsyncGenerator<Buffer, void, undefined> {
  const { registry, catalog, collect } = options;
  const countScrape = declareScrapeMetrics(catalog);

  async function* pieces(format: Format, request: RenderRequest): AsyncGenerator<Buffer, void, undefined> {
    const { registry: encodeRegistry, tables } = encoders[format];
    const render = catalog.renders.began();
    let completed = false;
    const began = performance.now();
    try {
      for (const refresh of collect) {
        await refresh();
        await nextTurn();
      }
      catalog.collect();
      const kept = await encodeRegistry(registry);
      if (kept.length > 0) {
        yield Buffer.from(kept);
      }
      await nextTurn();
      yield* tables(catalog);
      completed = true;
    } finally {
      countScrape(performance.now() - began);
      catalog.renders.ended(render, completed);
      catalog.renders.answered(request);
    }
  }

  return (format = "text") => pieces(format, catalog.renders.asked());
}
