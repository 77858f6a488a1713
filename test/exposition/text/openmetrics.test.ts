import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Counter, Gauge, Histogram, Registry, Summary } from "prom-client";
import { createProcessRegistry } from "../../../src/exposition/process-registry.js";
import { createBody } from "../../../src/exposition/metrics-body.js";
import { renderOpenMetrics } from "../../../src/exposition/text/openmetrics.js";
import { renderText } from "../../../src/exposition/text/prometheus-text.js";
import { Catalog } from "../../../src/metrics/catalog.js";
import { Dimension } from "../../../src/metrics/dimension.js";
import type { ExemplarDefinition } from "../../../src/metrics/exemplars.js";
import { readOpenMetrics, type RefereeFamily } from "./openmetrics-referee.js";
import { readText } from "./read-text.js";
import { addZeroByte, sampleCatalog } from "../sample-catalog.js";

function familyOf(families: readonly RefereeFamily[], name: string): RefereeFamily {
  const family = families.find((each) => each.name === name);
  assert.ok(family, `no family ${name} among ${families.map((each) => each.name).join(" ")}`);
  return family;
}

test("the sample catalog comes out as the golden file, byte for byte", async () => {
  const golden = readFileSync(new URL("../../../../test/golden/metrics.openmetrics.txt", import.meta.url));
  assert.equal(await readText(renderOpenMetrics(sampleCatalog())), golden.toString());
});

test("a strict parser reads from it what is in the text format", async () => {
  const catalog = sampleCatalog();
  addZeroByte(catalog);
  const families = readOpenMetrics(await readText(renderOpenMetrics(catalog)));
  const types = new Map(families.map(({ name, type, unit, help }) => [name, { type, unit, help }]));
  assert.deepEqual(types.get("ringtap_tcp_connects"), {
    type: "counter",
    unit: "",
    help: 'Active opens.\nA second line, a \\ and a "quote".',
  });
  assert.equal(types.get("ringtap_tcp_connect_seconds")?.unit, "seconds");
  assert.equal(types.get("ringtap_ring_used_bytes")?.unit, "bytes");
  assert.deepEqual(
    families.map(({ name }) => name),
    [...catalog].map(({ name }) => name.replace(/_total$/, "")),
  );
  const samples = families.flatMap((family) => family.samples);
  const lines = (await readText(renderText(catalog))).split("\n").filter((line) => /^[^#]/.test(line));
  const created = samples.filter(({ name }) => name.endsWith("_created"));
  assert.equal(samples.length - created.length, lines.length);
  for (const [index, { name, value }] of samples.filter((sample) => !created.includes(sample)).entries()) {
    const line = lines[index] as string;
    assert.ok(line.startsWith(name), `${name}, not ${line}`);
    assert.equal(Number(value), Number(line.slice(line.lastIndexOf(" ") + 1).replace("Inf", "Infinity")), line);
  }
});

test("the parser would have refused a body that is not whole, or out of order", async () => {
  const body = await readText(renderOpenMetrics(sampleCatalog()));
  assert.throws(() => readOpenMetrics(body.replace("# EOF\n", "")), /EOF/);
  assert.throws(() => readOpenMetrics(body.replace("connect_seconds seconds", "connect_seconds minutes")), /[Uu]nit/);
});

test("each series of a counter or histogram tells since when it counts", async () => {
  let now = 1_700_000_000_500;
  const catalog = new Catalog({ clock: () => now, retentionMs: 0 });
  const comm = new Dimension(["comm"]);
  const execs = catalog.counter({ name: "execs_total", help: "Execs.", subject: comm });
  const took = catalog.histogram({ name: "took_seconds", help: "Took.", subject: comm });
  catalog.gauge({ name: "open", help: "Open.", subject: comm }).set(comm.intern("sh"), 0, 1);
  execs.add(comm.intern("sh"), 0, 1);
  now += 60_000;
  execs.add(comm.intern("sh"), 0, 1);
  execs.add(comm.intern("ls"), 0, 1);
  took.observe(comm.intern("sh"), 0, 5);
  const created = async () => {
    const families = readOpenMetrics(await readText(renderOpenMetrics(catalog)));
    return families.flatMap(({ samples }) =>
      samples
        .filter(({ name }) => name.endsWith("_created"))
        .map(({ name, labels, value }) => `${name} ${labels.comm ?? ""} ${value}`),
    );
  };
  // Five seconds before they came to be: so late may counts be that are kept in the kernel.
  assert.deepEqual(await created(), [
    "execs_created sh 1699999995.5",
    "execs_created ls 1700000055.5",
    "took_seconds_created sh 1700000055.5",
  ]);
  execs.removeSubject(comm.intern("sh"));
  now += 60_000;
  execs.add(comm.intern("sh"), 0, 1);
  assert.deepEqual((await created()).slice(0, 2), ["execs_created ls 1700000055.5", "execs_created sh 1700000115.5"]);
});

test("an exemplar is at the bucket that it was counted in", async () => {
  const families = readOpenMetrics(await readText(renderOpenMetrics(sampleCatalog())));
  const shown = families.flatMap(({ samples }) => samples).filter(({ exemplar }) => exemplar !== null);
  assert.deepEqual(shown, [
    {
      name: "ringtap_tcp_connect_seconds_bucket",
      labels: { comm: "curl", le: "0.001953125" },
      value: 4,
      exemplar: { labels: { pid: "4711" }, value: 0.001, timestamp: Date.UTC(2026, 0, 2, 3, 4, 5, 678) / 1000 },
    },
  ]);
});

test("there is room for the longest exemplar", async () => {
  for (const text of ['"'.repeat(125), "\\".repeat(125), "\n".repeat(125)]) {
    const catalog = new Catalog();
    const comm = new Dimension(["comm"]);
    const exemplar: ExemplarDefinition = { width: 0, labels: () => [["pid", text]] };
    const table = catalog.histogram({ name: "x_seconds", help: "X.", subject: comm, exemplar, lastPower: -22 });
    // More than a chunk.
    for (let each = 0; each < 200; each++) {
      const row = table.row(comm.intern(`${each}`));
      table.observeAt(row, 1e9);
      table.exemplars?.take(row, { duration: 1e9 });
    }
    const [family] = readOpenMetrics(await readText(renderOpenMetrics(catalog)));
    const shown = family?.samples.filter((sample) => sample.exemplar !== null) ?? [];
    assert.equal(shown.length, 200);
    assert.ok(shown.every((sample) => sample.exemplar?.labels.pid === text && sample.labels.le === "+Inf"));
  }
});

test("a whole body is valid, and has the agent's own metrics", async () => {
  const body = createBody({ registry: createProcessRegistry(), catalog: sampleCatalog(), collect: [] });
  await readText(body("openmetrics"));
  const families = readOpenMetrics(await readText(body("openmetrics")));
  assert.equal(familyOf(families, "process_cpu_seconds").type, "counter");
  assert.equal(familyOf(families, "process_cpu_seconds").samples[0]?.name, "process_cpu_seconds_total");
  assert.equal(familyOf(families, "process_resident_memory_bytes").unit, "bytes");
  const scrapes = familyOf(families, "ringtap_scrape_duration_seconds").samples;
  assert.equal(scrapes.find(({ name }) => name === "ringtap_scrape_duration_seconds_count")?.value, 1);
  assert.ok(familyOf(families, "ringtap_tcp_connections"));
});

test("metrics of every type of prom-client's come out, whatever they are labelled", async () => {
  const registry = new Registry();
  const registers = [registry];
  new Counter({ name: "plain", help: 'No "total".', registers }).inc(2);
  new Counter({ name: "labelled_total", help: "Labelled.", labelNames: ["comm"], registers }).inc(
    { comm: 'a"\\\n' },
    3,
  );
  new Gauge({ name: "g", help: "G.", registers }).set(-Infinity);
  const histogram = new Histogram({ name: "h", help: "H.", labelNames: ["x"], buckets: [0.00001, 1], registers });
  histogram.observe({ x: "y" }, 0.5);
  const summary = new Summary({ name: "s", help: "S.", percentiles: [0.5, 1], registers });
  summary.observe(7);
  const body = createBody({ registry, catalog: new Catalog(), collect: [] });
  // When this process began.
  const began = Math.floor(performance.timeOrigin) / 1000;
  for (let round = 0; round < 2; round++) {
    const families = readOpenMetrics(await readText(body("openmetrics")));
    const shown = ["plain", "labelled", "g", "h", "s"].map((name) =>
      familyOf(families, name).samples.map(({ name, labels, value }) => [name, labels, value]),
    );
    assert.deepEqual(shown, [
      [
        ["plain_total", {}, 2],
        ["plain_created", {}, began],
      ],
      [
        ["labelled_total", { comm: 'a"\\\n' }, 3],
        ["labelled_created", { comm: 'a"\\\n' }, began],
      ],
      [["g", {}, "-Infinity"]],
      [
        ["h_bucket", { le: "1e-05", x: "y" }, 0],
        ["h_bucket", { le: "1.0", x: "y" }, 1],
        ["h_bucket", { le: "+Inf", x: "y" }, 1],
        ["h_sum", { x: "y" }, 0.5],
        ["h_count", { x: "y" }, 1],
        ["h_created", { x: "y" }, began],
      ],
      [
        ["s", { quantile: "0.5" }, 7],
        ["s", { quantile: "1.0" }, 7],
        ["s_sum", {}, 7],
        ["s_count", {}, 1],
        ["s_created", {}, began],
      ],
    ]);
    // The registry is as it was.
    assert.match(await readText(body("text")), /^# TYPE labelled_total counter$/m);
  }
});
