/** Bodies under a budget, as Prometheus and vmagent take them that have a limit of their own: thousands of short commands. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { query, queryUntilAnswered, startConfiguredPrometheus } from "../exposition/prometheus-server.js";
import { startVictoriaMetrics, startVmagent } from "../exposition/victoria-metrics.js";
import { startAgent } from "../kernel/support/agent.js";
import { compileProgram, runProgram } from "../kernel/support/program.js";
import { build, outsideFolder } from "../kernel/support/signal-folder.js";

const source = new URL("../../../test/kernel/programs/short-commands.c", import.meta.url);

const commands = 4000;

/** Only the load has this name, and so the sum over all labels is what it did, whatever is counted under `~other`. */
const signalText = `
import { tracepoint } from "ringtap/bpf";
export default tracepoint("sched_process_exec", (e, h) => ({
  name: "short",
  summary: "short commands that were run",
  where: h.comm.eq("rt-short"),
  count: { by: { last: e.p.pid.bitAnd(7) } },
}));
`;

/** What the scrapers ask for, in Prometheus's words. vmagent asks for text. */
const protocols = ["PrometheusText0.0.4", "OpenMetricsText1.0.0", "PrometheusProto"];

/** Agents by the job that scrapes them: their budget, the scraper's limit in bytes, and what vmagent has as its own. */
const budgets = {
  default: { flags: [], limit: 10e6, vmagent: [] },
  small: { flags: ["--body-limit=1MiB"], limit: 2 ** 20, vmagent: ["-promscrape.maxScrapeSize=1MiB"] },
} as const;

it("has no scrape fail for thousands of short commands, by any budget, and its sums stay exact", async (test) => {
  const folder = join(outsideFolder(test), "short");
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), '{"type":"module"}\n');
  writeFileSync(join(folder, "signal.ts"), signalText);
  await build(test, folder);
  const text = readFileSync(source, "utf8");
  const [runner, short] = [compileProgram("rt-runner", text), compileProgram("rt-short", text)];

  const targets = await Promise.all(
    Object.entries(budgets).map(async ([name, budget]) => {
      // Series of ended processes stay for as long as the test takes.
      const flags = [`--signals.path=${folder}`, "--scrape-interval=1h", ...budget.flags];
      const agent = await startAgent(test, flags);
      const common = {
        scrape_interval: "5s",
        scrape_timeout: "5s",
        static_configs: [{ targets: [new URL(agent.origin).host] }],
      };
      return { name, agent, common, ...budget };
    }),
  );
  const prometheus = await startConfiguredPrometheus(
    test,
    {
      scrape_configs: targets.flatMap(({ name, common, limit }) =>
        protocols.map((protocol) => ({
          ...common,
          job_name: `${name} ${protocol}`,
          scrape_protocols: [protocol],
          body_size_limit: `${limit}B`,
        })),
      ),
    },
    ["native-histograms", "extra-scrape-metrics"],
  );
  const victoria = await startVictoriaMetrics(test);
  for (const { name, common, vmagent } of targets) {
    await startVmagent(test, victoria, { scrape_configs: [{ ...common, job_name: name }] }, vmagent);
  }
  const jobs = targets.flatMap(({ name }) => protocols.map((protocol) => `${name} ${protocol}`)).sort();
  const byJob = async (server: string, expression: string): Promise<[string, number][]> =>
    (await query(server, expression))
      .map(({ metric, value }): [string, number] => [metric.job ?? "", Number(value[1])])
      .sort();
  const all = (names: readonly string[], value: number) => names.map((name) => [name, value]);
  await queryUntilAnswered(prometheus, `count(up == 1) == ${jobs.length}`);
  await queryUntilAnswered(victoria, `count(up == 1) == ${targets.length}`);

  await runProgram(runner, [`${commands}`, short]);
  const sum = `sum by (job) (short_total)`;
  await queryUntilAnswered(prometheus, `count(${sum} == ${commands}) == ${jobs.length}`);
  await queryUntilAnswered(victoria, `count(${sum} == ${commands}) == ${targets.length}`);

  // One that a limit refuses is down.
  assert.deepEqual(await byJob(prometheus, "min_over_time(up[10m])"), all(jobs, 1));
  assert.deepEqual(await byJob(victoria, "min_over_time(up[10m])"), all(Object.keys(budgets).sort(), 1));
  for (const { name, agent, limit } of targets) {
    const sizes = await byJob(prometheus, `max_over_time(scrape_body_size_bytes{job=~"${name} .*"}[10m])`);
    assert.ok(
      sizes.every(([, bytes]) => bytes <= limit),
      JSON.stringify(sizes),
    );
    // The budget was used up, and what did not fit was told of once.
    assert.ok(
      sizes.some(([, bytes]) => bytes > limit / 2),
      JSON.stringify(sizes),
    );
    const told = agent.stderr.split("\n").filter((line) => line.includes("begins to count series as ~other"));
    assert.equal(told.filter((line) => line.includes("body-limit")).length, 1, agent.stderr);
    const samples = await agent.scrape();
    const moved = Array.from(samples).filter(([series]) => /^ringtap_series_(folded|evicted)_total/.test(series));
    assert.ok(
      moved.some(([series, count]) => series.includes("short_total") && count > 0),
      name,
    );
    assert.ok(
      Array.from(samples.keys()).some((series) => /^short_total\{.*pid="~other"/.test(series)),
      name,
    );
  }
});
