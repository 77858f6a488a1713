/** Requests, errors and durations: panels about histograms of the signal l7, which is off by default. */
import { heatmap, type Panel, stat, timeseries } from "./panels.js";
import { type Queries, top } from "./promql.js";

/** Only what has failed has an error. */
const failed = 'error_type!=""';

/** A histogram of requests, and how panels call what is in it. */
export interface Requests {
  readonly histogram: string;
  /** In the plural: `requests received`. */
  readonly name: string;
  /** The labels that say what was asked for. */
  readonly by: readonly string[];
}

function legend(labels: readonly string[]): string {
  return labels.map((label) => `{{${label}}}`).join(" ");
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** Panels about the requests of a histogram. */
export function requestPanels(queries: Queries, { histogram, name, by }: Requests) {
  const { observations, quantile, late, heat } = queries;
  const share = (labels: readonly string[] = []): string =>
    `${observations(histogram, labels, failed)} / ${observations(histogram, labels)}`;
  const inAll = [
    stat({
      title: `${capital(name)} a second`,
      description: `All ${name} that have ended, well or not.`,
      unit: "reqps",
      query: observations(histogram),
    }),
    stat({
      title: `Share of ${name} that fail`,
      description: "By status or code, or because the connection ended.",
      unit: "percentunit",
      query: share(),
      red: 0.05,
    }),
    stat({
      title: `Share of ${name} that take over a second`,
      description: "The objective of the alerts is 1 %.",
      unit: "percentunit",
      query: late(histogram),
      red: 0.01,
    }),
  ] as const;
  const lines: readonly (readonly Panel[])[] = [
    [
      timeseries({
        title: `${capital(name)}, by program`,
        description: "A second, the ten programs that have most.",
        unit: "reqps",
        queries: { "{{comm}}": top(observations(histogram, ["comm"])) },
        programs: true,
      }),
      timeseries({
        title: `Share of ${name} that fail, by program`,
        description: "By status or code, or because the connection ended.",
        unit: "percentunit",
        queries: { "{{comm}}": top(`(${share(["comm"])})`) },
        max: 1,
        programs: true,
      }),
      timeseries({
        title: `Duration of ${name}, by program`,
        description: "What 99 % of them take at most.",
        unit: "s",
        queries: { "{{comm}}": top(`(${quantile(0.99, histogram, ["comm"])})`) },
        programs: true,
      }),
    ],
    [
      timeseries({
        title: `${capital(name)}, by what was asked for`,
        description: "A second, the ten that are most frequent.",
        unit: "reqps",
        queries: { [legend(by)]: top(observations(histogram, by)) },
      }),
      timeseries({
        title: `Failures among ${name}`,
        description: "A second, by what was asked for and how it failed.",
        unit: "reqps",
        queries: { [legend([...by, "error_type"])]: top(observations(histogram, [...by, "error_type"], failed)) },
      }),
      timeseries({
        title: `Duration of ${name}, by what was asked for`,
        description: "What 99 % of them take at most.",
        unit: "s",
        queries: { [legend(by)]: top(`(${quantile(0.99, histogram, by)})`) },
      }),
    ],
    [
      heatmap({
        title: `Duration of all ${name}`,
        description: "How many took how long.",
        unit: "s",
        query: heat(histogram),
      }),
      timeseries({
        title: `Duration of ${name}`,
        description: "What half, 90 % and 99 % of them take at most; the examples are the slowest of a minute.",
        unit: "s",
        queries: {
          "50 %": quantile(0.5, histogram),
          "90 %": quantile(0.9, histogram),
          "99 %": quantile(0.99, histogram),
        },
        exemplars: true,
      }),
    ],
  ];
  return { inAll, lines };
}
