/** What a signal may return, wait for and throw, without costing more than its own numbers. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Guard } from "../../src/engine/guard.js";
import { guardedMetrics } from "../../src/engine/guarded-metrics.js";
import { checkRunning, checkSetup, checkStats } from "../../src/engine/running-shape.js";
import { ownerOf } from "../../src/engine/stray-errors.js";
import { completesWithin } from "../../src/engine/time-limit.js";
import { Catalog } from "../../src/metrics/catalog.js";

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
const never = new Promise<void>(() => undefined);

describe("faults of signals", () => {
  it("waits for a call, but not for ever", async () => {
    assert.equal(await completesWithin(Promise.resolve(), 1_000), true);
    assert.equal(await completesWithin(never, 1), false);
    await assert.rejects(completesWithin(Promise.reject(new Error("x")), 1_000), /x/);
    const closing = new AbortController();
    const waiting = completesWithin(never, 60_000, closing.signal);
    closing.abort();
    assert.equal(await waiting, false);
  });

  it("counts a promise where none is waited for, and what it rejects with", async () => {
    const guard = new Guard(silent);
    assert.equal(
      guard.call<unknown>("flush", () => Promise.reject(new Error("late")), 7),
      7,
    );
    await nextTurn();
    assert.equal(guard.errors.flush, 2);
  });

  it("refuses what start, setup and stats must not return", () => {
    assert.throws(() => checkRunning(undefined), /it returns undefined: want an object/);
    assert.throws(() => checkRunning(Promise.reject(new Error("x"))), /it returns a promise/);
    assert.throws(() => checkRunning({ collect: 5 }), /collect: want a function/);
    assert.throws(() => checkRunning({ maintainMayWait: "yes" }), /maintainMayWait: want true or false/);
    assert.throws(() => checkSetup(Promise.reject(new Error("x"))), /it returns a promise/);
    assert.throws(() => checkSetup({ variables: 5 }), /variables: want a table/);
    assert.throws(() => checkSetup({ sets: { ports: ["x"] } }), /sets: ports: want a list of keys/);
    assert.throws(() => checkSetup({ without: 3 }), /without: want a list/);
    assert.throws(() => checkSetup({ ringSize: 1000 }), /ringSize: 1000: want a power of two/);
    assert.throws(() => checkStats({ collected: NaN }), /stats: want/);
    assert.throws(() => checkStats({ mapEntries: 5 }), /mapEntries: want a list/);
    assert.throws(() => checkStats({ mapEntries: [null] }), /mapEntries: want a list/);
    assert.deepEqual([checkStats(undefined), checkSetup({ ringSize: 0 })], [{}, { ringSize: 0 }]);
  });

  it("keeps the number of a metric whose function throws, and the names of ringtap's own", () => {
    const guard = new Guard(silent);
    const catalog = new Catalog();
    const metrics = guardedMetrics(catalog.scope(), guard);
    const definition = {
      name: "x",
      help: "x",
      read: () => {
        throw new Error("x");
      },
    };
    metrics.gauge(definition);
    catalog.collect();
    assert.equal(guard.errors.collect, 1);
    for (const name of ["ringtap_signal_up", "ringtap_series", "process_resident_memory_bytes"]) {
      assert.throws(() => metrics.gauge({ name, help: "x" }), /ringtap's metrics about itself/);
    }
  });

  it("finds the signal whose code has thrown", () => {
    const stack = (...frames: readonly string[]): Error =>
      Object.assign(new Error("x"), { stack: ["Error: x", ...frames.map((frame) => `    at ${frame}`)].join("\n") });
    const folders = [["hello", "/opt/hello"]] as const;
    const own = "Timeout._onTimeout (file:///opt/hello/dist/signal.js:7:28)";
    assert.equal(ownerOf(stack("node:internal/x:1:1", own, "file:///usr/lib/ringtap/x.js:1:1"), folders), "hello");
    assert.equal(ownerOf(stack("file:///usr/lib/ringtap/x.js:1:1", own), folders), undefined);
    assert.equal(ownerOf(null, folders), undefined);
  });
});
