/**
 * OpenMetrics 1.0 as text
 * (https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md).
 *
 * A counter's family is called as its series are, less `_total`; a unit is the last word of a family's name.
 */
import type { Registry } from "prom-client";
import type { AnyTable } from "../../metrics/catalog.js";
import { labelText } from "../../metrics/dimension.js";
import { type LineStyle, renderLines } from "./lines.js";
import { formatBound, formatNumber } from "./numbers.js";
import { collectFamilies, type RegistrySample } from "../registry-families.js";
import { familyName, unitOf } from "./units.js";

const end = "# EOF\n";

function escapeHelp(help: string): string {
  return help.replace(/[\\"]/g, "\\$&").replace(/\n/g, "\\n");
}

function header({ type, name, help }: Pick<AnyTable, "name" | "help"> & { readonly type: string }): string {
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

/** A label's value; bounds and quantiles are labels that are numbers. */
function labelValue(label: string, text: string): string {
  const isNumber = (label === "le" || label === "quantile") && text !== "+Inf";
  return isNumber ? formatBound(Number(text)) : text;
}

function sampleLine(type: string, { name, labels, value }: RegistrySample): string {
  const series = type === "counter" ? `${familyName(type, name)}_total` : name;
  const text = labelText(
    labels.map(([label]) => label),
    labels.map(([label, text]) => labelValue(label, text)),
  );
  return `${series}${text === "" ? "" : `{${text}}`} ${formatNumber(value)}\n`;
}

/** The metrics of a prom-client registry, to be followed by those of tables. */
export async function registryAsOpenMetrics(registry: Registry): Promise<string> {
  const families = await collectFamilies(registry);
  return families
    .flatMap((family) => [header(family), ...family.samples.map((sample) => sampleLine(family.type, sample))])
    .join("");
}
