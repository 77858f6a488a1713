/** When rings are drained, by a clock that the test moves. */
import assert from "node:assert/strict";
import { describe, it, mock, type TestContext } from "node:test";
import { DrainSchedule, type Pauses, type WatchedRing } from "../../src/engine/drain-schedule.js";

const size = 1_000_000;

/** A ring that bytes flow into, and a schedule that empties it; `at` collects when it did. */
function start(t: TestContext, pauses: Pauses = { active: 50, idle: 200 }) {
  mock.timers.enable({ apis: ["setTimeout"] });
  let now = 0;
  let used = 0;
  let rate = 0;
  let onReady: (() => void) | undefined;
  const at: number[] = [];
  const ring: WatchedRing = {
    size,
    used: () => used,
    watch: (callback) => {
      onReady = callback;
    },
  };
  const schedule = new DrainSchedule(
    [ring],
    () => {
      at.push(now);
      used = 0;
    },
    () => pauses,
    () => now,
  );
  schedule.start();
  t.after(() => {
    schedule.stop();
    mock.timers.reset();
  });
  return {
    schedule,
    at,
    /** Bytes a millisecond from now on. */
    flow: (bytes: number): void => {
      rate = bytes;
    },
    /** Someone else drains. */
    drains: (): void => {
      schedule.drains();
      used = 0;
    },
    /** Lets milliseconds pass; the kernel wakes the watcher when the ring is a quarter full. */
    pass: (milliseconds: number): void => {
      for (let passed = 0; passed < milliseconds; passed++) {
        now++;
        used += rate;
        mock.timers.tick(1);
        if (used >= size / 4) {
          onReady?.();
        }
      }
    },
    isWatched: () => onReady !== undefined,
  };
}

describe("a drain schedule", () => {
  it("looks seldom while nothing comes", (t) => {
    const { at, pass } = start(t);
    pass(1_000);
    assert.deepEqual(at, [50, 250, 450, 650, 850]);
  });

  it("looks every 50 ms while little comes", (t) => {
    const { at, flow, pass } = start(t);
    flow(10);
    pass(500);
    assert.deepEqual(at, [50, 100, 150, 200, 250, 300, 350, 400, 450, 500]);
  });

  it("goes on in short steps when it has been woken, and watches again when it is calm", (t) => {
    const { at, flow, pass, isWatched } = start(t);
    flow(20_000);
    pass(100);
    // A quarter after 13 ms.
    assert.deepEqual(at.slice(0, 4), [13, 18, 23, 28]);
    assert.equal(isWatched(), false);
    flow(10);
    pass(10);
    assert.equal(isWatched(), true);
    const before = at.length;
    pass(200);
    assert.equal(at.length - before, 4);
  });

  it("makes its steps shorter for a ring that they would overfill", (t) => {
    const { at, flow, pass } = start(t);
    flow(150_000);
    pass(40);
    const steps = at.slice(1).map((time, index) => time - (at[index] ?? 0));
    assert.equal(steps[0], 5);
    assert(
      steps.slice(3).every((step) => step <= 2),
      `steps of ${steps.join(", ")} ms`,
    );
  });

  describe("with long pauses", () => {
    const pauses = { active: 1_000, idle: 2_000 };

    it("comes when rings will be an eighth full, by how fast they have filled up, but does not wait for longer than told", (t) => {
      const { at, flow, pass } = start(t, pauses);
      flow(10);
      pass(2_100);
      assert.deepEqual(at, [50, 1_050, 2_050]);
      flow(200);
      pass(1_650);
      // 950 ms of 200 bytes each, and 50 of 10, are 0.19 of the ring: it is an eighth full after 656 ms.
      assert.deepEqual(at.slice(3), [3_050, 3_707]);
    });

    it("never comes sooner than after 50 ms", (t) => {
      const { at, flow, pass } = start(t, pauses);
      flow(3_000);
      pass(200);
      assert.deepEqual(at, [50, 100, 150, 200]);
    });

    it("is woken by a burst as soon as with short ones, and loses no more time for it", (t) => {
      const { at, flow, pass, isWatched } = start(t, pauses);
      flow(10);
      pass(600);
      const before = at.length;
      flow(20_000);
      pass(30);
      assert.deepEqual(at.slice(before), [613, 618, 623, 628]);
      flow(10);
      pass(10);
      assert.equal(isWatched(), true);
    });

    it("leaves an agent with little to do to who drains all rings anyway", (t) => {
      const { at, flow, drains, pass } = start(t, { active: 2_000, idle: 2_000 });
      pass(100);
      assert.deepEqual(at, [50]);
      for (let second = 0; second < 10; second++) {
        flow(second % 2 === 0 ? 0 : 10);
        pass(1_000);
        drains();
      }
      assert.deepEqual(at, [50]);
      flow(200);
      pass(1_000);
      drains();
      // A fifth of the ring in a second is an eighth in 625 ms.
      pass(624);
      assert.deepEqual(at, [50]);
      pass(1);
      assert.deepEqual(at, [50, 11_725]);
      flow(0);
      pass(3_000);
      assert.deepEqual(at.slice(2), [12_350, 14_350], "where no one drains, it looks all the same");
    });

    it("does not wait for the end of a long pause when someone begins to watch", (t) => {
      const changing = { ...pauses };
      const { schedule, at, pass } = start(t, changing);
      pass(100);
      Object.assign(changing, { active: 50, idle: 200 });
      schedule.hurry();
      pass(500);
      assert.deepEqual(at, [50, 150, 350, 550]);
    });
  });

  it("does nothing more once it has been stopped", (t) => {
    const { schedule, at, flow, pass, isWatched } = start(t);
    flow(100_000);
    pass(10);
    schedule.stop();
    const before = at.length;
    pass(500);
    assert.equal(at.length, before);
    assert.equal(isWatched(), false);
  });
});
