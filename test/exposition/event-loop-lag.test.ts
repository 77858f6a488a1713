/** The event loop's lag, as a scrape shows it. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { EventLoopLag } from "../../src/exposition/event-loop-lag.js";
import { createProcessRegistry } from "../../src/exposition/process-registry.js";

test("the lags since the last scrape are told, and none of a timer's own pause", async () => {
  const lag = new EventLoopLag();
  const registry = createProcessRegistry(lag);
  /** The gauges by the middle of their names, in whole milliseconds: a histogram has three digits. */
  const read = async (): Promise<Record<string, number>> => {
    const text = await registry.metrics();
    const lines = [...text.matchAll(/^nodejs_eventloop_lag_(\w+)_seconds (\S+)$/gm)];
    return Object.fromEntries(
      lines.map(([, name = "", value]): [string, number] => [name, Math.round(1e3 * Number(value))]),
    );
  };
  const none = { min: 0, max: 0, mean: 0, stddev: 0, p50: 0, p90: 0, p99: 0 };
  assert.deepEqual(await read(), none);
  lag.note(0);
  assert.deepEqual(await read(), none);
  for (let n = 0; n < 90; n++) {
    lag.note(10);
  }
  for (let n = 0; n < 10; n++) {
    lag.note(60);
  }
  const seen = { min: 10, max: 60, mean: 15, stddev: 15, p50: 10, p90: 10, p99: 60 };
  assert.deepEqual(await read(), seen);
  assert.deepEqual(await read(), seen, "no timer since");
  lag.note(20);
  assert.deepEqual(await read(), { min: 20, max: 20, mean: 20, stddev: 0, p50: 20, p90: 20, p99: 20 });
});
