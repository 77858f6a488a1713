import assert from "node:assert/strict";
import { test } from "node:test";
import { log2Ceil } from "../../src/metrics/log2.js";

test("slots at every power of two up to 2^53", () => {
  for (let power = 1; power <= 53; power++) {
    const edge = 2 ** power;
    assert.equal(log2Ceil(edge), power, `2^${power}`);
    if (power < 53) {
      assert.equal(log2Ceil(edge + 1), power + 1, `2^${power} + 1`);
    }
    if (power > 1) {
      assert.equal(log2Ceil(edge - 1), power, `2^${power} - 1`);
    }
  }
});

test("up to 1 is slot 0", () => {
  for (const value of [0, 0.5, 1, -1, -Infinity, NaN]) {
    assert.equal(log2Ceil(value), 0);
  }
});

test("fractions round up", () => {
  assert.equal(log2Ceil(1.25), 1);
  assert.equal(log2Ceil(255.5), 8);
  assert.equal(log2Ceil(256.5), 9);
});

test("what is too large to be exact is above every bucket", () => {
  for (const value of [2 ** 53 + 2, 2 ** 63, 2 ** 64, Infinity]) {
    assert.equal(log2Ceil(value), 64);
  }
});
