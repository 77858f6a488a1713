/** Draining several rings when the time of a turn does not suffice for all. */
import assert from "node:assert/strict";
import { it } from "node:test";

import { DrainTurns } from "../../src/engine/drain-turns.js";
import type { HasTime } from "../../src/engine/ring-reader.js";

/** A ring in which so many records wait, and a clock that each of them moves. */
function rings(waiting: Record<string, number>) {
  const drained: string[] = [];
  let left = 0;
  const list = Object.entries(waiting).map(([name, count]) => {
    let rest = count;
    return {
      drain(_limit?: number, hasTime: HasTime = () => true): number {
        let taken = 0;
        do {
          if (rest === 0) {
            break;
          }
          rest--;
          left--;
          taken++;
          drained.push(name);
        } while (hasTime());
        return taken;
      },
      get hasMore() {
        return rest > 0;
      },
    };
  });
  const turns = new DrainTurns();
  return {
    drained,
    /** One drain, which has time for so many records; what it has drained. */
    drain: (records: number): string => {
      left = records;
      drained.length = 0;
      const count = turns.drain(list, () => left > 0);
      assert.equal(count, drained.length);
      return drained.join("");
    },
    turns,
  };
}

it("drains all rings in their order while there is time", () => {
  const { drain, turns } = rings({ a: 2, b: 3 });
  assert.equal(drain(10), "aabbb");
  assert.equal(turns.hasMore, false);
  assert.equal(drain(10), "");
});

it("begins behind the ring that time ran out at, and takes something of each", () => {
  const { drain, turns } = rings({ a: 20, b: 8, c: 1 });
  assert.equal(drain(5), "aaaaabc");
  assert.equal(turns.hasMore, true);
  assert.equal(drain(5), "bbbbba");
  assert.equal(drain(5), "aaaaab");
  assert.equal(drain(5), "baaaa");
  assert.equal(turns.hasMore, true);
  assert.equal(drain(5), "aaaaa");
  assert.equal(turns.hasMore, false);
  assert.equal(drain(5), "");
});
