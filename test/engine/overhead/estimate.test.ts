/** Time that is measured in spans, and what is estimated between them. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { Estimate } from "../../../src/engine/overhead/estimate.js";

test("between two measured spans the share of the first goes on", () => {
  const estimate = new Estimate(100);
  assert.equal(estimate.at(100), 0);
  estimate.add(100, 101, 0.5);
  assert.equal(estimate.at(101), 0.5);
  assert.equal(estimate.at(103), 1.5);
  estimate.add(105, 106, 0.25);
  assert.equal(estimate.at(106), 2.75, "two more seconds at a half, and the new span as it is");
  assert.equal(estimate.at(110), 3.75, "four at a quarter");
});

test("before the first span nothing is known", () => {
  const estimate = new Estimate(0);
  estimate.add(10, 11, 1);
  assert.equal(estimate.at(11), 1);
});

test("it never falls, whatever comes in which order", () => {
  const estimate = new Estimate(0);
  estimate.add(0, 1, 1);
  const later = estimate.at(10);
  estimate.add(5, 6, 0);
  assert.equal(later, 10);
  assert.equal(estimate.at(10), later);
  estimate.add(10, 10, 0);
  assert.equal(estimate.at(20), later);
});

test("the estimate of random spans of a tenth of the time is right within a few percent", () => {
  const estimate = new Estimate(0);
  // Half of each second is busy: a sequence of gaps without a generator, so that the result is the same each time.
  let now = 0;
  let busy = 0;
  const busyUntil = (time: number): number => Math.floor(time) * 0.5 + Math.min(time % 1, 0.5);
  for (let round = 0; round < 20_000; round++) {
    now += 0.45 + 0.9 * ((round * 0.618_034) % 1);
    estimate.add(now, now + 0.1, busyUntil(now + 0.1) - busyUntil(now));
    now += 0.1;
    busy = busyUntil(now);
  }
  assert.ok(Math.abs(estimate.at(now) / busy - 1) < 0.03, `${estimate.at(now)} of ${busy}`);
});
