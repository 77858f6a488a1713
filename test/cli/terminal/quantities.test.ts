import assert from "node:assert/strict";
import { test } from "node:test";

import { countText, durationText } from "../../../src/cli/terminal/quantities.js";

test("durations have three digits and a unit", () => {
  for (const [seconds, text] of [
    [0, "0ns"],
    [4.17e-7, "417ns"],
    [9.996e-7, "1.00us"],
    [1.234e-5, "12.3us"],
    [1.05e-3, "1.05ms"],
    [0.9999, "1.00s"],
    [93.14, "93.1s"],
    [123456, "123456s"],
  ] as const) {
    assert.equal(durationText(seconds), text);
  }
});

test("counts have three digits and a unit", () => {
  for (const [count, text] of [
    [0, "-"],
    [0.51, "0.5"],
    [7, "7"],
    [9.96, "10"],
    [417.2, "417"],
    [999.4, "999"],
    [999.9, "1.00k"],
    [12_345, "12.3k"],
    [999_900, "1.00M"],
    [1_050_000, "1.05M"],
    [2e9, "2.00G"],
    [5e12, "5.00T"],
  ] as const) {
    assert.equal(countText(count), text);
  }
});
