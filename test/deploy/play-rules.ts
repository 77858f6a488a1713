/** Has promtool play series and look at what the rules of deploy/prometheus make of them. */
import { parse, stringify } from "yaml";

import { readDocument } from "../docs/documents.js";
import type { Groups, Rule } from "./kinds.js";
import { checkFiles } from "./queries.js";

/** The path of the rule file in the checkout. */
export const rulesPath = "deploy/prometheus/ringtap.rules.yaml";

const text = readDocument(rulesPath);

const { groups } = parse(text) as Groups;

/** All rules of the file. */
export const rules: readonly Rule[] = groups.flatMap((group) => group.rules);

/** Its alerts. */
export const alerts = rules.filter((rule) => rule.alert !== undefined);

/** Series by their text, each with its values as promtool writes them: first value + step × count, one value a minute. */
export type Played = Readonly<Record<string, string>>;

/** What PromQL is to answer: the series' text, and its value. */
export type Expected = Readonly<Record<string, readonly { readonly labels: string; readonly value: number }[]>>;

/** A counter's values: for each stretch, how much it grows a minute, and for how many minutes. */
export function growing(...stretches: readonly (readonly [perMinute: number, minutes: number])[]): string {
  let total = 0;
  return stretches
    .map(([perMinute, minutes]) => {
      const first = total + perMinute;
      total += perMinute * minutes;
      return `${first}+${perMinute}x${minutes - 1}`;
    })
    .join(" ");
}

/** What is played. */
export interface How {
  /** How long. */
  readonly minutes?: number;
  /** With one group of the rules only. */
  readonly group?: string;
}

/** Plays series, and returns what promtool has against the answers at their end; nothing is "". */
export function play(series: Played, expected: Expected, { minutes = 60, group }: How = {}): string {
  const tests = {
    rule_files: ["ringtap.rules.yaml"],
    // Days are played in longer steps.
    evaluation_interval: minutes > 60 * 24 ? "5m" : "1m",
    tests: [
      {
        interval: "1m",
        input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
        promql_expr_test: Object.entries(expected).map(([expr, answers]) => ({
          expr,
          eval_time: `${minutes}m`,
          exp_samples: answers,
        })),
      },
    ],
  };
  const played = groups.filter(({ name }) => group === undefined || name === group);
  const files = { "tests.yaml": stringify(tests), "ringtap.rules.yaml": stringify({ groups: played }) };
  const { status, output } = checkFiles(["test", "rules"], files);
  return status === 0 ? "" : output;
}

/** The answers when these alerts fire, each once, and no others. */
export function firing(...names: readonly string[]): Expected {
  return Object.fromEntries(
    alerts.map(({ alert = "" }) => [
      `count(ALERTS{alertname="${alert}",alertstate="firing"})`,
      names.includes(alert) ? [{ labels: "{}", value: 1 }] : [],
    ]),
  );
}
