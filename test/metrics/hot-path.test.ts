import assert from "node:assert/strict";
import { PerformanceObserver } from "node:perf_hooks";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Dimension } from "../../src/metrics/dimension.js";
import { HistogramTable } from "../../src/metrics/histogram-table.js";
import { ValueTable } from "../../src/metrics/value-table.js";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const updates = 5_000_000;
const subjectCount = 100;
const warmUps = 3;

/** Runs `work` and returns what it left on the heap, in bytes, and how often garbage was collected meanwhile. */
async function measure(work: () => void): Promise<{ growth: number; collections: number }> {
  collectGarbage();
  await sleep(50);
  let collections = 0;
  const observer = new PerformanceObserver((list) => {
    collections += list.getEntries().length;
  });
  observer.observe({ entryTypes: ["gc"] });
  const before = process.memoryUsage().heapUsed;
  work();
  const growth = process.memoryUsage().heapUsed - before;
  await sleep(50);
  observer.disconnect();
  return { growth, collections };
}

for (const kind of ["add", "observe"] as const) {
  test(`${kind} on rows that exist allocates nothing`, async () => {
    const subject = new Dimension(["comm"]);
    const counter = new ValueTable("counter", { name: "a_total", help: "Help.", subject }, { limit: 1000 });
    const histogram = new HistogramTable({ name: "b_seconds", help: "Help.", subject }, { limit: 1000 });
    for (let index = 0; index < subjectCount; index++) {
      subject.intern(`${index}`);
    }
    const run = (count: number): void => {
      for (let index = 0; index < count; index++) {
        const id = 1 + (index % subjectCount);
        // Below 2^31 (2 s). A larger argument V8 may box at the call, when it chooses not to inline it.
        const nanoseconds = 1000 + index;
        if (kind === "add") {
          counter.add(id, 0, nanoseconds);
        } else {
          histogram.observe(id, 0, nanoseconds);
        }
      }
    };
    // Until V8 has compiled the loop, its interpreter boxes every number.
    for (let round = 0; round < warmUps; round++) {
      run(updates);
      await sleep(50);
    }
    const { growth, collections } = await measure(() => {
      run(updates);
    });
    // One boxed number (12 to 16 bytes) an update would be 60 MB: several collections, or that much more heap.
    assert.ok(growth < 1_000_000, `${growth} bytes`);
    assert.ok(collections <= 1, `${collections} collections`);
    assert.equal(
      kind === "add" ? counter.size : histogram.total(),
      kind === "add" ? subjectCount : (warmUps + 1) * updates,
    );
  });
}
