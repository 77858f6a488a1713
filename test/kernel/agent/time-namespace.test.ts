/** An agent in a time namespace, whose clocks are a day ahead of the kernel's. */
import assert from "node:assert/strict";
import { test } from "node:test";

import type { Finding } from "../../../src/host/finding.js";
import { eventually } from "../support/eventually.js";
import { compileProgram, runProgram } from "../support/program.js";
import { runRingtap, startRingtap } from "../support/ringtap.js";

/** Offsets that no clock of this machine has; they hold for the child, in kernels of all ages. */
const prefix = ["unshare", "--time", "--monotonic=86400", "--boottime=86400", "--fork", "--kill-child"];

test("trace shows when events happened", async (t) => {
  const program = compileProgram("rt-timens", "int main(void) { return 0; }");
  const trace = startRingtap(t, ["trace", "process", "--comm=rt-timens", "--output=json"], { prefix });
  await trace.said(/msg"?[=:]"?tracing/);
  const before = Date.now();
  await runProgram(program);
  const after = Date.now();
  const { time } = await eventually(() => {
    const [line = "", rest] = trace.stdout.split("\n");
    assert.notEqual(rest, undefined, "nothing traced");
    return JSON.parse(line) as { time: string };
  });
  // Both are cut to milliseconds, and the trace has read its clocks one after the other.
  const at = Date.parse(time);
  assert.ok(at >= before - 5 && at <= after + 5, `${time}, not from ${before} to ${after}`);
});

test("check says so", async (t) => {
  const { status, stdout } = await runRingtap(t, ["check", "--output=json"], { prefix });
  assert.equal(status, 0);
  const findings = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Finding);
  const found = findings.find(({ check }) => check === "time namespace");
  assert.equal(found?.status, "ok");
  assert.equal(found.detail, "not the host's: its clock is 86400 s ahead, which is corrected");
});
