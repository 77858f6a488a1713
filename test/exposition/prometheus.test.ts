import assert from "node:assert/strict";
import { test } from "node:test";
import { createAgentRegistry } from "../../src/exposition/agent-registry.js";
import { createBody } from "../../src/exposition/body.js";
import { startServer } from "../../src/exposition/server.js";
import type { AnyTable } from "../../src/metrics/catalog.js";
import { query, queryUntilAnswered, type Series, startPrometheus } from "./prometheus-server.js";
import { addZeroByte, sampleCatalog } from "./sample-catalog.js";

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

test("a real Prometheus scrapes the server and reads every number as it is", { timeout: 60_000 }, async (context) => {
  const catalog = sampleCatalog();
  addZeroByte(catalog);
  const server = await startServer({
    listenAddresses: ["127.0.0.1:0"],
    telemetryPath: "/metrics",
    render: createBody({ registry: createAgentRegistry(), catalog, collect: [] }),
    health: () => ({ ready: true, lines: [] }),
    live: (_, response) => void response.end(),
    onError: (error) => {
      throw error;
    },
  });
  context.after(server.close);
  const prometheus = await startPrometheus(context, server.addresses[0] as string);

  await queryUntilAnswered(prometheus, "ringtap_series_limit");
  assert.deepEqual(
    (await query(prometheus, 'up{job="ringtap"}')).map(({ value }) => value[1]),
    ["1"],
  );
  for (const table of catalog) {
    assert.deepEqual(await scrapedSamples(prometheus, table), expectedSamples(table), table.name);
  }
});
