import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { createProcessRegistry } from "../../src/exposition/process-registry.js";
import { createBody } from "../../src/exposition/metrics-body.js";
import type { Format } from "../../src/exposition/formats.js";
import type { AnyTable } from "../../src/metrics/any-table.js";
import type { HistogramTable } from "../../src/metrics/histogram-table.js";
import { query, queryExemplars, queryUntilAnswered, type Series, startPrometheus } from "./prometheus-server.js";
import { addZeroByte, sampleCatalog } from "./sample-catalog.js";
import { start } from "../http/start-server.js";

/** A number in Prometheus's JSON. */
function parseNumber(text: string): number {
  return Number(text.replace("Inf", "Infinity"));
}

/** The labels a row should have in Prometheus, which drops empty ones, as a string to compare by. */
function rowKey(table: AnyTable, row: number): string {
  const { subject, detail } = table;
  const values = [...subject.values(table.subjectAt(row)), ...(detail?.values(table.detailAt(row)) ?? [])];
  const labels = [...subject.names, ...(detail?.names ?? [])].map((name, index) => [name, values[index]]);
  return JSON.stringify(labels.filter(([, value]) => value !== "").sort());
}

/** The same of a series, less its own labels and `le`. */
function seriesKey({ metric }: Series): string {
  const labels = Object.entries(metric).filter(([name]) => !["__name__", "job", "instance", "le"].includes(name));
  return JSON.stringify(labels.sort());
}

/** All samples of a table by labels, its buckets by upper bound too. */
function expectedSamples(table: AnyTable): Map<string, number | undefined> {
  const samples = new Map<string, number | undefined>();
  for (let row = 0; row < table.size; row++) {
    const key = rowKey(table, row);
    if (table.type !== "histogram") {
      samples.set(`${table.name} ${key}`, table.values[row]);
      continue;
    }
    let count = 0;
    for (let slot = 0; slot < table.slots; slot++) {
      count += table.buckets[row * table.slots + slot] as number;
      samples.set(`${table.name}_bucket ${key} ${table.bounds[slot] ?? Infinity}`, count);
    }
    samples.set(`${table.name}_sum ${key}`, (table.sums[row] as number) / 1e9);
    samples.set(`${table.name}_count ${key}`, count);
  }
  return samples;
}

/** What Prometheus has of a table, in the same form. */
async function scrapedSamples(prometheus: string, table: AnyTable): Promise<Map<string, number>> {
  const samples = new Map<string, number>();
  for (const series of await query(prometheus, `{__name__=~"${table.name}(_bucket|_sum|_count)?"}`)) {
    const { __name__: name = "", le } = series.metric;
    const key = `${name} ${seriesKey(series)}${le === undefined ? "" : ` ${parseNumber(le)}`}`;
    assert.ok(!samples.has(key), `two series of ${key}`);
    samples.set(key, parseNumber(series.value[1]));
  }
  return samples;
}

/** The native histograms of a table by labels: sum, count, and counts by upper bound, those of empty buckets left out. */
function expectedHistograms(table: HistogramTable): Map<string, unknown> {
  const histograms = new Map<string, unknown>();
  for (let row = 0; row < table.size; row++) {
    const counts = Array.from(table.buckets.subarray(row * table.slots, (row + 1) * table.slots));
    histograms.set(rowKey(table, row), {
      sum: (table.sums[row] as number) / 1e9,
      count: counts.reduce((sum, count) => sum + count),
      buckets: counts.flatMap((count, slot) => (count === 0 ? [] : [[table.bounds[slot] ?? Infinity, count]])),
    });
  }
  return histograms;
}

/** What Prometheus has, in the same form. */
function scrapedHistogram({ histogram }: Series): unknown {
  assert.ok(histogram);
  const [, { sum, count, buckets }] = histogram;
  return {
    sum: Number(sum),
    count: Number(count),
    buckets: buckets.map(([, , upper, inIt]) => [parseNumber(upper), Number(inIt)]),
  };
}

/** A server of the sample catalog, and a Prometheus that scrapes it; `formats` are those that were asked for. */
async function startBoth(context: TestContext, features: readonly string[]) {
  const catalog = sampleCatalog();
  addZeroByte(catalog);
  // Without those about scrapes, which the body adds: they change with each.
  const tables = [...catalog];
  const formats = new Set<Format>();
  const body = createBody({ registry: createProcessRegistry(), catalog, collect: [] });
  const { address, errors } = await start(context, {
    render(format) {
      formats.add(format);
      return body(format);
    },
  });
  const prometheus = await startPrometheus(context, address, {}, ["exemplar-storage", ...features]);
  await queryUntilAnswered(prometheus, "ringtap_series_limit");
  assert.deepEqual(
    (await query(prometheus, 'up{job="ringtap"}')).map(({ value }) => value[1]),
    ["1"],
  );
  assert.deepEqual(errors, []);
  const exemplars = await queryExemplars(prometheus, '{__name__=~"ringtap_tcp_connect_seconds.*"}');
  assert.deepEqual(exemplars, [
    { labels: { pid: "4711" }, value: "0.001", timestamp: Date.UTC(2026, 0, 2, 3, 4, 5, 678) / 1000 },
  ]);
  return { tables, prometheus, formats };
}

test("a real Prometheus asks for OpenMetrics and reads every number as it is", { timeout: 60_000 }, async (context) => {
  const { tables, prometheus, formats } = await startBoth(context, []);
  assert.deepEqual([...formats], ["openmetrics"]);
  for (const table of tables) {
    assert.deepEqual(await scrapedSamples(prometheus, table), expectedSamples(table), table.name);
    const created = await query(prometheus, `${table.name.replace(/_total$/, "")}_created`);
    assert.equal(created.length, table.type === "gauge" ? 0 : table.size);
    assert.ok(created.every(({ value }) => Number(value[1]) === Date.UTC(2026, 0, 2, 3, 4, 0, 678) / 1000));
  }
});

test("with native histograms it asks for protobuf and has every bucket", { timeout: 60_000 }, async (context) => {
  const { tables, prometheus, formats } = await startBoth(context, ["native-histograms"]);
  assert.deepEqual([...formats], ["protobuf"]);
  for (const table of tables) {
    if (table.type !== "histogram") {
      assert.deepEqual(await scrapedSamples(prometheus, table), expectedSamples(table), table.name);
      continue;
    }
    const scraped = await query(prometheus, table.name);
    assert.deepEqual(
      new Map(scraped.map((series) => [seriesKey(series), scrapedHistogram(series)])),
      expectedHistograms(table),
    );
  }
  const answers: Record<string, string> = {
    // Half of a thing that took 1 to 2 seconds.
    'histogram_quantile(0.5, ringtap_tcp_connect_seconds{comm=""})': "1.5",
    // Of 6 connects 4 took less than 1.95 ms, 5 at most 64 s.
    'histogram_fraction(0, 0.001953125, ringtap_tcp_connect_seconds{comm="curl"}) * 6': "4",
    'histogram_fraction(0, 64, ringtap_tcp_connect_seconds{comm="curl"}) * 6': "5",
    'histogram_quantile(1, ringtap_tcp_connect_seconds{comm="curl"})': "+Inf",
  };
  for (const [expression, answer] of Object.entries(answers)) {
    assert.equal((await query(prometheus, expression))[0]?.value[1], answer, expression);
  }
});
