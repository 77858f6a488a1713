import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PerformanceObserver } from "node:perf_hooks";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { announce, FilledSignal } from "../../scripts/bench/drain/fill.js";
import { Identity } from "../../src/identity/identity.js";
import { Catalog } from "../../src/metrics/catalog.js";
import type { Signal } from "../../src/signals/signal.js";
import { syscall } from "../../src/signals/syscall.js";
import { tcp } from "../../src/signals/tcp.js";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const records = 10_000_000;
const processes = 100;

/** Fills before the first that counts: V8 has compiled everything, and every series is there. */
const warmUps = 60;

/** What one fill makes itself, to tell the kernel and to check its books: bytes, with room to spare. */
const bytesOfFill = 20_000;

const root = fileURLToPath(new URL("../../../", import.meta.url));

for (const { signal, allocates } of [
  { signal: syscall as Signal, allocates: false },
  // Its 64-bit getters are not all inlined, and V8 boxes what they return.
  { signal: tcp as Signal, allocates: true },
]) {
  test(`ten million ${signal.name} records leave nothing on the heap`, async (t) => {
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
      }
    };
    drain(warmUps);
    collectGarbage();
    await sleep(50);

    let collections = 0;
    const observer = new PerformanceObserver((list) => {
      collections += list.getEntries().length;
    });
    observer.observe({ entryTypes: ["gc"] });
    const fills = Math.ceil(records / filled.records);
    const before = process.memoryUsage().heapUsed;
    drain(fills);
    const made = process.memoryUsage().heapUsed - before;
    await sleep(50);
    observer.disconnect();
    collectGarbage();
    const growth = process.memoryUsage().heapUsed - before;

    const { consumed } = filled.running.books();
    assert.equal(consumed, (warmUps + fills) * filled.records);
    assert.ok(growth < 500_000, `the heap has grown by ${growth} bytes`);
    if (!allocates) {
      // One boxed number a record would be 120 MB: a dozen collections.
      assert.ok(collections <= 2, `${collections} collections`);
      assert.ok(made < fills * bytesOfFill, `${made} bytes`);
    }
  });
}
