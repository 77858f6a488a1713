import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Counter, Registry, type OpenMetricsContentType } from "prom-client";
import { registerCatalog } from "../../src/exposition/register-catalog.js";
import { renderText } from "../../src/exposition/text/prometheus-text.js";
import { Catalog } from "../../src/metrics/catalog.js";
import { Dimension } from "../../src/metrics/dimension.js";
import { checkMetrics } from "./promtool.js";
import { readText } from "./text/read-text.js";
import { sampleCatalog } from "./sample-catalog.js";

const noCollect = () => undefined;

function smallCatalog() {
  const catalog = new Catalog({ retentionMs: 0 });
  const comm = new Dimension(["comm"]);
  const execs = catalog.counter({ name: "execs_total", help: "Execs.", subject: comm });
  const open = catalog.gauge({ name: "open", help: "Open.", subject: comm });
  return { catalog, comm, execs, open };
}

/** Samples of a body by name and labels, with the numbers read. */
function samplesOf(body: string): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of body.split("\n")) {
    const [, series, value = ""] = /^([^#][^]*) (\S+)$/.exec(line) ?? [];
    if (series !== undefined) {
      samples.set(series, Number(value.replace("Inf", "Infinity").replace("Nan", "NaN")));
    }
  }
  return samples;
}

test("another registry shows the same samples as ringtap's own encoder", async () => {
  const catalog = sampleCatalog();
  const registry = new Registry();
  registerCatalog(registry, catalog, noCollect);
  const own = await readText(renderText(catalog));
  const expected = samplesOf(own);
  assert.deepEqual(samplesOf(await registry.metrics()), expected);
  assert.equal(expected.size, own.split("\n").filter((line) => line !== "" && !line.startsWith("#")).length);
});

test("promtool has nothing to say about it", async () => {
  const registry = new Registry();
  registerCatalog(registry, sampleCatalog(), noCollect);
  assert.deepEqual(checkMetrics(await registry.metrics()), { status: 0, output: "" });
});

test("a table stands beside the program's own metrics, and not beside one of the same name", async () => {
  const { catalog, comm, execs } = smallCatalog();
  const registry = new Registry();
  new Counter({ name: "own_total", help: "Own.", registers: [registry] }).inc(3);
  registerCatalog(registry, catalog, noCollect);
  execs.add(comm.intern("sh"), 0, 2);
  const body = await registry.metrics();
  assert.match(body, /^own_total 3$/m);
  assert.match(body, /^execs_total{comm="sh"} 2$/m);
  assert.throws(() => {
    registerCatalog(registry, catalog, noCollect);
  }, /already been registered/);
  registry.resetMetrics();
  assert.match(await registry.metrics(), /^execs_total{comm="sh"} 2$/m);
});

test("collect runs once for each rendering, before any table is read", async () => {
  const { catalog, comm, execs, open } = smallCatalog();
  let rounds = 0;
  const registry = new Registry();
  registerCatalog(registry, catalog, async () => {
    await nextTurn();
    rounds++;
    execs.add(comm.intern("sh"), 0, 1);
    open.set(comm.intern("sh"), 0, rounds);
  });
  for (const round of [1, 2, 3]) {
    const body = await registry.metrics();
    assert.equal(rounds, round);
    assert.match(body, new RegExp(`^execs_total{comm="sh"} ${round}$`, "m"));
    assert.match(body, new RegExp(`^open{comm="sh"} ${round}$`, "m"));
  }
});

test("a collect that throws fails the rendering, and the next one works", async () => {
  const { catalog } = smallCatalog();
  let broken = true;
  const registry = new Registry();
  registerCatalog(registry, catalog, () => {
    if (broken) {
      throw new Error("no map");
    }
  });
  await assert.rejects(registry.metrics(), /no map/);
  broken = false;
  assert.match(await registry.metrics(), /# TYPE execs_total counter/);
});

test("a rendering lets retired subjects go", async () => {
  const { catalog } = smallCatalog();
  const pid = new Dimension(["pid"]);
  const opens = catalog.counter({ name: "opens_total", help: "Opens.", subject: pid });
  const registry = new Registry();
  registerCatalog(registry, catalog, noCollect);
  const id = pid.intern("7");
  opens.add(id, 0, 1);
  catalog.retention.end(pid, id, 0);
  assert.equal(catalog.retention.expire(1), 0);
  assert.match(await registry.metrics(), /pid="7"/);
  await nextTurn();
  assert.equal(catalog.retention.expire(1), 2, "the label set and its row");
  assert.doesNotMatch(await registry.metrics(), /pid="7"/);
});

test("an OpenMetrics registry and a text registry do not disturb each other", async () => {
  const { catalog, comm, execs } = smallCatalog();
  execs.add(comm.intern("sh"), 0, 4);
  const text = new Registry();
  const open = new Registry<OpenMetricsContentType>();
  open.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  registerCatalog(text, catalog, noCollect);
  registerCatalog(open, catalog, noCollect);
  for (let round = 0; round < 2; round++) {
    const openBody = await open.metrics();
    assert.match(openBody, /^# TYPE execs counter\nexecs_total{comm="sh"} 4$/m);
    assert.match(openBody, /# EOF\n$/);
    assert.match(await text.metrics(), /^# TYPE execs_total counter\nexecs_total{comm="sh"} 4$/m);
  }
});
