/**
 * The Prometheus text exposition format, version 0.0.4
 * (https://github.com/prometheus/docs/blob/main/docs/instrumenting/exposition_formats.md).
 *
 * Every family comes with HELP and TYPE, also while it has no series: one scrape shows all there is to ask for.
 */
import type { Registry } from "prom-client";
import type { AnyTable } from "../../metrics/any-table.js";
import { type LineStyle, renderLines } from "./table-lines.js";
import { registryLines } from "./registry-lines.js";

const style: LineStyle = {
  header({ name, type, help }) {
    return `# HELP ${name} ${help.replace(/\\/g, "\\\\").replace(/\n/g, "\\n")}\n# TYPE ${name} ${type}\n`;
  },
  openMetrics: false,
};

/** Writes all tables as {@link renderLines} does. */
export function renderText(tables: Iterable<AnyTable>): AsyncGenerator<Buffer, void, undefined> {
  return renderLines(tables, style);
}

/** The metrics of a prom-client registry, to be followed by those of tables. */
export function registryAsText(registry: Registry): Promise<string> {
  return registryLines(registry, style);
}
