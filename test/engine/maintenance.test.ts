/** When maintenance comes, and what it leaves for later, by a clock that the test moves. */
import assert from "node:assert/strict";
import { it, mock, type TestContext } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";

import { Engine } from "../../src/engine/engine.js";
import type { RunningSignal } from "../../src/engine/running.js";
import { Identity } from "../../src/identity/identity.js";
import { Catalog } from "../../src/metrics/catalog.js";

/** What a signal is to an engine, and how often it has been called. */
class Signal {
  readonly isBusy = false;
  readonly hasMore = false;
  maintainMayWait: boolean;
  isWatched = false;
  /** Records that the next drain finds. */
  records = 0;
  readonly calls = { drain: 0, maintain: 0, flush: 0 };

  constructor(maintainMayWait: boolean) {
    this.maintainMayWait = maintainMayWait;
  }

  /** Someone begins to watch its records. */
  beginWatching: () => void = () => undefined;

  onWatched(watched: () => void): void {
    this.beginWatching = watched;
  }

  collect(): Promise<void> {
    return Promise.resolve();
  }

  drain(): number {
    this.calls.drain++;
    const { records } = this;
    this.records = 0;
    return records;
  }

  maintain(): Promise<void> {
    this.calls.maintain++;
    return Promise.resolve();
  }

  flush(): void {
    this.calls.flush++;
  }

  attached(): Promise<void> {
    return Promise.resolve();
  }

  readonly close = (): void => undefined;
}

/** An engine at work, and what lets seconds pass. */
interface Started {
  readonly engine: Engine;
  readonly pass: (seconds: number) => Promise<void>;
}

/** An engine with these signals. */
function start(t: TestContext, signals: readonly Signal[]): Started {
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const identity = new Identity(new Catalog(), ["pid", "comm"]);
  const engine = new Engine(signals as unknown as readonly RunningSignal[], identity);
  engine.start();
  t.after(() => {
    engine.close();
    mock.timers.reset();
  });
  return {
    engine,
    async pass(seconds) {
      for (let second = 0; second < seconds; second++) {
        mock.timers.tick(1_000);
        await nextTurn();
      }
    },
  };
}

it("comes every five seconds while little happens and all may wait", async (t) => {
  const patient = new Signal(true);
  const { pass } = start(t, [patient]);
  await pass(1);
  const { drain } = patient.calls;
  await pass(3);
  // Nothing has woken up.
  assert.equal(patient.calls.drain, drain);
  await pass(16);
  // Two at the start, then whenever it maintains.
  assert.deepEqual(patient.calls, { drain: 6, maintain: 4, flush: 4 });
});

it("drains each second, and maintains each fifth what may wait, while there is something that may not", async (t) => {
  const [patient, other] = [new Signal(true), new Signal(false)];
  const { pass } = start(t, [patient, other]);
  await pass(20);
  assert.deepEqual([patient.calls.maintain, other.calls.maintain], [4, 20]);
  assert.deepEqual([patient.calls.flush, other.calls.flush], [4, 4]);
  assert(patient.calls.drain >= 20 && other.calls.drain >= 20);
});

it("maintains all at once when many records come, or a map has filled up, and each second while someone watches", async (t) => {
  const [patient, other] = [new Signal(true), new Signal(true)];
  const { pass } = start(t, [patient, other]);
  other.records = 1_000;
  await pass(1);
  assert.deepEqual([patient.calls.maintain, other.calls.maintain], [1, 1]);
  patient.maintainMayWait = false;
  await pass(3);
  assert.deepEqual([patient.calls.maintain, other.calls.maintain], [4, 1]);
  patient.maintainMayWait = true;
  other.isWatched = true;
  await pass(3);
  assert.deepEqual([patient.calls.maintain, other.calls.maintain], [7, 4]);
});

it("does not wait any longer when many records come meanwhile, and comes each second until few do", async (t) => {
  const signal = new Signal(true);
  const { engine, pass } = start(t, [signal]);
  await pass(2);
  assert.equal(signal.calls.maintain, 0);
  // A ring that fills up wakes the agent, which drains.
  signal.records = 255;
  engine.drain();
  await pass(1);
  assert.equal(signal.calls.maintain, 0);
  signal.records = 1;
  engine.drain();
  await pass(1);
  assert.equal(signal.calls.maintain, 1);
  const { drain } = signal.calls;
  await pass(1);
  assert.deepEqual([signal.calls.drain, signal.calls.maintain], [drain + 1, 1]);
  await pass(3);
  assert.deepEqual([signal.calls.drain, signal.calls.maintain], [drain + 1, 1]);
  await pass(1);
  assert.equal(signal.calls.maintain, 2);
});

it("does not wait any longer when someone begins to watch, or a scrape finds a map that has filled up", async (t) => {
  const [watched, filling] = [new Signal(true), new Signal(true)];
  const { engine, pass } = start(t, [watched, filling]);
  await pass(2);
  watched.isWatched = true;
  watched.beginWatching();
  await pass(2);
  assert.deepEqual([watched.calls.maintain, filling.calls.maintain], [2, 2]);
  watched.isWatched = false;
  await pass(2);
  filling.maintainMayWait = false;
  await engine.collect();
  await pass(1);
  assert(filling.calls.maintain > 2);
});
