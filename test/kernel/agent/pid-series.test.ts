/** Short and long processes as a real Prometheus sees them, by the queries of docs/metrics.md. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { readDocument } from "../../docs/documents.js";
import { answerBetween, scrapeThatShows } from "../../exposition/exact-increase.js";
import { query, queryUntilAnswered, startConfiguredPrometheus } from "../../exposition/prometheus-server.js";
import { startAgent } from "../support/agent.js";
import { eventually } from "../support/eventually.js";
import { compileConnects, runShort, startLong } from "../support/refused-connects.js";
import { suiteScope } from "../support/scope.js";

/** The queries of the page on processes that end between two scrapes. */
const [plain = "", fromCreated = ""] = Array.from(
  readDocument("docs/metrics.md").matchAll(/```promql\n(.*?)\n```/gs),
  ([, text]) => text,
);

describe("docs/metrics.md's queries, by a real Prometheus", () => {
  const scope = suiteScope();

  it("say what 100 short processes and a long one have done, with --pid-series all and living", async () => {
    const flags = ["--signals=tcp"];
    const [all, living] = await Promise.all([
      startAgent(scope, [...flags, "--pid-series=all"]),
      startAgent(scope, [...flags, "--pid-series=living", "--scrape-interval=1s"]),
    ]);
    const prometheus = await startConfiguredPrometheus(scope, {
      scrape_configs: [
        ["all", all],
        ["living", living],
      ].map(([name, agent]) => ({
        job_name: name,
        scrape_interval: "1s",
        scrape_timeout: "1s",
        static_configs: [{ targets: [new URL((agent as typeof all).origin).host] }],
      })),
    });
    const short = compileConnects("rt-short");
    const long = startLong(scope, compileConnects("rt-long"));
    const totals = (job: string, ofShort: number, ofLong: number) => ({
      [`sum(ringtap_tcp_connects_total{job="${job}",comm="rt-short"})`]: ofShort,
      [`sum(ringtap_tcp_connects_total{job="${job}",comm="rt-long"})`]: ofLong,
    });
    const valueOf = async (expression: string): Promise<number> =>
      Number((await query(prometheus, expression))[0]?.value[1]);

    // Programs that have run before: their shared series are there.
    await runShort(short, 1, 1);
    await long.connect(1);
    await queryUntilAnswered(prometheus, "up");
    const own = `ringtap_tcp_connects_total{job="living",pid="${long.pid}"}`;
    await eventually(async () => {
      assert.equal(await valueOf(own), 0, "begins at 0");
    });
    const from = {
      all: await scrapeThatShows(prometheus, "all", totals("all", 1, 1)),
      living: await scrapeThatShows(prometheus, "living", totals("living", 1, 1)),
    };
    // `_created` of what happens is not before the last scrape, which began earlier than its sample is of.
    await sleep(Math.max(0, 1500 + 1000 * Math.max(from.all, from.living) - Date.now()));

    await runShort(short, 100, 3);
    let connects = 0;
    await eventually(async () => {
      await long.connect(5);
      connects += 5;
      assert.ok((await valueOf(own)) > 0, "counts into its own series");
    });

    for (const [job, ofPlain] of [
      ["all", 0],
      ["living", 300],
    ] as const) {
      const to = await scrapeThatShows(prometheus, job, totals(job, 301, 1 + connects));
      for (const [documented, shortConnects] of [
        [plain, ofPlain],
        [fromCreated, job === "all" ? 300 : undefined],
      ] as const) {
        const answer = await answerBetween(prometheus, job, documented, [from[job], to]);
        if (shortConnects !== undefined) {
          assert.equal(answer.get("rt-short refused"), shortConnects, `${job}: ${documented}`);
        }
        assert.equal(answer.get("rt-long refused"), connects, `${job}: ${documented}`);
      }
    }
    const pids = await query(prometheus, 'ringtap_tcp_connects_total{job="living",comm="rt-short"}');
    assert.deepEqual(
      pids.map(({ metric, value }) => [metric.pid, value[1]]),
      [["~ended", "301"]],
    );
  });
});
