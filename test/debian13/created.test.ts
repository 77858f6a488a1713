/** Short processes as a Prometheus counts them that begins a series at 0 where `_created` says so. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { readDocument } from "../docs/documents.js";
import { answerBetween, scrapeThatShows } from "../exposition/exact-increase.js";
import { queryUntilAnswered, startConfiguredPrometheus } from "../exposition/prometheus-server.js";
import { startAgent } from "../kernel/support/agent.js";
import { compileConnects, runShort, startLong } from "../kernel/support/refused-connects.js";

const [plain = ""] = /(?<=```promql\n).*(?=\n```)/.exec(readDocument("docs/metrics.md")) ?? [];

it("counts 100 short processes and a long one exactly, whichever processes have series of their own", async (test) => {
  const jobs = await Promise.all(
    ["all", "living"].map(async (pidSeries) => {
      const { origin } = await startAgent(test, [
        "--signals=tcp",
        `--pid-series=${pidSeries}`,
        "--scrape-interval=20s",
      ]);
      return { pidSeries, target: new URL(origin).host };
    }),
  );
  const features = ["created-timestamp-zero-ingestion"];
  const configuration = {
    scrape_configs: jobs.map(({ pidSeries, target }) => ({
      job_name: pidSeries,
      scrape_interval: "1s",
      scrape_timeout: "1s",
      static_configs: [{ targets: [target] }],
    })),
  };
  const prometheus = await startConfiguredPrometheus(test, configuration, features);
  await queryUntilAnswered(prometheus, "up == 1");
  const short = compileConnects("rt-short");
  const long = startLong(test, compileConnects("rt-long"));
  const totals = (job: string, ofShort: number, ofLong: number) => ({
    [`sum(ringtap_tcp_connects_total{job="${job}",comm="rt-short"})`]: ofShort,
    [`sum(ringtap_tcp_connects_total{job="${job}",comm="rt-long"})`]: ofLong,
  });
  // Series that there are from the beginning to the end of the range.
  await runShort(short, 1, 1);
  await long.connect(1);
  const from = new Map<string, number>();
  for (const { pidSeries } of jobs) {
    from.set(pidSeries, await scrapeThatShows(prometheus, pidSeries, totals(pidSeries, 1, 1)));
  }
  // `_created` of what happens is not before the last scrape, which began earlier than its sample is of.
  await sleep(Math.max(0, 1500 + 1000 * Math.max(...from.values()) - Date.now()));
  await runShort(short, 100, 3);
  await long.connect(20);
  for (const { pidSeries } of jobs) {
    const to = await scrapeThatShows(prometheus, pidSeries, totals(pidSeries, 301, 21));
    const answer = await answerBetween(prometheus, pidSeries, plain, [from.get(pidSeries) ?? 0, to]);
    assert.deepEqual(
      Object.fromEntries(["rt-short", "rt-long"].map((comm) => [comm, answer.get(`${comm} refused`)])),
      { "rt-short": 300, "rt-long": 20 },
      pidSeries,
    );
  }
});
