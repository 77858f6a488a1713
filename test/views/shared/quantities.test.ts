import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bytesText, countText, durationText, shareText } from "../../../src/views/shared/quantities.js";

function assertTexts(
  text: (value: number) => string,
  cases: readonly (readonly [value: number, text: string])[],
): void {
  assert.deepEqual(
    cases.map(([value]) => [value, text(value)]),
    cases,
  );
}

test("durations have three digits and a unit", () => {
  assertTexts(durationText, [
    [0, "0ns"],
    [4.17e-7, "417ns"],
    [9.996e-7, "1.00us"],
    [1.234e-5, "12.3us"],
    [1.05e-3, "1.05ms"],
    [0.9999, "1.00s"],
    [93.14, "93.1s"],
    [123456, "123456s"],
  ]);
});

test("counts have three digits and a unit", () => {
  assertTexts(countText, [
    [0, "0"],
    [0.001, "<0.01"],
    [0.51, "0.51"],
    [7, "7"],
    [9.996, "10.0"],
    [99.96, "100"],
    [417.2, "417"],
    [999, "999"],
    [999.4, "999"],
    [999.9, "1.00k"],
    [12_345, "12.3k"],
    [999_900, "1.00M"],
    [1_050_000, "1.05M"],
    [2e9, "2.00G"],
    [5e12, "5.00T"],
  ]);
});

test("bytes have units of 1024", () => {
  assertTexts(bytesText, [
    [0, "0"],
    [1023, "1023"],
    [1024, "1.00K"],
    [10_240, "10.0K"],
    [2 ** 20 - 1, "1.00M"],
    [1.5 * 2 ** 30, "1.50G"],
  ]);
});

test("shares have one decimal below a tenth", () => {
  assertTexts(shareText, [
    [0, "0%"],
    [0.015, "1.5%"],
    [0.0999, "10%"],
    [0.37, "37%"],
    [1.5, "150%"],
  ]);
});

test("a text is read back as the quantity, to three digits, and never has four", () => {
  const units: Readonly<Record<string, number>> = { "": 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12 };
  fc.assert(
    fc.property(fc.double({ min: 1, max: 9.99e14, noNaN: true }), (count) => {
      const [, digits = "", unit = ""] = /^(\d\.\d\d|\d\d\.\d|\d{1,3})([kMGT]?)$/.exec(countText(count)) ?? [];
      assert.ok(Math.abs((Number(digits) * (units[unit] ?? NaN)) / count - 1) <= 0.00501, countText(count));
    }),
  );
});
