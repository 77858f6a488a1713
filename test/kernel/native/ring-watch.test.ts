import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate, setTimeout } from "node:timers/promises";

import { call } from "./fixture.js";
import { start } from "./ring-fixture.js";

describe("watch", () => {
  it("calls back while records wait, and stops when told", async () => {
    const { object, ring } = start();
    const batches: number[] = [];
    let calls = 0;
    ring.watch(() => {
      calls++;
      if (calls === 3) {
        batches.push(ring.peek());
        ring.release();
      }
    });
    call(2);
    while (batches.length === 0) {
      await setImmediate();
    }
    assert.deepEqual(batches, [2]);
    const callsBefore = calls;
    await setTimeout(20);
    assert.equal(calls, callsBefore, "it is called though nothing waits");
    ring.watch(undefined);
    ring.watch(undefined);
    call(2);
    await setTimeout(20);
    assert.equal(calls, callsBefore, "it is called though it was stopped");
    object.close();
  });

  it("misses no wake-up over many sleeps", async () => {
    const { object, ring, counters } = start();
    let seen = 0;
    ring.watch(() => {
      for (let found = ring.peek(); found > 0; found = ring.peek()) {
        seen += found;
        ring.release();
      }
    });
    for (let round = 1; round <= 2000; round++) {
      call(1);
      const deadline = Date.now() + 2000;
      while (seen < counters().output) {
        assert(Date.now() < deadline, `round ${round}: the record lies there and nobody was woken`);
        await setImmediate();
      }
    }
    object.close();
  });

  it("replaces one callback by another", async () => {
    const { object, ring } = start();
    let replaced = 0;
    ring.watch(() => {
      replaced++;
    });
    const woken = new Promise<void>((resolve) => {
      ring.watch(() => {
        ring.watch(undefined);
        resolve();
      });
    });
    call(1);
    await woken;
    assert.equal(replaced, 0);
    object.close();
  });

  it("may be closed from its own callback", async () => {
    const { object, ring } = start();
    const closed = new Promise<void>((resolve) => {
      ring.watch(() => {
        object.close();
        resolve();
      });
    });
    call(1);
    await closed;
    assert.equal(ring.data.byteLength, 0);
  });

  it("is not woken by records submitted without a wake-up", async () => {
    const { object, ring } = start(4096, true);
    let calls = 0;
    ring.watch(() => {
      calls++;
    });
    // The loop asks the kernel about the ring when it first polls; immediates run after that.
    await setImmediate();
    await setImmediate();
    call(3);
    await setTimeout(50);
    assert.equal(calls, 0);
    assert.equal(ring.peek(), 3);
    object.close();
  });

  it("wants a function", () => {
    const { object, ring } = start();
    const watch = ring.watch.bind(ring) as (value: unknown) => void;
    for (const value of [null, 1, "x", {}]) {
      assert.throws(() => watch(value), { name: "TypeError", message: /argument onReady must be a function/u });
    }
    object.close();
  });
});
