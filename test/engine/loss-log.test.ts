/** What the log says of losses, and how often. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LossLog, lossesOf } from "../../src/engine/loss-log.js";
import { Identity } from "../../src/identity/identity.js";
import { Catalog } from "../../src/metrics/catalog.js";
import { Dimension } from "../../src/metrics/dimension.js";
import { record } from "../identity/actors-of.js";

function setUp() {
  const clock = { now: 0 };
  const lines: string[] = [];
  const write =
    (level: string) =>
    (fields: object, text?: string): void => {
      lines.push(`${level} ${text ?? ""} ${JSON.stringify(fields)}`);
    };
  const log = new LossLog({ info: write("info"), warn: write("warn"), error: write("error") }, () => clock.now);
  return { clock, log, take: () => lines.splice(0) };
}

test("a loss is logged once when it begins, and once with its amount when it has ended", () => {
  const { clock, log, take } = setUp();
  let count = 0;
  const check = (seconds: number): string[] => {
    clock.now += seconds * 1000;
    log.check([{ key: "tcp ring_full", fields: { signal: "tcp", reason: "ring_full" }, verb: "drop events", count }]);
    return take();
  };
  assert.deepEqual(check(1), []);
  count = 5;
  assert.deepEqual(check(1), ['warn begins to drop events {"signal":"tcp","reason":"ring_full","count":5}']);
  for (let second = 0; second < 600; second++) {
    count++;
    assert.deepEqual(check(1), []);
  }
  assert.deepEqual(check(59), []);
  count++;
  assert.deepEqual(check(1), []);
  assert.deepEqual(check(59), [], "it has grown a minute ago at most");
  assert.deepEqual(check(1), [
    'info does not drop events any more {"signal":"tcp","reason":"ring_full","count":606,"seconds":660}',
  ]);
  assert.deepEqual(check(600), []);
  count += 2;
  assert.deepEqual(check(1), ['warn begins to drop events {"signal":"tcp","reason":"ring_full","count":2}']);
});

test("one metric at its limit is one line, and all metrics at theirs are one line", () => {
  const { log, take } = setUp();
  const catalog = new Catalog({ seriesLimit: 20, budget: { series: 100, bytes: Infinity } });
  const comm = new Dimension(["comm"]);
  const tables = Array.from({ length: 10 }, (_, index) =>
    catalog.counter({ name: `a${index}_total`, help: "A.", subject: comm }),
  );
  const count = (name: string, among = tables): void => {
    for (const table of among) {
      table.add(comm.intern(name), 0, 1);
    }
  };
  const check = (): string[] => {
    log.check(lossesOf(catalog, { overflowed: 0 }, []));
    return take();
  };
  for (let each = 0; each < 21; each++) {
    count(`${each}`, tables.slice(0, 1));
  }
  assert.deepEqual(check(), [
    'warn begins to count series as ~other {"metric":"a0_total","reason":"series-limit","count":1}',
  ]);
  for (let each = 0; each < 15; each++) {
    count(`${each}`);
  }
  const [line = "", ...others] = check();
  assert.match(
    line,
    /^warn begins to count series as ~other {"reason":"total-series-limit or body-limit","count":\d+}$/,
  );
  assert.deepEqual(others, []);
});

test("processes beyond their limit are one line", () => {
  const { log, take } = setUp();
  const catalog = new Catalog();
  const identity = new Identity(catalog, ["pid", "comm"], { limit: 2 });
  for (const tgid of [1, 2, 3, 4]) {
    identity.activate(record(tgid, "job"));
  }
  log.check(lossesOf(catalog, identity, []));
  assert.deepEqual(take(), ['warn begins to count processes as ~other {"reason":"identity-limit","count":2}']);
});
