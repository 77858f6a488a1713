/**
 * OpenMetrics 1.0 as text
 * (https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md).
 *
 * A counter's family is called as its series are, less `_total`; a unit is the last word of a family's name.
 */
import type { Registry } from "prom-client";
import type { AnyTable } from "../../metrics/any-table.js";
import { type Header, type LineStyle, renderLines } from "./table-lines.js";
import { registryLines } from "./registry-lines.js";
import { familyName, unitOf } from "../family-name.js";

const end = "# EOF\n";

function escapeHelp(help: string): string {
  return help.replace(/[\\"]/g, "\\$&").replace(/\n/g, "\\n");
}

function header({ type, name, help }: Header): string {
  const family = familyName(type, name);
  const unit = unitOf(type, name);
  const unitLine = unit === "" ? "" : `# UNIT ${family} ${unit}\n`;
  return `# TYPE ${family} ${type}\n${unitLine}# HELP ${family} ${escapeHelp(help)}\n`;
}

const style: LineStyle = { header, openMetrics: true };

/** Writes all tables as {@link renderLines} does, and the end of a body. */
export async function* renderOpenMetrics(tables: Iterable<AnyTable>): AsyncGenerator<Buffer, void, undefined> {
  yield* renderLines(tables, style);
  yield Buffer.from(end);
}

/** The metrics of a prom-client registry, to be followed by those of tables. */
export function registryAsOpenMetrics(registry: Registry): Promise<string> {
  return registryLines(registry, style);
}
