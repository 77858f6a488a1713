import assert from "node:assert/strict";
import { test } from "node:test";
import { atLeast, atMost } from "../../scripts/bench/lib/figures.js";
import type { Conditions } from "../../scripts/bench/lib/machine.js";
import { pageText, type KeptResult } from "../../scripts/bench/lib/report.js";
import type { Scenario } from "../../scripts/bench/lib/scenario.js";
import { bestRatio, leastAdded, spread } from "../../scripts/bench/lib/spread.js";

const reached = (limit: number, rounds: readonly number[]): string =>
  atMost(limit, spread(rounds), " ns", "a call").reached;

test("a target is reached or missed by the median of rounds that tell", () => {
  assert.equal(reached(25, [20, 21, 22]), "yes");
  assert.equal(reached(25, [20, 24, 27]), "yes", "some miss it, but all lie close together");
  assert.equal(reached(25, [20, 26, 27]), "no");
  assert.equal(reached(8.3, [55, 110, 575]), "no", "rounds that differ much all miss it");
});

test("rounds that do not tell are noise", () => {
  assert.equal(reached(8.3, [-59.9, -12.5, 12]), "within noise", "some are below zero");
  assert.equal(reached(8.3, [-3, -2, -1]), "within noise", "nothing costs less than nothing");
  assert.equal(reached(8.3, [2, 4, 30]), "within noise", "further apart than the target is high");
  assert.equal(reached(1.6, [1.2, 1.5, Infinity]), "within noise");
});

test("a figure that is to be large", () => {
  const cheaper = (rounds: readonly number[]): string => atLeast(5, spread(rounds), " ×", "a render").reached;
  assert.equal(cheaper([8, 11, 20]), "yes", "rounds that differ much all reach it");
  assert.equal(cheaper([3, 4, 4.5]), "no");
  assert.equal(cheaper([3, 6, 9]), "within noise");
});

test("what only slows is left out: the best rounds are compared, and the spread tells how much the others differ", () => {
  assert.deepEqual(bestRatio([60, 90, 70], [100, 80, 50]), { value: 0.9, least: 0.6, most: 1.4 });
  assert.deepEqual(leastAdded([300, 160, 170], [100, 120, 180]), { value: 60, least: -10, most: 200 });
});

test("a count has no noise", () => {
  assert.equal(atMost(0, 0, " records", "lost").reached, "yes");
  assert.equal(atMost(0, 1, " records", "lost").reached, "no");
  assert.equal(atMost(0, 6_960, " records", "lost").measured, "6,960 records");
});

test("the page says once what all runs have in common, and with each scenario what is its own", () => {
  const scenario = (name: string): Scenario => ({
    name,
    title: `The ${name}`,
    method: "How.",
    packages: [],
    run: () => Promise.reject(new Error("not run")),
  });
  const result = (conditions: Conditions): KeptResult => ({ conditions, tables: [], targets: [], notes: [] });
  const first = { date: "2026-01-02", commit: "abc1234", load: "0.10", machine: ["2 × CPU", "Linux 6.18", "Node 20"] };
  const second = {
    date: "2026-02-03",
    commit: "def5678+",
    load: "1.50",
    machine: ["2 × CPU", "Linux 6.18", "Node 22"],
  };
  const page = pageText(
    [scenario("drain"), scenario("tcp"), scenario("never-run")],
    new Map([
      ["drain", result(first)],
      ["tcp", result(second)],
    ]),
    "Notes.\n",
  );
  const lines = page.split("\n");
  assert.equal(lines.filter((line) => line === "- 2 × CPU").length, 1);
  assert.equal(lines.filter((line) => line === "- Linux 6.18").length, 1);
  assert.ok(
    lines.includes("`npm run bench drain`: 2026-01-02, commit abc1234, load average 0.10 when the run began, Node 20"),
  );
  assert.ok(
    lines.includes("`npm run bench tcp`: 2026-02-03, commit def5678+, load average 1.50 when the run began, Node 22"),
  );
  assert.ok(!page.includes("never-run"));
});
