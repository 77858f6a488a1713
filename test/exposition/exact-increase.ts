/**
 * Queries whose answers are exact: Prometheus extrapolates `increase()` to the ends of its range, unless the first and the last sample lie
 * on them.
 */
import assert from "node:assert/strict";
import { eventually } from "../kernel/support/eventually.js";
import { query } from "./prometheus-server.js";

/** The time of the last scrape of a job, seconds since 1970, once each expression has its value at that time. */
export function scrapeThatShows(
  prometheus: string,
  job: string,
  expected: Readonly<Record<string, number>>,
): Promise<number> {
  return eventually(async () => {
    // Of anything but a selector it would be the time of the query.
    const [scrape] = await query(prometheus, `timestamp(up{job="${job}"})`);
    const time = Number(scrape?.value[1]);
    for (const [expression, value] of Object.entries({ ...expected, [`up{job="${job}"}`]: 1 })) {
      const [answer] = await query(prometheus, expression, time);
      assert.equal(Number(answer?.value[1]), value, expression);
    }
    return time;
  });
}

/** What a query of docs/metrics.md, over the last five minutes, says of a job from one scrape to another, by the value of `label`. */
export async function answerBetween(
  prometheus: string,
  job: string,
  documented: string,
  [from, to]: readonly [number, number],
): Promise<Map<string, number>> {
  const milliseconds = Math.round((to - from) * 1000);
  const expression = documented
    .replaceAll(/(ringtap_\w+)(\{)?/g, (_, name: string, brace?: string) =>
      brace === undefined ? `${name}{job="${job}"}` : `${name}{job="${job}",`,
    )
    .replaceAll("[5m]", `[${milliseconds}ms]`)
    .replaceAll("- 300", `- ${milliseconds / 1000}`);
  const answer = await query(prometheus, expression, to);
  return new Map(answer.map(({ metric, value }) => [`${metric.comm} ${metric.result}`, Number(value[1])]));
}
