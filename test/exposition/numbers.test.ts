import assert from "node:assert/strict";
import { test } from "node:test";
import { formatBound, formatNumber, longestNumber, writeNumber, writeSeconds } from "../../src/exposition/numbers.js";

/** What `writeNumber` writes; checks that it leaves the bytes before and after alone. */
function written(value: number): string {
  const before = 3;
  const bytes = Buffer.alloc(before + longestNumber + 3, "#");
  const end = writeNumber(value, bytes, before);
  const text = bytes.toString("latin1", before, end);
  assert.equal(bytes.toString(), `###${text}${"#".repeat(bytes.length - end)}`);
  return text;
}

test("numbers read back as they were", () => {
  assert.equal(formatNumber(0), "0");
  assert.equal(formatNumber(-0), "0");
  assert.equal(formatNumber(20_000), "20000");
  assert.equal(formatNumber(2 ** 53), "9007199254740992");
  assert.equal(formatNumber(Infinity), "+Inf");
  assert.equal(formatNumber(-Infinity), "-Inf");
  assert.equal(formatNumber(NaN), "NaN");
});

test("whole numbers around every power of ten and of two are written as they are formatted", () => {
  for (let power = 0; power <= 1023; power++) {
    for (const step of [-1, 0, 1]) {
      for (const value of [10 ** Math.min(power, 308) + step, 2 ** power + step]) {
        assert.equal(written(value), formatNumber(value));
        assert.equal(written(-value), formatNumber(-value));
      }
    }
  }
});

test("numbers of every kind are written as they are formatted", () => {
  const special = [0, -0, NaN, Infinity, -Infinity, 0.1, -0.5, 1e-7, 5e-324, Number.MAX_VALUE, -Number.MAX_VALUE];
  for (const value of special) {
    assert.equal(written(value), formatNumber(value));
  }
  assert.equal(written(-0.0000012345678901234567).length, longestNumber);
  // Bit patterns spread over all doubles: steps of a golden section of 2^64.
  const bits = new BigUint64Array(1);
  const double = new Float64Array(bits.buffer);
  for (let step = 0; step < 100_000; step++) {
    bits[0] = (bits[0] as bigint) + 0x9e3779b97f4a7c15n;
    const value = double[0] as number;
    assert.equal(written(value), formatNumber(value));
    const whole = Math.floor(Math.abs(value) % Number.MAX_SAFE_INTEGER);
    assert.equal(written(whole), formatNumber(whole));
  }
});

test("bounds look as Go writes them and read back as they were", () => {
  // fmt.Println(strconv.FormatFloat(x, 'g', -1, 64))
  assert.equal(formatBound(256e-9), "2.56e-07");
  assert.equal(formatBound(65_536e-9), "6.5536e-05");
  assert.equal(formatBound(0.000131072), "0.000131072");
  assert.equal(formatBound(1e-10), "1e-10");
  assert.equal(formatBound(68.719476736), "68.719476736");
  assert.equal(formatBound(1e6), "1e+06");
  assert.equal(formatBound(0), "0.0");
  assert.equal(formatBound(64), "64.0");
  assert.equal(formatBound(Infinity), "+Inf");
  for (let power = -30; power <= 22; power++) {
    assert.equal(Number(formatBound(2 ** power)), 2 ** power);
  }
});

test("times are written in seconds with three decimals", () => {
  const bytes = Buffer.alloc(20);
  const times = [0, 1, 999, 1000, 1_700_000_000_000, 1_767_323_045_678, (2 ** 31 - 1) * 1000 + 999];
  for (const milliseconds of times) {
    const text = bytes.toString("latin1", 0, writeSeconds(milliseconds, bytes, 0));
    assert.equal(text, (milliseconds / 1000).toFixed(3));
  }
});
