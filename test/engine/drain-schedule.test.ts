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
      const drained = used;
      used = 0;
      return drained;
    },
    () => pauses,
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
    const pauses = { active: 200, idle: 2_000 };

    it("makes them longer while rings hardly fill up, and shorter where the kernel would else wake it", (t) => {
      const { at, flow, pass } = start(t, pauses);
      flow(10);
      pass(950);
      assert.deepEqual(at, [50, 150, 350, 550, 750, 950]);
      flow(1_200);
      pass(250);
      // 0.24 of the ring in 200 ms is more than half of what it is woken at.
      assert.deepEqual(at.slice(6), [1_150]);
      pass(100);
      assert.deepEqual(at.slice(7), [1_250]);
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

    it("leaves an idle agent to who drains all rings anyway, and begins again when that has found something", (t) => {
      const { schedule, at, pass } = start(t, pauses);
      pass(100);
      assert.deepEqual(at, [50]);
      for (let second = 0; second < 10; second++) {
        pass(1_000);
        schedule.drained(0);
      }
      assert.deepEqual(at, [50]);
      schedule.drained(3);
      pass(100);
      assert.equal(at.length, 2);
      pass(3_000);
      assert.equal(at.length, 3, "where no one does, it looks all the same");
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
