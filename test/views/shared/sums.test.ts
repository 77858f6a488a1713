import assert from "node:assert/strict";
import { test } from "node:test";
import { sum, sumBuckets } from "../../../src/views/shared/sums.js";

test("histograms are added bucket by bucket, shorter ones too", () => {
  assert.deepEqual(sumBuckets([[1, 2, 3], [10, 20], []], 4), [11, 22, 3, 0]);
  assert.deepEqual(sumBuckets([], 2), [0, 0]);
  assert.equal(sum([1, 2, 3]), 6);
});
