/** The cheaper depths of --syscall.timing, the default among them: calls and errors are exact in each, durations are not, and do not look so. */
import assert from "node:assert/strict";
import { copyFileSync } from "node:fs";
import { before, describe, it } from "node:test";

import { type Agent, startAgent, unlimitedSeries } from "../../support/agent.js";
import { compileProgram, programSource, runProgram, scratch } from "../../support/program.js";
import { runRingtap } from "../../support/ringtap.js";
import { type Samples, select, sum } from "../../support/samples.js";
import { suiteScope } from "../../support/scope.js";
import { assertAgreesWithStrace } from "../../support/strace.js";
import { startWaiting } from "../../support/waiting.js";

const source = programSource("syscall-calls");
const total = "ringtap_syscalls_total";
const errors = "ringtap_syscall_errors_total";
const exact = ["ringtap_syscall_seconds_total", "ringtap_syscall_duration_seconds_count"];
const estimated = ["ringtap_syscall_estimated_seconds_total", "ringtap_syscall_estimated_duration_seconds_count"];

const [turns, sleeps] = [200_000, 50];
const sleepSeconds = 2e-3;

/** What the page is sent first, as far as this test reads it. */
interface Frame {
  readonly processes: { readonly rows: readonly { readonly totals: Readonly<Record<string, number>> }[] };
}

async function firstFrame(agent: Agent): Promise<Frame> {
  const response = await agent.get("/api/live");
  assert(response.body !== null);
  let text = "";
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    text += piece;
    const [, json] = /^data: (.*)\n\n/m.exec(text) ?? [];
    if (json !== undefined) {
      return JSON.parse(json) as Frame;
    }
  }
  return assert.fail(`the stream ended: ${text}`);
}

let program = "";

before(() => {
  program = compileProgram("calls-a", source);
});

for (const [timing, flags] of [
  ["sampled", []],
  ["off", ["--syscall.timing=off"]],
] as const) {
  describe(timing === "sampled" ? "the default, syscall.timing sampled" : `syscall.timing ${timing}`, () => {
    const scope = suiteScope();
    let agent: Agent;

    before(async () => {
      agent = await startAgent(scope, ["--signals=syscall", ...flags, ...unlimitedSeries]);
    });

    it("counts every call of processes that run at once", async (t) => {
      const programs = await Promise.all([1, 2, 3, 4].map(() => startWaiting(t, program, ["count", "50000", "500"])));
      const pids = (await Promise.all(programs.map((each) => each.go()))).flat();
      const samples = await agent.scrape();
      for (const pid of pids) {
        assert.equal(sum(samples, total, { pid, syscall: "getppid" }), 50_000);
        assert.equal(sum(samples, errors, { pid, syscall: "openat", errno: "ENOENT" }), 500);
      }
    });

    it("agrees with strace -c -f call by call", async (t) => {
      await assertAgreesWithStrace(await startWaiting(t, program, ["mixed"]), agent);
    });

    it("counts calls that wait, and come back on another CPU", async (t) => {
      const pids = await (await startWaiting(t, program, ["roam", "2000"])).go();
      const samples = await agent.scrape();
      for (const pid of pids) {
        for (const name of ["readv", "writev", "sched_setaffinity"]) {
          assert.equal(sum(samples, total, { pid, syscall: name }), 2_000, `${name} of ${pid}`);
        }
      }
    });

    it("counts calls that seccomp refuses", async (t) => {
      const [pid = ""] = await (await startWaiting(t, program, ["refused", "250"])).go();
      const samples = await agent.scrape();
      assert.equal(sum(samples, total, { pid, syscall: "getppid" }), 250);
      assert.equal(sum(samples, errors, { pid, syscall: "getppid", errno: "EPERM" }), 250);
    });

    it("shows no duration that looks exact, and closes its books", async () => {
      const samples = await agent.scrape();
      for (const metric of [...exact, ...(timing === "off" ? estimated : [])]) {
        assert.equal(select(samples, metric, {}).size, 0, metric);
      }
      const signal = { signal: "syscall" };
      assert.equal(
        sum(samples, "ringtap_events_produced_total", signal),
        sum(samples, "ringtap_events_consumed_total", signal) + sum(samples, "ringtap_events_dropped_total", signal),
      );
    });

    it("has a column of time on the page where it knows the time", async () => {
      const { processes } = await firstFrame(agent);
      const [row] = processes.rows;
      assert(row !== undefined && "syscalls" in row.totals);
      assert.equal("syscall_seconds" in row.totals, timing === "sampled");
    });

    if (timing === "sampled") {
      it("estimates the durations of calls that keep their CPU, and measures those that wait", async (t) => {
        const began = performance.now();
        const [pid = ""] = await (await startWaiting(t, program, ["turns", `${turns}`, `${sleeps}`])).go();
        const passed = (performance.now() - began) / 1e3;
        const samples = await agent.scrape();
        for (const syscall of ["getppid", "getuid"]) {
          assert.equal(sum(samples, total, { pid, syscall }), turns);
          // Ten standard deviations: 18.7 × turns / 512 is the variance of how many of the calls are timed, and each counts 8 times.
          const count = sum(samples, "ringtap_syscall_estimated_duration_seconds_count", { comm: "calls-a", syscall });
          const others = sum(samples, total, { comm: "calls-a", syscall });
          const margin = 10 * 8 * Math.sqrt((18.7 * others) / 512);
          assert(Math.abs(count - others) < margin, `${syscall}: ${count} estimated, ${others} made`);
        }
        const sleeping = { comm: "calls-a", syscall: "nanosleep" };
        const slept = sum(samples, "ringtap_syscall_estimated_seconds_total", { pid, syscall: "nanosleep" });
        assert.equal(sum(samples, "ringtap_syscall_estimated_duration_seconds_count", sleeping), sleeps);
        assert.equal(sum(samples, total, { pid, syscall: "nanosleep" }), sleeps);
        assert(slept >= 0.95 * sleeps * sleepSeconds && slept < passed, `slept ${slept} of ${passed} s`);
      });
    }
  });
}

/** Which bucket has the median of a histogram's observations of the program's read(2): the how manieth. */
function medianBucket(samples: Samples, histogram: string, comm: string): number {
  const cumulative = [...select(samples, `${histogram}_bucket`, { comm, syscall: "read" }).values()];
  const half = Math.max(...cumulative) / 2;
  return cumulative.findIndex((count) => count >= half);
}

describe("the default, beside an agent that times each call", () => {
  const scope = suiteScope();
  let sampling: Agent;
  let timing: Agent;

  before(async () => {
    sampling = await startAgent(scope, ["--signals=syscall", ...unlimitedSeries]);
    timing = await startAgent(scope, ["--signals=syscall", "--syscall.timing=all", ...unlimitedSeries]);
  });

  /** Has a dd of this name make so many of a call, in a command of the shell; how many it made, and what they took by each agent, seconds. */
  async function compare(comm: string, command: string, syscall: string, calls: number) {
    const path = scratch(comm);
    copyFileSync("/bin/dd", path);
    await runProgram("/bin/sh", ["-c", `${path} count=${calls} ${command}`]);
    const [some, all] = [await sampling.scrape(), await timing.scrape()];
    const labels = { comm, syscall };
    const made = sum(all, total, labels);
    assert(made >= calls, `${made} made`);
    assert.equal(sum(some, total, labels), made);
    const estimated = sum(some, "ringtap_syscall_estimated_seconds_total", labels);
    const measured = sum(all, "ringtap_syscall_seconds_total", labels);
    return { some, all, estimated, measured, text: `${estimated} s estimated, ${measured} s measured` };
  }

  it("has the same median of calls that keep their CPU, and near as much time", async (t) => {
    const comm = "rt-reads";
    const { some, all, estimated, measured, text } = await compare(
      comm,
      "if=/dev/zero of=/dev/null bs=64k",
      "read",
      60_000,
    );
    t.diagnostic(text);
    const medians = [
      medianBucket(some, "ringtap_syscall_estimated_duration_seconds", comm),
      medianBucket(all, "ringtap_syscall_duration_seconds", comm),
    ] as const;
    assert(Math.abs(medians[0] - medians[1]) <= 1, `in buckets ${medians.join(" and ")}`);
    // One call that the machine holds up without a switch counts eight times, or not at all.
    assert(estimated > measured / 2 && estimated < measured * 2, text);
  });

  it("has as much time of calls that have worked before they wait", async (t) => {
    // Each write copies what the pipe holds, and then waits for the reader to make room.
    const command = "if=/dev/zero bs=65537 | cat >/dev/null";
    const { estimated, measured, text } = await compare("rt-writes", command, "write", 20_000);
    t.diagnostic(text);
    assert(Math.abs(estimated / measured - 1) < 0.2, text);
  });
});

it("off is refused in stream mode, whose records have durations", async (t) => {
  const { status, stderr } = await runRingtap(t, ["run", "--syscall.mode=stream", "--syscall.timing=off"]);
  assert.equal(status, 2);
  const problem = "needs --syscall.mode aggregate: the records of stream mode have their duration";
  assert.equal(stderr, `ringtap: --syscall.timing ${problem}\n`);
});
