/** PromQL that panels are made of. What reads a histogram reads it in its classic and in its native form: only one of them is there. */

/** Grafana's shortest window that has two scrapes in it. */
const window = "[$__rate_interval]";

/** The agents that are chosen, by label. */
export const chosenAgents = 'job=~"$job",instance=~"$instance"';

/** The metrics of processes on these agents, by program. */
export const chosenPrograms = `${chosenAgents},comm=~"$comm"`;

/** Buckets up to a second, as the text format and as OpenMetrics write it. */
const upToOneSecond = 'le=~"1|1[.]0"';

/** `sum by (by) (expression)`, or one sum of all. */
export function sumBy(by: readonly string[], expression: string): string {
  return by.length === 0 ? `sum(${expression})` : `sum by (${by.join(", ")}) (${expression})`;
}

/** The ten highest, of those above 0. */
export function top(expression: string): string {
  return `topk(10, ${expression} > 0)`;
}

/** `expression` of agents only: other jobs have metrics of these names as well. */
export function ofAgents(expression: string): string {
  return `${expression} and on (job, instance) ringtap_build_info`;
}

/** Asks for one number for each value of the labels `by`. */
type Query = (metric: string, by?: readonly string[], more?: string) => string;

/** Queries about the series that have the labels of `selection`, in PromQL; `more` narrows it down further. */
export interface Queries {
  /** The series themselves. */
  readonly series: (metric: string, more?: string) => string;
  readonly sum: Query;
  /** How fast a counter grows, a second. */
  readonly rate: Query;
  /** How much a counter has grown in the time that the dashboard shows. */
  readonly increase: Query;
  /** What the share `q` of a histogram's observations is at most, 0 to 1. */
  readonly quantile: (q: number, ...of: Parameters<Query>) => string;
  /** The mean of a histogram's observations. */
  readonly mean: Query;
  /** Observations of a histogram, a second. */
  readonly observations: Query;
  /** Share of a histogram's observations that are over a second. */
  readonly late: Query;
  /** Observations by bucket, for a heat map. */
  readonly heat: (histogram: string) => string;
}

/** Unless it has `--syscall.timing all`, an agent has an estimate in place of the durations of system calls, under a name that says so. */
const durationOfCalls = /^(ringtap_syscall_)((?:duration_)?seconds(?:_.*)?)$/;

/** {@link Queries} about the series with these labels. */
export function queries(selection: string): Queries {
  const series = (metric: string, more = ""): string =>
    `${metric}{${more === "" ? selection : `${selection},${more}`}}`;
  const growth = (metric: string, more?: string): string => {
    const exact = `rate(${series(metric, more)}${window})`;
    const estimate = metric.replace(durationOfCalls, "$1estimated_$2");
    return estimate === metric ? exact : `${exact} or rate(${series(estimate, more)}${window})`;
  };
  const rate: Query = (metric, by = [], more) => sumBy(by, growth(metric, more));
  return {
    series,
    rate,
    sum: (metric, by = [], more) => sumBy(by, series(metric, more)),
    increase: (metric, by = [], more) => sumBy(by, `increase(${series(metric, more)}[$__range])`),
    quantile: (q, histogram, by = [], more) =>
      `histogram_quantile(${q}, ${rate(`${histogram}_bucket`, [...by, "le"], more)} or ${rate(histogram, by, more)})`,
    mean: (histogram, by, more) => {
      const native = rate(histogram, by, more);
      const total = `(${rate(`${histogram}_sum`, by, more)} or histogram_sum(${native}))`;
      return `${total} / (${rate(`${histogram}_count`, by, more)} or histogram_count(${native}))`;
    },
    observations: (histogram, by, more) =>
      `(${rate(`${histogram}_count`, by, more)} or histogram_count(${rate(histogram, by, more)}))`,
    late: (histogram, by, more) => {
      const inTime = rate(`${histogram}_bucket`, by, [upToOneSecond, more].filter(Boolean).join(","));
      const all = rate(`${histogram}_count`, by, more);
      return `1 - (${inTime} / ${all} or histogram_fraction(0, 1, ${rate(histogram, by, more)}))`;
    },
    heat: (histogram) => `${rate(`${histogram}_bucket`, ["le"])} or ${rate(histogram)}`,
  };
}
