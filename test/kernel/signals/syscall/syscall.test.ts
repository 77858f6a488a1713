/** syscall against exact numbers of calls, and against strace's count of the same calls. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";

import { startAgent, unlimitedSeries } from "../../support/agent.js";
import { compileProgram, programSource } from "../../support/program.js";

import { type Samples, select, sum } from "../../support/samples.js";
import type { Scope } from "../../support/scope.js";
import { assertAgreesWithStrace } from "../../support/strace.js";
import { startWaiting } from "../../support/waiting.js";

const source = programSource("syscall-calls");
const total = "ringtap_syscalls_total";
const errors = "ringtap_syscall_errors_total";

/** The limit is raised because the machine may be building something at the same time. */
const roomy = ["--signals=syscall", ...unlimitedSeries];

function stream(...filters: readonly string[]): string[] {
  // Room for all that a test does at once: what the machine's other work costs the reader is not tested here.
  return [...roomy, "--syscall.mode=stream", "--ring.size=64MiB", ...filters];
}

let program = "";
let otherProgram = "";

before(() => {
  program = compileProgram("calls-a", source);
  otherProgram = compileProgram("calls-b", source);
});

for (const mode of ["aggregate", "stream"]) {
  describe(`syscall in ${mode} mode`, () => {
    const flags = mode === "stream" ? stream("--syscall.comms=calls-a,true") : [...roomy, "--syscall.timing=all"];

    async function countAll(scope: Scope, ...args: readonly string[]): Promise<{ samples: Samples; pid: string }> {
      const agent = await startAgent(scope, flags);
      const waiting = await startWaiting(scope, program, args);
      const [pid = ""] = await waiting.go();
      return { samples: await agent.scrape(), pid };
    }

    it("counts 100,000 getppid and 5,000 failing openat", async (t) => {
      const { samples, pid } = await countAll(t, "count", "100000", "5000");
      const labels = { pid, comm: "calls-a" };
      assert.equal(sum(samples, total, { ...labels, syscall: "getppid" }), 100_000);
      assert.equal(sum(samples, errors, { ...labels, syscall: "getppid" }), 0);
      assert.equal(sum(samples, errors, { ...labels, syscall: "openat", errno: "ENOENT" }), 5_000);
      assert.equal(sum(samples, errors, { ...labels, syscall: "openat" }), 5_000);
      const histogram = { comm: "calls-a", syscall: "getppid" };
      assert.equal(sum(samples, "ringtap_syscall_duration_seconds_count", histogram), 100_000);
      const seconds = sum(samples, "ringtap_syscall_seconds_total", { pid, syscall: "getppid" });
      assert(seconds > 100_000 * 20e-9 && seconds < 10, `getppid took ${seconds} s`);
      assert(Math.abs(sum(samples, "ringtap_syscall_duration_seconds_sum", histogram) - seconds) < 1e-6);
    });

    it("agrees with strace -c -f call by call", async (t) => {
      const agent = await startAgent(t, flags);
      const waiting = await startWaiting(t, program, ["mixed"]);
      await assertAgreesWithStrace(waiting, agent);
    });

    it("counts and times calls that wait, and come back on another CPU", async (t) => {
      const agent = await startAgent(t, flags);
      const waiting = await startWaiting(t, program, ["roam", "5000"]);
      const pids = await waiting.go();
      const samples = await agent.scrape();
      assert.equal(pids.length, 2);
      for (const pid of pids) {
        for (const name of ["readv", "writev", "sched_setaffinity"]) {
          assert.equal(sum(samples, total, { pid, syscall: name }), 5_000, `${name} of ${pid}`);
        }
      }
    });

    it("counts calls that seccomp refuses", async (t) => {
      const { samples, pid } = await countAll(t, "refused", "250");
      assert.equal(sum(samples, total, { pid, syscall: "getppid" }), 250);
      assert.equal(sum(samples, errors, { pid, syscall: "getppid", errno: "EPERM" }), 250);
      assert.equal(sum(samples, "ringtap_syscall_seconds_total", { pid, syscall: "getppid" }), 0);
    });

    it("names 32-bit calls by their own table", { skip: process.arch !== "x64" }, async (t) => {
      const { samples, pid } = await countAll(t, "compat", "40");
      assert.equal(sum(samples, total, { pid, syscall: "compat_getppid" }), 40);
      assert.equal(sum(samples, errors, { pid, syscall: "compat_close", errno: "EBADF" }), 40);
      // What the numbers, 64 and 6, mean in the native table.
      assert.equal(sum(samples, total, { pid, syscall: "semget" }), 0);
      assert.equal(sum(samples, total, { pid, syscall: "lstat" }), 0);
    });

    it("shows numbers without a name, and folds those no kernel has", async (t) => {
      const { samples, pid } = await countAll(t, "unnamed");
      assert.equal(sum(samples, errors, { pid, syscall: "syscall_600", errno: "ENOSYS" }), 3);
      assert.equal(sum(samples, errors, { pid, syscall: "syscall_unknown", errno: "ENOSYS" }), 3);
    });
  });
}

describe("syscall.filters of stream mode", () => {
  /** Runs the program beside an agent with these filters. */
  async function filtered(scope: Scope, ...filters: readonly string[]): Promise<{ samples: Samples; pid: string }> {
    const agent = await startAgent(scope, stream(...filters));
    const waiting = await startWaiting(scope, program, ["filtered"]);
    const other = await startWaiting(scope, otherProgram, ["filtered"]);
    const [pid = ""] = await waiting.go();
    await other.go();
    return { samples: await agent.scrape(), pid };
  }

  /** The distinct values of a label among the series of the total. */
  function valuesOf(samples: Samples, label: string): string[] {
    const values = [...select(samples, total, {}).keys()].map(
      (series) => new RegExp(`\\b${label}="([^"]*)"`).exec(series)?.[1] ?? "",
    );
    return [...new Set(values)].sort();
  }

  it("names", async (t) => {
    const { samples, pid } = await filtered(t, "--syscall.names=getppid,getuid");
    assert.equal(sum(samples, total, { pid, syscall: "getppid" }), 30);
    assert.equal(sum(samples, total, { pid, syscall: "getuid" }), 10);
    assert.deepEqual(valuesOf(samples, "syscall"), ["getppid", "getuid"]);
  });

  it("errors-only", async (t) => {
    const { samples, pid } = await filtered(t, "--syscall.errors-only");
    assert.equal(sum(samples, total, { pid, syscall: "close" }), 20);
    assert.equal(sum(samples, errors, { pid, syscall: "close", errno: "EBADF" }), 20);
    assert.equal(sum(samples, total, { pid, syscall: "getppid" }), 0);
    assert.equal(sum(samples, total, {}), sum(samples, errors, {}));
  });

  it("min-duration", async (t) => {
    const { samples, pid } = await filtered(t, "--syscall.min-duration=15ms");
    assert.equal(sum(samples, total, { pid, syscall: "clock_nanosleep" }), 4);
    assert.equal(sum(samples, total, { pid, syscall: "getppid" }), 0);
    assert.equal(sum(samples, "ringtap_syscall_duration_seconds_bucket", { le: "0.008388608" }), 0);
  });

  it("pids", async (t) => {
    const waiting = await startWaiting(t, program, ["filtered"]);
    const other = await startWaiting(t, program, ["filtered"]);
    const agent = await startAgent(t, stream(`--syscall.pids=${waiting.pid}`));
    await waiting.go();
    await other.go();
    const samples = await agent.scrape();
    assert.equal(sum(samples, total, { syscall: "getppid" }), 30);
    assert.deepEqual(valuesOf(samples, "pid"), [waiting.pid.toString()]);
  });

  it("comms: the process's, whatever its thread is called", async (t) => {
    const { samples } = await filtered(t, "--syscall.comms=calls-b");
    assert.equal(sum(samples, total, { syscall: "getppid" }), 30);
    assert.equal(sum(samples, total, { syscall: "getuid" }), 10);
    assert.deepEqual(valuesOf(samples, "comm"), ["calls-b"]);
  });

  it("several at once", async (t) => {
    const { samples, pid } = await filtered(
      t,
      "--syscall.errors-only",
      "--syscall.comms=calls-a",
      "--syscall.names=close,getppid",
    );
    assert.deepEqual([...select(samples, total, {})], [[`${total}{pid="${pid}",comm="calls-a",syscall="close"}`, 20]]);
  });

  it("loses nothing unsaid: produced = consumed + dropped", async (t) => {
    const agent = await startAgent(t, [...stream("--syscall.comms=calls-a"), "--ring.size=64KiB"]);
    const waiting = await startWaiting(t, program, ["count", "100000", "0"]);
    const [pid] = await waiting.go();
    await agent.scrape();
    const samples = await agent.scrape();
    const event = (kind: string): number => sum(samples, `ringtap_events_${kind}_total`, { signal: "syscall" });
    assert.equal(event("consumed") + event("dropped"), event("produced"));
    assert.equal(sum(samples, total, {}), event("produced"));
    assert.equal(sum(samples, total, { pid: pid ?? "", syscall: "getppid" }), 100_000);
  });
});

describe("ringtap's own system calls", () => {
  for (const { mode, counted } of [
    { mode: "aggregate", counted: true },
    { mode: "stream", counted: false },
  ]) {
    it(`are ${counted ? "counted" : "left out"} in ${mode} mode`, async (t) => {
      const agent = await startAgent(t, [...roomy, `--syscall.mode=${mode}`]);
      await agent.scrape();
      const samples = await agent.scrape();
      assert.equal(select(samples, total, { pid: agent.pid }).size > 0, counted);
      assert(select(samples, total, {}).size > 0);
    });
  }
});
