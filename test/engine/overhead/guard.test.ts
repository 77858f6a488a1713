/** When a signal goes to a cheaper depth, and when it goes back. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { OverheadGuard } from "../../../src/engine/overhead/guard.js";

/** An agent with two signals that have depths, and what they cost at each as shares of a core. */
function setUp() {
  const costs: Readonly<Record<string, readonly number[]>> = {
    deep: [0.03, 0.015, 0.002],
    other: [0.004, 0.001],
    flat: [0.001],
  };
  const depths: Readonly<Record<string, readonly string[]>> = {
    deep: ["all", "some", "none"],
    other: ["full", "half"],
    flat: [],
  };
  const state = { deep: 0, other: 0, flat: 0 } as Record<string, number>;
  const guard = new OverheadGuard(0.02, { span: 15, hold: 300, longestHold: 1000 });
  const programs = new Map(Object.keys(state).map((name) => [name, 0]));
  const world = { now: 0, agent: 0, load: 1 };
  /** Goes on for so many seconds, in steps of two, and does what the guard says, which it returns. */
  function pass(seconds: number): string[] {
    const said: string[] = [];
    for (const end = world.now + seconds; world.now < end;) {
      world.now += 2;
      world.agent += 2 * 0.001;
      for (const [name, taken] of programs) {
        programs.set(name, taken + 2 * world.load * (costs[name]?.[state[name] ?? 0] ?? 0));
      }
      const signals = Object.entries(depths).map(([name, all]) => ({
        name,
        depths: all,
        depth: all[state[name] ?? 0],
      }));
      const verdict = guard.check(world.now, { programs: new Map(programs), agent: world.agent }, signals);
      if (verdict === undefined) {
        continue;
      }
      const { move, shares } = verdict;
      if (move === undefined) {
        said.push("nothing left");
      } else {
        state[move.name] = depths[move.name]?.indexOf(move.to) ?? 0;
        said.push(`${move.name} ${move.from} ${move.to} at ${(100 * shares.total).toFixed(1)}%`);
      }
    }
    return said;
  }
  return { world, pass };
}

describe("the guard of --overhead.limit", () => {
  it("takes the signal that costs most down, one depth in a span, until the cost is below the limit", () => {
    const { pass } = setUp();
    assert.deepEqual(pass(30), [], "the agent's start is not judged");
    assert.deepEqual(pass(4), ["deep all some at 3.6%"]);
    assert.deepEqual(pass(20), ["deep some none at 2.1%"]);
    assert.deepEqual(pass(60), []);
  });

  it("goes back after the cost was low for long, and waits longer where that was too early", () => {
    const { world, pass } = setUp();
    pass(60);
    world.load = 0.1;
    assert.deepEqual(pass(250), []);
    assert.deepEqual(pass(100), ["deep none some at 0.2%"]);
    assert.deepEqual(pass(320), ["deep some all at 0.3%"]);
    world.load = 1;
    assert.deepEqual(
      pass(64),
      ["deep all some at 2.0%", "deep some none at 2.1%"].map((text) => text),
      "",
    );
  });

  it("stays where the cost is below the limit, but not low", () => {
    const { world, pass } = setUp();
    pass(60);
    world.load = 1.5;
    assert.deepEqual(pass(2000), []);
  });

  it("doubles the wait, up to a limit, each time that it goes back too early", () => {
    const { world, pass } = setUp();
    pass(60);
    const waits: number[] = [];
    for (let round = 0; round < 4; round++) {
      world.load = 0.1;
      const began = world.now;
      while (pass(2).length === 0) {
        assert(world.now - began < 3000);
      }
      waits.push(world.now - began);
      world.load = 3;
      pass(64);
    }
    assert.deepEqual(
      waits.map((wait) => Math.round(wait / 100)),
      [3, 6, 10, 10],
    );
  });

  it("says once that nothing is left to be done", () => {
    const { world, pass } = setUp();
    world.load = 20;
    assert.deepEqual(
      pass(200).map((text) => text.replace(/ at .*/, "")),
      ["deep all some", "deep some none", "other full half", "nothing left"],
    );
    world.load = 1;
    pass(100);
    world.load = 20;
    assert.deepEqual(pass(100), ["nothing left"]);
  });
});
