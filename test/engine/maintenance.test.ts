/** What maintenance does each second, and what it leaves for later, by a clock that the test moves. */
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

  readonly onWatched = (): void => undefined;

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

/** An engine with these signals; the returned function lets seconds pass. */
function start(t: TestContext, signals: readonly Signal[]): (seconds: number) => Promise<void> {
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const identity = new Identity(new Catalog(), ["pid", "comm"]);
  const engine = new Engine(signals as unknown as readonly RunningSignal[], identity);
  engine.start();
  t.after(() => {
    engine.close();
    mock.timers.reset();
  });
  return async (seconds) => {
    for (let second = 0; second < seconds; second++) {
      mock.timers.tick(1_000);
      await nextTurn();
    }
  };
}

it("drains each second, and maintains each fifth what may wait, while little happens", async (t) => {
  const [patient, other] = [new Signal(true), new Signal(false)];
  const pass = start(t, [patient, other]);
  await pass(20);
  assert.deepEqual([patient.calls.maintain, other.calls.maintain], [4, 20]);
  assert.deepEqual([patient.calls.flush, other.calls.flush], [4, 4]);
  assert(patient.calls.drain >= 20 && other.calls.drain >= 20);
});

it("maintains all at once when many records come, or a map has filled up, and each second while someone watches", async (t) => {
  const [patient, other] = [new Signal(true), new Signal(true)];
  const pass = start(t, [patient, other]);
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
