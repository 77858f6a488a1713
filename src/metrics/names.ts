/** The Prometheus grammar of metric and label names, and the naming rules `promtool check metrics` holds a metric to. */

/** The three metric types ringtap exposes. */
export type MetricType = "counter" | "gauge" | "histogram";

const metricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const labelName = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** Suffixes that belong to counters, or to the samples of a histogram. */
const reservedSuffix = /_(?:total|bucket|sum|count)$/;

/** Throws when `name` is no metric name, or not one for this type. */
export function checkMetricName(type: MetricType, name: string): void {
  if (!metricName.test(name)) {
    throw new Error(`metric ${JSON.stringify(name)}: not a Prometheus metric name`);
  }
  if (type === "counter" && !name.endsWith("_total")) {
    throw new Error(`metric ${JSON.stringify(name)}: the name of a counter must end in _total`);
  }
  if (type !== "counter" && reservedSuffix.test(name)) {
    throw new Error(
      `metric ${JSON.stringify(name)}: the name of a ${type} must not end in _total, _bucket, _sum or _count`,
    );
  }
}

/** Throws when one of `names` is no label name a program may set (`__` is Prometheus's own prefix), or occurs twice. */
export function checkLabelNames(names: readonly string[]): void {
  for (const [index, name] of names.entries()) {
    if (!labelName.test(name) || name.startsWith("__")) {
      throw new Error(`label ${JSON.stringify(name)}: not a Prometheus label name`);
    }
    if (names.indexOf(name) !== index) {
      throw new Error(`label ${JSON.stringify(name)}: named twice`);
    }
  }
}
