/** As what the durations count that the kernel has added up between two readings. */
import assert from "node:assert/strict";
import { it } from "node:test";

import { CallTiming } from "../../../src/signals/syscall/call-timing.js";

function read(timing: CallTiming): string {
  const { as, end } = timing.beginRead();
  end();
  return as;
}

it("durations are exact only where each call was timed since they were last read", () => {
  const timing = new CallTiming(["all", "sampled", "off"]);
  assert.deepEqual([read(timing), read(timing)], ["all", "all"]);
  timing.change("sampled");
  assert.deepEqual([read(timing), read(timing)], ["sampled", "sampled"]);
  timing.change("all");
  assert.deepEqual([read(timing), read(timing)], ["sampled", "all"]);
  timing.change("off");
  timing.change("all");
  assert.deepEqual([read(timing), read(timing)], ["sampled", "all"], "it went and came back between two readings");
});

it("a change while they are read makes the next ones an estimate", () => {
  const timing = new CallTiming(["all", "sampled"]);
  const { as, end } = timing.beginRead();
  timing.change("sampled");
  timing.change("all");
  end();
  assert.deepEqual([as, read(timing), read(timing)], ["all", "sampled", "all"]);
});

it("what never changes is what it is", () => {
  assert.deepEqual(
    (["all", "sampled", "off"] as const).map((timing) => read(new CallTiming([timing]))),
    ["all", "sampled", "off"],
  );
});
