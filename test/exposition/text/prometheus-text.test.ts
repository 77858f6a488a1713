import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Catalog } from "../../../src/metrics/catalog.js";
import { Dimension } from "../../../src/metrics/dimension.js";
import { renderText } from "../../../src/exposition/text/prometheus-text.js";
import { checkMetrics } from "../promtool.js";
import { readText } from "./read-text.js";
import { addZeroByte, sampleCatalog } from "../sample-catalog.js";

function rendered(catalog: Catalog): Promise<string> {
  return readText(renderText(catalog));
}

test("the sample catalog comes out as the golden file, byte for byte", async () => {
  const golden = readFileSync(new URL("../../../../test/golden/metrics.txt", import.meta.url));
  const body = await rendered(sampleCatalog());
  assert.equal(body, golden.toString());
  assert.deepEqual(Buffer.from(body), golden);
});

test("promtool has nothing to say about it", async () => {
  const catalog = sampleCatalog();
  addZeroByte(catalog);
  assert.deepEqual(checkMetrics(await rendered(catalog)), { status: 0, output: "" });
});

test("promtool would have said something about a broken body", async () => {
  const body = await rendered(sampleCatalog());
  assert.notEqual(checkMetrics(body.replace('quo\\"te', 'quo"te')).status, 0);
});

test("an empty catalog is an empty body", async () => {
  assert.equal(await rendered(new Catalog()), "");
});

test("a large render lets the event loop turn", async () => {
  const catalog = new Catalog({ seriesLimit: 100_000 });
  const subject = new Dimension(["pid"]);
  const table = catalog.counter({ name: "x_total", help: "Help.", subject });
  for (let pid = 0; pid < 100_000; pid++) {
    table.add(subject.intern(`${pid}`), 0, pid);
  }
  let turns = 0;
  let rendering = true;
  const count = () => {
    turns++;
    if (rendering) {
      setImmediate(count);
    }
  };
  setImmediate(count);
  const body = await rendered(catalog);
  rendering = false;
  assert.equal(body.split("\n").length, 100_003);
  // Some 15 ms of work, in slices of 2.
  assert.ok(turns >= 3, `${turns} turns`);
});

test("rows added while a render waits for its next turn are no trouble", async () => {
  const catalog = new Catalog({ seriesLimit: 100_000 });
  const subject = new Dimension(["pid"]);
  const table = catalog.counter({ name: "x_total", help: "Help.", subject });
  const add = (from: number) => {
    for (let pid = from; pid < from + 5000; pid++) {
      table.add(subject.intern(`${pid}`), 0, 1);
    }
  };
  add(0);
  let body = "";
  let pieces = 0;
  for await (const piece of renderText(catalog)) {
    body += piece.toString();
    if (++pieces <= 3) {
      add(pieces * 5000);
    }
  }
  const lines = body.trimEnd().split("\n").slice(2);
  assert.equal(lines.length, 20_000);
  assert.equal(new Set(lines).size, 20_000);
});

test("a row is whole wherever a chunk ends, and however long it is", async () => {
  // The longest number there is, so that a row takes all the room it may.
  const value = -0.0000012345678901234567;
  for (const length of [1, 2, 3, 5, 8, 13, 21, 34, 100, 1000, 40_000]) {
    const catalog = new Catalog();
    const subject = new Dimension(["comm"]);
    const detail = new Dimension(["call"]);
    const gauge = catalog.gauge({ name: "x", help: "Help.", subject, detail });
    const histogram = catalog.histogram({ name: "y_seconds", help: "Help.", subject, lastPower: -21 });
    const rows = Math.ceil(100_000 / length / 50);
    const expected = ["# HELP x Help.", "# TYPE x gauge"];
    for (let row = 0; row < rows; row++) {
      const comm = `${row}`.padStart(length, "é");
      gauge.set(subject.intern(comm), detail.intern("read"), value);
      expected.push(`x{comm="${comm}",call="read"} -0.0000012345678901234567`);
    }
    expected.push("# HELP y_seconds Help.", "# TYPE y_seconds histogram");
    for (let row = 0; row < rows; row++) {
      const comm = `${row}`.padStart(length, "é");
      histogram.observe(subject.intern(comm), 0, 0.1);
      expected.push(
        `y_seconds_bucket{comm="${comm}",le="2.384185791015625e-07"} 1`,
        `y_seconds_bucket{comm="${comm}",le="4.76837158203125e-07"} 1`,
        `y_seconds_bucket{comm="${comm}",le="+Inf"} 1`,
        `y_seconds_sum{comm="${comm}"} 1e-10`,
        `y_seconds_count{comm="${comm}"} 1`,
      );
    }
    assert.equal(await rendered(catalog), `${expected.join("\n")}\n`, `labels of ${length}`);
  }
});
