import assert from "node:assert/strict";
import { test } from "node:test";
import { Counter, Gauge, Histogram as ClientHistogram, Registry, Summary } from "prom-client";
import { createProcessRegistry } from "../../../src/exposition/process-registry.js";
import { createBody } from "../../../src/exposition/metrics-body.js";
import { formatBound, formatNumber } from "../../../src/exposition/numbers.js";
import { renderProtobuf } from "../../../src/exposition/protobuf/protobuf.js";
import { renderText } from "../../../src/exposition/text/prometheus-text.js";
import { Catalog } from "../../../src/metrics/catalog.js";
import { Dimension } from "../../../src/metrics/dimension.js";
import { seededRandom } from "../../metrics/random.js";
import { type Histogram, type Metric, type MetricFamily, nativeBuckets, readProtobuf } from "./read-protobuf.js";
import { readBytes, readText } from "../text/read-text.js";
import { addZeroByte, sampleCatalog } from "../sample-catalog.js";

async function rendered(catalog: Catalog): Promise<MetricFamily[]> {
  return readProtobuf(await readBytes(renderProtobuf(catalog)));
}

function labelsOf({ label = [] }: Metric): Record<string, string> {
  return Object.fromEntries(label.map(({ name, value }) => [name, value]));
}

function onlyHistogram(families: readonly MetricFamily[]): Histogram {
  const histogram = families[0]?.metric?.[0]?.histogram;
  assert.ok(histogram);
  return histogram;
}

/** The lines of the text format that say the same. */
function linesOf({ name, metric = [] }: MetricFamily): string[] {
  return metric.flatMap((each) => {
    const line = (suffix: string, labels: Record<string, string>, value: number): string => {
      const text = Object.entries(labels)
        .map(([label, value]) => `${label}="${value.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n")}"`)
        .join(",");
      return `${name}${suffix}${text === "" ? "" : `{${text}}`} ${formatNumber(value)}`;
    };
    const labels = labelsOf(each);
    const value = each.counter?.value ?? each.gauge?.value;
    if (value !== undefined) {
      return [line("", labels, value)];
    }
    const { bucket = [], sampleSum = NaN, sampleCount = NaN } = each.histogram ?? {};
    const buckets = bucket.map(({ upperBound, cumulativeCount }) =>
      line("_bucket", { ...labels, le: formatBound(upperBound) }, cumulativeCount),
    );
    return [...buckets, line("_sum", labels, sampleSum), line("_count", labels, sampleCount)];
  });
}

test("a library that knows the schema reads from it what is in the text format", async () => {
  const catalog = sampleCatalog();
  addZeroByte(catalog);
  const families = await rendered(catalog);
  const text = (await readText(renderText(catalog))).split("\n");
  assert.deepEqual(
    families.flatMap(linesOf),
    text.filter((line) => /^[^#]/.test(line)),
  );
  assert.deepEqual(
    families.map(({ name, type }) => `# TYPE ${name} ${type.toLowerCase()}`),
    text.filter((line) => line.startsWith("# TYPE")),
  );
  assert.deepEqual(
    families.map(({ name, help }) => `# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}`),
    text.filter((line) => line.startsWith("# HELP")),
  );
  const units = families.filter(({ unit }) => unit !== undefined).map(({ name, unit }) => [name, unit]);
  assert.deepEqual(units, [
    ["ringtap_tcp_connect_seconds", "seconds"],
    ["ringtap_syscall_duration_seconds", "seconds"],
    ["ringtap_ring_used_bytes", "bytes"],
  ]);
});

test("counters and histograms tell since when they count, gauges do not", async () => {
  const families = await rendered(sampleCatalog());
  const created = { seconds: Date.UTC(2026, 0, 2, 3, 4, 0) / 1000, nanos: 678_000_000 };
  for (const { metric = [], type } of families) {
    for (const { counter, gauge, histogram } of metric) {
      assert.equal(gauge !== undefined, type === "GAUGE");
      if (gauge === undefined) {
        assert.deepEqual(counter?.createdTimestamp ?? histogram?.createdTimestamp, created);
      }
    }
  }
});

test("a native histogram has the buckets of the classic one, exactly", async () => {
  const random = seededRandom(11);
  for (let round = 0; round < 300; round++) {
    const catalog = new Catalog();
    const comm = new Dimension(["comm"]);
    const firstPower = -30 + random(40);
    const lastPower = Math.min(firstPower + random(30), 22);
    const table = catalog.histogram({ name: "x_seconds", help: "X.", subject: comm, firstPower, lastPower });
    const id = comm.intern("sh");
    table.row(id);
    for (let count = random(40); count > 0; count--) {
      table.observe(id, 0, Math.floor(2 ** (random(530) / 10)));
    }
    const histogram = onlyHistogram(await rendered(catalog));
    assert.equal(histogram.schema, 0);
    assert.equal(histogram.zeroThreshold, 2 ** firstPower);
    const [zero, ...classic] = histogram.bucket;
    assert.equal(histogram.zeroCount, zero?.cumulativeCount);
    let before = zero?.cumulativeCount;
    const used = classic.filter(({ cumulativeCount }) => {
      const counted = cumulativeCount !== before;
      before = cumulativeCount;
      return counted;
    });
    assert.deepEqual(
      [...nativeBuckets(histogram)],
      used.map(({ upperBound, cumulativeCount }) => [upperBound, cumulativeCount]),
    );
    assert.equal(histogram.bucket.at(-1)?.cumulativeCount, histogram.sampleCount);
  }
});

test("what is longer than the last bound is in the bucket for infinite observations", async () => {
  const catalog = new Catalog();
  const comm = new Dimension(["comm"]);
  catalog.histogram({ name: "x_seconds", help: "X.", subject: comm }).observe(comm.intern("sh"), 0, 65e9);
  const { positiveSpan, positiveDelta, zeroCount } = onlyHistogram(await rendered(catalog));
  assert.deepEqual(positiveSpan, [{ offset: 1025, length: 1 }]);
  assert.deepEqual([positiveDelta, zeroCount], [[1], 0]);
});

test("an exemplar is at the bucket that it was counted in, and at the native histogram", async () => {
  const families = await rendered(sampleCatalog());
  const exemplar = {
    label: [{ name: "pid", value: "4711" }],
    value: 0.001,
    timestamp: { seconds: Date.UTC(2026, 0, 2, 3, 4, 5) / 1000, nanos: 678_000_000 },
  };
  const histograms = families.flatMap(({ metric = [] }) => metric.flatMap(({ histogram }) => histogram ?? []));
  assert.deepEqual(
    histograms.map(({ exemplars }) => exemplars),
    [[exemplar], undefined, undefined],
  );
  const buckets = histograms.flatMap(({ bucket }) => bucket).filter((bucket) => bucket.exemplar !== undefined);
  assert.deepEqual(buckets, [{ cumulativeCount: 4, upperBound: 2 ** -9, exemplar }]);
});

test("a row is whole wherever a chunk ends, and a family as long as it says", async () => {
  for (const length of [1, 13, 100, 127, 128, 1000, 40_000]) {
    const catalog = new Catalog({ seriesLimit: 1_000_000 });
    const subject = new Dimension(["comm"]);
    const gauge = catalog.gauge({ name: "x", help: "Help.", subject });
    const histogram = catalog.histogram({ name: "y_seconds", help: "Help.", subject });
    const comms = Array.from({ length: Math.ceil(200_000 / length / 50) }, (_, row) => `${row}`.padStart(length, "漢"));
    for (const comm of comms) {
      gauge.set(subject.intern(comm), 0, -1.5);
      for (const [power] of histogram.bounds.entries()) {
        // In each bucket as many as make the varints long.
        histogram.addSlots(histogram.row(subject.intern(comm)), -22, [...Array<number>(power).fill(0), 2 ** 40], 1e9);
      }
    }
    const [gauges, histograms] = await rendered(catalog);
    assert.deepEqual(
      gauges?.metric?.map((metric) => [labelsOf(metric).comm, metric.gauge?.value]),
      comms.map((comm) => [comm, -1.5]),
    );
    assert.deepEqual(
      histograms?.metric?.map((metric) => [labelsOf(metric).comm, metric.histogram?.sampleCount]),
      comms.map((comm) => [comm, 29 * 2 ** 40]),
    );
  }
});

test("rows added while a render waits for its next turn are no trouble", async () => {
  const catalog = new Catalog({ seriesLimit: 100_000 });
  const subject = new Dimension(["pid"]);
  const table = catalog.counter({ name: "x_total", help: "Help.", subject });
  const add = (from: number, count: number) => {
    for (let pid = from; pid < from + count; pid++) {
      table.add(subject.intern(`${pid}`), 0, pid);
    }
  };
  add(0, 50_000);
  let turns = 0;
  const grow = () => {
    if (++turns <= 3) {
      add(40_000 + 10_000 * turns, 10_000);
      setImmediate(grow);
    }
  };
  setImmediate(grow);
  const [family] = await rendered(catalog);
  assert.equal(turns >= 3, true);
  assert.deepEqual(
    family?.metric?.map((metric) => [labelsOf(metric).pid, metric.counter?.value]),
    Array.from({ length: 80_000 }, (_, pid) => [`${pid}`, pid]),
  );
});

test("a whole body has the agent's own metrics", async () => {
  const body = createBody({ registry: createProcessRegistry(), catalog: sampleCatalog(), collect: [] });
  await readBytes(body("protobuf"));
  const families = readProtobuf(await readBytes(body("protobuf")));
  const family = (name: string) => families.find((each) => each.name === name);
  assert.equal(family("process_cpu_seconds_total")?.type, "COUNTER");
  assert.equal(family("process_resident_memory_bytes")?.unit, "bytes");
  const scrapes = family("ringtap_scrape_duration_seconds")?.metric?.[0]?.histogram;
  assert.deepEqual([scrapes?.sampleCount, scrapes?.schema, scrapes?.positiveSpan], [1, undefined, undefined]);
  assert.ok(family("ringtap_tcp_connections"));
});

test("metrics of every type of prom-client's come out, whatever they are labelled", async () => {
  const registry = new Registry();
  const registers = [registry];
  new Counter({ name: "c", help: "C.", labelNames: ["comm"], registers }).inc({ comm: 'é"\\\n' }, 3);
  new Gauge({ name: "g", help: "G.", registers }).set(-Infinity);
  const histogram = new ClientHistogram({ name: "h", help: "H.", labelNames: ["x"], buckets: [0.5, 1], registers });
  histogram.observe({ x: "y" }, 0.75);
  histogram.observe({ x: "z" }, 7);
  new Summary({ name: "s", help: "S.", percentiles: [0.5, 1], registers }).observe(7);
  const body = createBody({ registry, catalog: new Catalog(), collect: [] });
  const families = readProtobuf(await readBytes(body("protobuf")));
  const shown = families.filter(({ name }) => name.length === 1).map(({ metric = [] }) => metric);
  // When this process began.
  const began = Math.floor(performance.timeOrigin);
  const createdTimestamp = { seconds: Math.floor(began / 1000), nanos: (began % 1000) * 1_000_000 };
  assert.deepEqual(shown, [
    [{ label: [{ name: "comm", value: 'é"\\\n' }], counter: { value: 3, createdTimestamp } }],
    [{ gauge: { value: -Infinity } }],
    ["y", "z"].map((value) => ({
      label: [{ name: "x", value }],
      histogram: {
        bucket: [
          { cumulativeCount: 0, upperBound: 0.5 },
          { cumulativeCount: value === "y" ? 1 : 0, upperBound: 1 },
          { cumulativeCount: 1, upperBound: Infinity },
        ],
        sampleSum: value === "y" ? 0.75 : 7,
        sampleCount: 1,
        createdTimestamp,
      },
    })),
    [
      {
        summary: {
          quantile: [
            { quantile: 0.5, value: 7 },
            { quantile: 1, value: 7 },
          ],
          sampleSum: 7,
          sampleCount: 1,
          createdTimestamp,
        },
      },
    ],
  ]);
});
