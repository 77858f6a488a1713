import assert from "node:assert/strict";
import { test } from "node:test";
import { perSecond, rates, sameLabels } from "../../../src/views/shared/rates.js";

test("a rate is what has been added each second; a counter that begins anew has none, nor has a span of no time", () => {
  assert.deepEqual([perSecond(12, 2, 5), perSecond(2, 12, 5), perSecond(12, 2, 0)], [2, 0, 0]);
});

test("levels are as they are, and what was not there before began at 0", () => {
  const names = ["calls", "open"] as const;
  assert.deepEqual(rates(names, { calls: 12, open: 3 }, { calls: 2, open: 9 }, 5, ["open"]), { calls: 2, open: 3 });
  assert.deepEqual(rates(names, { calls: 10, open: 3 }, undefined, 5, ["open"]), { calls: 2, open: 3 });
});

test("labels are the same when no name and no value differs, on either side", () => {
  const labels = { pid: "1", comm: "sh" };
  assert.equal(sameLabels(labels, { comm: "sh", pid: "1" }), true);
  for (const other of [{ pid: "1" }, { pid: "2", comm: "sh" }, { pid: "1", comm: "sh", unit: "a" }, {}]) {
    assert.equal(sameLabels(labels, other), false);
    assert.equal(sameLabels(other, labels), false);
  }
});
