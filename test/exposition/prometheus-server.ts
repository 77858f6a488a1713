/** A real Prometheus that scrapes one target. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../scripts/bench/lib/free-port.js";
import { ask } from "../http/http.js";
import { startDebianServer } from "./debian-server.js";

/** A series as Prometheus's HTTP API tells it. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
  /** In place of a value, for a native histogram. Of a bucket: which bounds are its own, lower and upper bound, count. */
  readonly histogram?: readonly [
    number,
    {
      readonly count: string;
      readonly sum: string;
      readonly buckets: readonly (readonly [number, string, string, string])[];
    },
  ];
}

/** An exemplar, as Prometheus tells it. */
export interface StoredExemplar {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: string;
  readonly timestamp: number;
}

/**
 * Starts a Prometheus that scrapes `target` each second; returns its address. It and its files go when the test ends. `how` is more
 * of the scrape configuration; `features` is for its flag `--enable-feature`: without, it asks for OpenMetrics, with
 * `native-histograms` for protobuf.
 */
export function startPrometheus(
  context: Pick<TestContext, "after">,
  target: string,
  how: Readonly<Record<string, unknown>> = {},
  features: readonly string[] = [],
): Promise<string> {
  const job = {
    job_name: "ringtap",
    scrape_interval: "1s",
    scrape_timeout: "1s",
    static_configs: [{ targets: [target] }],
    ...how,
  };
  return startConfiguredPrometheus(context, { scrape_configs: [job] }, features);
}

/** The same with a configuration of the caller's. */
export async function startConfiguredPrometheus(
  context: Pick<TestContext, "after">,
  configuration: Readonly<Record<string, unknown>>,
  features: readonly string[] = [],
): Promise<string> {
  const address = `127.0.0.1:${await freePort()}`;
  await startDebianServer(context, "prometheus", async ({ path, seen }) => {
    // JSON is YAML.
    await writeFile(join(path, "prometheus.yml"), JSON.stringify(configuration));
    return [
      `--config.file=${join(seen, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(seen, "data")}`,
      `--web.listen-address=${address}`,
      ...features.map((feature) => `--enable-feature=${feature}`),
    ];
  });
  return address;
}

/** Asks Prometheus's HTTP API, as in `query?query=up`; returns the answer's `data`. */
export async function askApi(prometheus: string, question: string): Promise<unknown> {
  const { status, body } = await ask(prometheus, `/api/v1/${question}`);
  assert.equal(status, 200, body.toString());
  return (JSON.parse(body.toString()) as { data: unknown }).data;
}

/** Evaluates an expression now, or at a time, seconds since 1970. */
export async function query(prometheus: string, expression: string, time?: number): Promise<Series[]> {
  const at = time === undefined ? "" : `&time=${time.toFixed(3)}`;
  const data = await askApi(prometheus, `query?query=${encodeURIComponent(expression)}${at}`);
  return (data as { result: Series[] }).result;
}

/** The exemplars of the series that a selector names; there are none without the feature `exemplar-storage`. */
export async function queryExemplars(prometheus: string, selector: string): Promise<StoredExemplar[]> {
  const question = `query_exemplars?query=${encodeURIComponent(selector)}&start=0&end=${Math.ceil(Date.now() / 1000)}`;
  const series = (await askApi(prometheus, question)) as { exemplars: StoredExemplar[] }[];
  return series.flatMap(({ exemplars }) => exemplars);
}

/** Asks again until there is an answer; Prometheus needs a second to start and another to scrape. */
export async function queryUntilAnswered(prometheus: string, expression: string): Promise<Series[]> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const result = await query(prometheus, expression).catch(() => []);
    if (result.length > 0) {
      return result;
    }
    assert.ok(Date.now() < deadline, `no answer to ${expression} in 30 s`);
    await sleep(200);
  }
}
