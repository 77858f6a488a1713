/** The metrics of a prom-client registry as lines of text. */
import type { Registry } from "prom-client";
import { labelText } from "../../metrics/dimension.js";
import {
  collectFamilies,
  metricsOf,
  type RegistryFamily,
  type RegistryMetric,
  type RegistrySample,
  registryStart,
} from "../registry-families.js";
import type { LineStyle } from "./table-lines.js";
import { formatBound, formatNumber } from "../numbers.js";
import { familyName } from "../family-name.js";

/** A label's value. Bounds and quantiles are labels that are numbers, which OpenMetrics writes in one way only. */
function labelValue(label: string, text: string, { openMetrics }: LineStyle): string {
  const isNumber = (label === "le" || label === "quantile") && text !== "+Inf";
  return openMetrics && isNumber ? formatBound(Number(text)) : text;
}

function line(name: string, labels: RegistrySample["labels"], number: string, style: LineStyle): string {
  const text = labelText(
    labels.map(([label]) => label),
    labels.map(([label, text]) => labelValue(label, text, style)),
  );
  return `${name}${text === "" ? "" : `{${text}}`} ${number}\n`;
}

/** The lines of a metric; in OpenMetrics also since when it counts, unless it is a gauge. */
function metricLines({ type, name }: RegistryFamily, { labels, samples }: RegistryMetric, style: LineStyle): string[] {
  const family = familyName(type, name);
  const lines = samples.map((sample) => {
    const series = style.openMetrics && type === "counter" ? `${family}_total` : sample.name;
    return line(series, sample.labels, formatNumber(sample.value), style);
  });
  return style.openMetrics && type !== "gauge"
    ? [...lines, line(`${family}_created`, labels, formatNumber(registryStart / 1000), style)]
    : lines;
}

/** The metrics of a prom-client registry in a format of lines, to be followed by those of tables. */
export async function registryLines(registry: Registry, style: LineStyle): Promise<string> {
  const families = await collectFamilies(registry);
  return families
    .flatMap((family) => [
      style.header(family),
      ...metricsOf(family).flatMap((metric) => metricLines(family, metric, style)),
    ])
    .join("");
}
