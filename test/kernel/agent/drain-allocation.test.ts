import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { GCProfiler, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { announce, FilledSignal } from "../../../scripts/bench/drain/fill.js";
import { Identity } from "../../../src/identity/identity.js";
import { Catalog } from "../../../src/metrics/catalog.js";
import type { Signal } from "../../../src/sdk/signal.js";
import { syscall } from "../../../src/signals/syscall/signal.js";
import { tcp } from "../../../src/signals/tcp/signal.js";

/**
 * Without inlining, every number that a function returns and that is not a small integer is put into a box. How much V8 inlines
 * depends on what it happens to compile first: nothing may depend on it.
 */
setFlagsFromString("--max-inlined-bytecode-size-cumulative=0");
setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const records = 10_000_000;
const processes = 100;

/** Fills before the first that counts: V8 has compiled everything, and every series is there. */
const warmUps = 60;

/** So often, in fills, what a signal keeps to itself goes into the tables: in the agent every second. */
const fillsToSettle = 20;

const root = fileURLToPath(new URL("../../../../", import.meta.url));

/** Bytes that `work` makes on V8's heap, dead or alive: what each collection found beside what the one before it had left. */
function allocatedBy(work: () => void): number {
  const profiler = new GCProfiler();
  profiler.start();
  let left = process.memoryUsage().heapUsed;
  work();
  const end = process.memoryUsage().heapUsed;
  let allocated = 0;
  for (const { beforeGC, afterGC } of profiler.stop().statistics) {
    allocated += beforeGC.heapStatistics.usedHeapSize - left;
    left = afterGC.heapStatistics.usedHeapSize;
  }
  return allocated + end - left;
}

/** The least that could be allocated for a record is a boxed number, 16 bytes. A fill takes some kilobytes itself. */
const most = 1;

for (const signal of [syscall, tcp] as Signal[]) {
  test(`ten million ${signal.name} records allocate less than ${most} B each and leave nothing on the heap`, (t) => {
    const scratch = mkdtempSync(join(tmpdir(), "ringtap-drain-"));
    const tidies: (() => unknown)[] = [];
    t.after(() => {
      tidies.reverse().forEach((tidy) => tidy());
      rmSync(scratch, { recursive: true });
    });
    const catalog = new Catalog();
    const identity = new Identity(catalog, ["pid", "comm"]);
    announce(identity, processes);
    const context = { root, scratch, after: (tidy: () => unknown) => tidies.push(tidy) };
    const filled = new FilledSignal(context, signal, catalog, identity, processes);
    const drain = (fills: number): void => {
      for (let fill = 0; fill < fills; fill++) {
        filled.fill();
        filled.drain();
        if (fill % fillsToSettle === 0) {
          filled.flush();
        }
      }
    };
    drain(warmUps);
    const fills = Math.ceil(records / filled.records);
    collectGarbage();
    const before = process.memoryUsage().heapUsed;
    const allocated = allocatedBy(() => {
      drain(fills);
    });
    collectGarbage();
    const growth = process.memoryUsage().heapUsed - before;

    const drained = fills * filled.records;
    assert.equal(filled.running.eventCounts().consumed, warmUps * filled.records + drained);
    assert.ok(allocated < most * drained, `${allocated} bytes for ${drained} records`);
    assert.ok(growth < drained / 20, `the heap has grown by ${growth} bytes`);
  });
}
