import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";

import { forEachInTurns, TurnQueue, Turns } from "../../src/identity/turns.js";

/** Turns by a clock that only work moves, and work that takes so long. */
function setUp() {
  const clock = { now: 0 };
  const turns = new Turns(() => clock.now);
  const done: string[] = [];
  const work = (name: string, ms: number): void => {
    done.push(name);
    clock.now += ms;
  };
  return { turns, done, work };
}

describe("work in turns of the event loop", () => {
  it("ends a turn by the time that the work takes, not by its number", async () => {
    for (const [ms, expected] of [
      [0.125, 16],
      [0.5, 4],
      [30, 1],
    ] as const) {
      const { turns, done, work } = setUp();
      const all = Array.from({ length: 60 }, (_, index) => index.toString());
      const end = forEachInTurns(
        all,
        (thing) => {
          work(thing, ms);
        },
        turns,
      );
      assert.equal(done.length, expected);
      await nextTurn();
      await nextTurn();
      assert(done.length <= 3 * expected, `${ms} ms: ${done.length}`);
      await end;
      assert.deepEqual(done, all);
    }
  });

  it("shares the time of one turn among all work that begins in it", () => {
    const { turns, done, work } = setUp();
    const queues = ["a", "b", "c"].map(
      (name) =>
        new TurnQueue<number>((thing) => {
          work(`${name}${thing}`, 1);
        }, turns),
    );
    for (const queue of queues) {
      queue.addAll([1, 2, 3]);
    }
    assert.deepEqual(done, ["a1", "a2"]);
  });

  it("gives each turn to the work that has waited longest", async () => {
    const { turns, done, work } = setUp();
    const all = ["a", "b", "c"].map((name) =>
      forEachInTurns(
        [1, 2, 3],
        (thing) => {
          work(`${name}${thing}`, 2);
        },
        turns,
      ),
    );
    await Promise.all(all);
    assert.deepEqual(done, ["a1", "b1", "c1", "a2", "b2", "c2", "a3", "b3", "c3"]);
  });

  it("handles a thing once that is added again while it waits", async () => {
    const { turns, done, work } = setUp();
    const queue = new TurnQueue<number>((thing) => {
      work(`${thing}`, 2);
    }, turns);
    for (const thing of [1, 2, 3, 2, 3]) {
      queue.add(thing);
    }
    assert.deepEqual(done, ["1"]);
    for (let turn = 0; turn < 5; turn++) {
      await nextTurn();
    }
    assert.deepEqual(done, ["1", "2", "3"]);
  });
});
