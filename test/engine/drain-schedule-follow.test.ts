/** A drain schedule whose rings are exchanged, as when a signal is replaced. */
import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { DrainSchedule, type WatchedRing } from "../../src/engine/drain-schedule.js";

/** A ring that wakes who watches it, as the kernel does. */
function ring(): WatchedRing & { wake(): void; readonly isWatched: boolean } {
  let watcher: (() => void) | undefined;
  return {
    size: 4096,
    used: () => 0,
    watch(onReady) {
      watcher = onReady;
    },
    wake() {
      watcher?.();
    },
    get isWatched() {
      return watcher !== undefined;
    },
  };
}

test("the new rings are watched, and the old one no more", (context) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  context.after(() => {
    mock.timers.reset();
  });
  const [kept, old, next] = [ring(), ring(), ring()];
  let drains = 0;
  const schedule = new DrainSchedule(
    [kept, old],
    () => ++drains,
    () => ({ active: 50, idle: 200 }),
  );
  schedule.start();
  schedule.follow([kept, next]);
  assert.deepEqual([kept.isWatched, old.isWatched, next.isWatched], [true, false, true]);
  next.wake();
  assert.equal(drains, 1);
  // Woken, it watches no ring but drains in short steps: exchanging them changes nothing about that.
  schedule.follow([kept, old]);
  assert.deepEqual([kept.isWatched, old.isWatched, next.isWatched], [false, false, false]);
  mock.timers.tick(5);
  assert.equal(drains, 2);
  assert.deepEqual([kept.isWatched, old.isWatched, next.isWatched], [true, true, false]);
  schedule.stop();
  assert.deepEqual([kept.isWatched, old.isWatched], [false, false]);
});
