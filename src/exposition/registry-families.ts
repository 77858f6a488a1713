/** What a prom-client registry holds, for formats that prom-client does not write, or writes by renaming its counters. */
import type { Registry } from "prom-client";

/** A sample as prom-client has it: of a histogram each bucket, the sum and the count. */
export interface RegistrySample {
  /** The family's, or with `_bucket`, `_sum` or `_count` behind it. */
  readonly name: string;
  readonly labels: readonly (readonly [name: string, value: string])[];
  readonly value: number;
}

export interface RegistryFamily {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram" | "summary";
  readonly samples: readonly RegistrySample[];
}

/** What prom-client 15 (lib/registry.js, `getMetricsAsJSON`) gives; its declarations say less, and take the type for a number. */
interface CollectedMetric {
  readonly name: string;
  readonly help: string;
  readonly type: RegistryFamily["type"];
  readonly values: readonly {
    readonly value: number;
    readonly labels?: Readonly<Record<string, string | number>>;
    readonly metricName?: string;
  }[];
}

/** Brings the metrics of a registry up to date and reads them, in the order in which they were registered. */
export async function collectFamilies(registry: Registry): Promise<RegistryFamily[]> {
  const metrics = (await registry.getMetricsAsJSON()) as unknown as CollectedMetric[];
  return metrics.map(({ name, help, type, values }) => ({
    name,
    help,
    type,
    samples: values.map(({ metricName = name, labels = {}, value }) => ({
      name: metricName,
      labels: Object.entries(labels).map(([label, text]) => [label, String(text)] as const),
      value,
    })),
  }));
}

/**
 * When the metrics of registries were 0, milliseconds since 1970: prom-client does not say when they came, but all count since the process
 * has started.
 */
export const registryStart = Math.floor(performance.timeOrigin);

/** The label that distinguishes samples of one histogram or summary. */
export const ownLabels: Readonly<Record<RegistryFamily["type"], string>> = {
  counter: "",
  gauge: "",
  histogram: "le",
  summary: "quantile",
};

/** Samples that make one metric: those with the same labels, their own one aside. */
export interface RegistryMetric {
  readonly labels: RegistrySample["labels"];
  readonly samples: readonly RegistrySample[];
}

/** The metrics of a family: each has a label set of its own. */
export function metricsOf({ type, samples }: RegistryFamily): RegistryMetric[] {
  const own = ownLabels[type];
  const metrics = new Map<string, { labels: RegistrySample["labels"]; samples: RegistrySample[] }>();
  for (const sample of samples) {
    const labels = sample.labels.filter(([name]) => name !== own);
    const key = JSON.stringify(labels);
    const metric = metrics.get(key) ?? { labels, samples: [] };
    metric.samples.push(sample);
    metrics.set(key, metric);
  }
  return [...metrics.values()];
}
