import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Counter, Gauge, Histogram, type PrometheusContentType, Registry } from "prom-client";
import { createProcessRegistry } from "../../src/exposition/process-registry.js";
import { createBody } from "../../src/exposition/metrics-body.js";
import { createRenderQueue } from "../../src/exposition/render-queue.js";
import { Catalog } from "../../src/metrics/catalog.js";
import { Dimension } from "../../src/metrics/dimension.js";
import { checkMetrics } from "./promtool.js";
import { readOpenMetrics } from "./text/openmetrics-referee.js";
import { readText } from "./text/read-text.js";
import { sampleCatalog } from "./sample-catalog.js";

test("promtool has nothing to say about a whole body", async () => {
  const body = createBody({ registry: createProcessRegistry(), catalog: sampleCatalog(), collect: [] });
  await readText(body());
  const text = await readText(body());
  assert.match(text, /^process_cpu_seconds_total /m);
  assert.match(text, /^ringtap_tcp_connections{/m);
  assert.deepEqual(checkMetrics(text), { status: 0, output: "" });
});

test("it says how many series there are, and how many updates were folded", async () => {
  const catalog = new Catalog({ seriesLimit: 2 });
  const comm = new Dimension(["comm"]);
  const execs = catalog.counter({ name: "execs_total", help: "Execs.", subject: comm });
  catalog.gauge({ name: "open", help: "Open.", subject: comm });
  catalog.histogram({ name: "took_seconds", help: "Took.", subject: comm }).observe(comm.intern("a"), 0, 1);
  const body = createBody({ registry: new Registry(), catalog, collect: [] });
  for (const name of ["a", "b", "c", "c", "d"]) {
    execs.add(comm.intern(name), 0, 1);
  }
  for (let scrape = 0; scrape < 2; scrape++) {
    const text = await readText(body());
    assert.match(text, /^ringtap_series{metric="execs_total"} 3$/m);
    assert.match(text, /^ringtap_series{metric="open"} 0$/m);
    assert.match(text, /^ringtap_series{metric="took_seconds"} 32$/m);
    assert.match(text, /^ringtap_series_limit 2$/m);
    assert.match(text, /^ringtap_series{metric="ringtap_series"} 9$/m);
    assert.match(text, /^ringtap_series{metric="ringtap_scrape_duration_seconds"} 15$/m);
    assert.match(text, /^ringtap_series_folded_total{metric="execs_total"} 3$/m);
    assert.match(text, /^ringtap_series_folded_total{metric="open"} 0$/m);
    assert.match(text, new RegExp(`^ringtap_scrape_duration_seconds_count ${scrape}$`, "m"));
  }
  catalog.seriesLimit = 3;
  assert.match(await readText(body()), /^ringtap_series_limit 3$/m);
});

test("the hooks run before each render, in order, one at a time", async () => {
  const catalog = new Catalog();
  const comm = new Dimension(["comm"]);
  const execs = catalog.counter({ name: "execs_total", help: "Execs.", subject: comm });
  const trace: string[] = [];
  const body = createBody({
    registry: new Registry(),
    catalog,
    collect: [
      async () => {
        trace.push("first begins");
        await Promise.resolve();
        trace.push("first ends");
      },
      () => {
        trace.push("second");
        execs.add(comm.intern("sh"), 0, 1);
      },
    ],
  });
  assert.match(await readText(body()), /^execs_total{comm="sh"} 1$/m);
  assert.match(await readText(body()), /^execs_total{comm="sh"} 2$/m);
  const once = ["first begins", "first ends", "second"];
  assert.deepEqual(trace, [...once, ...once]);
});

test("the event loop turns after each part of a render", async () => {
  let turns = 0;
  const turnsBefore: number[] = [];
  const part = () => {
    turnsBefore.push(turns);
    setImmediate(() => turns++);
  };
  const registry = new Registry();
  new Gauge({ name: "own", help: "Own.", registers: [registry], collect: part });
  const body = createBody({ registry, catalog: sampleCatalog(), collect: [part, part] });
  for await (const piece of body()) {
    assert.match(piece.toString(), turns === 2 ? /^# HELP own / : /^# HELP ringtap_tcp_connects_total /);
  }
  assert.deepEqual(turnsBefore, [0, 1, 2]);
  assert.equal(turns, 3);
});

test("only a render that was read to its end lets ended label sets expire", async () => {
  const catalog = new Catalog({ retentionMs: 0 });
  const pid = new Dimension(["pid"]);
  const execs = catalog.counter({ name: "execs_total", help: "Execs.", subject: pid });
  const id = pid.intern("7");
  execs.add(id, 0, 1);
  let broken = true;
  const body = createBody({
    registry: new Registry(),
    catalog,
    collect: [
      () => {
        assert.equal(catalog.retention.expire(1), 0, "expired while a render ran");
        if (broken) {
          throw new Error("no map");
        }
      },
    ],
  });
  catalog.retention.end(pid, id, 0);
  await assert.rejects(readText(body()), /no map/);
  assert.equal(catalog.retention.expire(1), 0, "after a render that failed");
  broken = false;
  for await (const piece of body()) {
    assert.notEqual(piece.length, 0);
    break;
  }
  assert.equal(catalog.retention.expire(1), 0, "after a render that was left");
  assert.match(await readText(body()), /^execs_total{pid="7"} 1$/m);
  assert.equal(catalog.retention.expire(1), 2, "the label set and its row");
  assert.doesNotMatch(await readText(body()), /pid="7"/);
});

for (const [what, contentType] of [
  ["the text format", Registry.PROMETHEUS_CONTENT_TYPE],
  ["OpenMetrics", Registry.OPENMETRICS_CONTENT_TYPE],
] as const) {
  test(`a registry that would write ${what} itself comes out right in each format`, async () => {
    const registry = new Registry();
    registry.setContentType(contentType as PrometheusContentType);
    const own = new Counter({ name: "own_total", help: 'Say "\\".', labelNames: ["word"], registers: [registry] });
    own.inc({ word: 'a"b' }, 2);
    new Gauge({ name: "own_nan", help: "No number.", registers: [registry] }).set(NaN);
    new Histogram({ name: "own_seconds", help: "Took.", buckets: [0.5, 1], registers: [registry] }).observe(1);
    const body = createBody({ registry, catalog: sampleCatalog(), collect: [] });
    const text = await readText(body("text"));
    assert.deepEqual(checkMetrics(text), { status: 0, output: "" });
    assert.equal(
      text.slice(0, text.indexOf("# HELP ringtap_tcp")),
      [
        '# HELP own_total Say "\\\\".',
        "# TYPE own_total counter",
        'own_total{word="a\\"b"} 2',
        "# HELP own_nan No number.",
        "# TYPE own_nan gauge",
        "own_nan NaN",
        "# HELP own_seconds Took.",
        "# TYPE own_seconds histogram",
        'own_seconds_bucket{le="0.5"} 0',
        'own_seconds_bucket{le="1"} 1',
        'own_seconds_bucket{le="+Inf"} 1',
        "own_seconds_sum 1",
        "own_seconds_count 1",
        "",
      ].join("\n"),
    );
    const families = readOpenMetrics(await readText(body("openmetrics")));
    assert.deepEqual(
      families.slice(0, 3).map(({ name }) => name),
      ["own", "own_nan", "own_seconds"],
    );
  });
}

test("a series is created before the request that it is first shown by, however long that had to wait", async () => {
  let now = 10_000;
  const catalog = new Catalog({ clock: () => now });
  const comm = new Dimension(["comm"]);
  const execs = catalog.counter({ name: "execs_total", help: "Execs.", subject: comm });
  const kept = catalog.counter({ name: "kept_total", help: "Counts kept elsewhere.", subject: comm, bounded: true });
  const scrape = createRenderQueue(
    createBody({
      registry: new Registry(),
      catalog,
      collect: [
        async () => {
          await nextTurn();
          now += 5_000;
          execs.add(comm.intern(`${now}`), 0, 1);
        },
      ],
    }),
  );
  // Of two formats: the second waits for the first.
  await Promise.all([scrape("text"), scrape("openmetrics")]);
  assert.deepEqual([...execs.created.subarray(0, 2)], [5_000, 5_000]);
  execs.add(comm.intern("later"), 0, 1);
  assert.equal(execs.created[2], 15_000);

  kept.set(comm.intern("a"), 0, 5);
  assert.equal(kept.created[0], 9_000, "counts since the start");
  kept.set(comm.intern("a"), 0, 2);
  assert.equal(kept.created[0], 15_000, "fell, so it began anew");
});
