/** The metrics of a prom-client registry as lines of text. */
import type { Registry } from "prom-client";
import { labelText } from "../../metrics/dimension.js";
import { collectFamilies, type RegistrySample } from "../registry-families.js";
import type { LineStyle } from "./table-lines.js";
import { formatBound, formatNumber } from "../numbers.js";
import { familyName } from "../family-name.js";

/** A label's value. Bounds and quantiles are labels that are numbers, which OpenMetrics writes in one way only. */
function labelValue(label: string, text: string, { openMetrics }: LineStyle): string {
  const isNumber = (label === "le" || label === "quantile") && text !== "+Inf";
  return openMetrics && isNumber ? formatBound(Number(text)) : text;
}

function sampleLine(type: string, { name, labels, value }: RegistrySample, style: LineStyle): string {
  const series = style.openMetrics && type === "counter" ? `${familyName(type, name)}_total` : name;
  const text = labelText(
    labels.map(([label]) => label),
    labels.map(([label, text]) => labelValue(label, text, style)),
  );
  return `${series}${text === "" ? "" : `{${text}}`} ${formatNumber(value)}\n`;
}

/** The metrics of a prom-client registry in a format of lines, to be followed by those of tables. */
export async function registryLines(registry: Registry, style: LineStyle): Promise<string> {
  const families = await collectFamilies(registry);
  return families
    .flatMap((family) => [
      style.header(family),
      ...family.samples.map((sample) => sampleLine(family.type, sample, style)),
    ])
    .join("");
}
