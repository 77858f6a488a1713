/** System calls counted in the kernel, of processes that get the same pid one after the other. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { type Agent, startAgent } from "../../support/agent.js";
import { compileProgram, programSource } from "../../support/program.js";
import { type Samples, sum } from "../../support/samples.js";
import { startWaiting } from "../../support/waiting.js";

const source = programSource("reused-pid");

/** What the processes of a name do in each round: see the source. */
const work = [
  { comm: "reuse-a", other: "reuse-b", call: "getppid", calls: 7, failure: "dup", failures: 2 },
  { comm: "reuse-b", other: "reuse-a", call: "getuid", calls: 11, failure: "fsync", failures: 3 },
];

/** The name that each has until it takes its own. */
const before = "reused-pid";

/** Calls and errors counted under a name. */
function counted(samples: Samples, comm: string, { call, failure }: (typeof work)[number]): number[] {
  return [
    sum(samples, "ringtap_syscalls_total", { comm, syscall: call }),
    sum(samples, "ringtap_syscalls_total", { comm, syscall: failure }),
    sum(samples, "ringtap_syscall_errors_total", { comm, syscall: failure, errno: "EBADF" }),
  ];
}

/**
 * Every call is counted for the process that made it, by the name that it had when its calls were read (`names`), and nothing is
 * lost.
 */
function assertCounted(samples: Samples, rounds: number, names: readonly string[] = []): void {
  for (const each of work) {
    const { comm, other, calls, failures } = each;
    const found = [comm, ...names].map((name) => counted(samples, name, each));
    assert.deepEqual(
      [0, 1, 2].map((which) => found.reduce((all, numbers) => all + (numbers[which] as number), 0)),
      [calls * rounds, failures * rounds, failures * rounds],
      `${comm}: ${JSON.stringify(found)}`,
    );
    assert.deepEqual(counted(samples, other, each), [0, 0, 0], `the work of ${comm} as ${other}'s`);
  }
  const events = (what: string): number => sum(samples, `ringtap_events_${what}_total`, { signal: "syscall" });
  assert.equal(events("dropped"), 0);
  assert.equal(events("produced"), events("consumed"));
}

/** Names under which calls count that are read before the rename in front of them is known. */
const namesBefore = [before, "~unknown"];

describe("system calls of processes with one pid", () => {
  const program = compileProgram("reused-pid", source);
  const start = (scope: Parameters<typeof startAgent>[0], ...flags: readonly string[]): Promise<Agent> =>
    startAgent(scope, ["--signals=syscall", "--labels=pid,comm", ...flags]);

  const streams = ["--syscall.mode=stream", "--syscall.comms=reuse-a,reuse-b", "--ring.size=64KiB"];
  for (const [mode, flags] of [
    ["aggregate", []],
    ["stream", streams],
  ] as const) {
    it(`5,000 calls of one and 500 of the other, the same call, count for each, ${mode}`, async (t) => {
      const agent = await start(t, ...flags);
      const waiting = await startWaiting(t, program, ["1", "0", "5000", "500"]);
      const [pid = ""] = await waiting.go();
      const samples = await agent.scrape();
      const made = (comm: string): number => sum(samples, "ringtap_syscalls_total", { pid, comm, syscall: "gettid" });
      assert.deepEqual([made("reuse-a"), made("reuse-b")], [5_000, 500]);
    });
  }

  it("count for each of two, though nothing was read in between", async (t) => {
    const agent = await start(t);
    const waiting = await startWaiting(t, program, ["1", "0"]);
    assertCounted(await agent.scrape(), 1, namesBefore);
    await waiting.go();
    assertCounted(await agent.scrape(), 1, namesBefore);
  });

  it("count for each of 200 within a second", async (t) => {
    const agent = await start(t);
    const waiting = await startWaiting(t, program, ["100", "0"]);
    assertCounted(await agent.scrape(), 100, namesBefore);
    await waiting.go();
    assertCounted(await agent.scrape(), 100, namesBefore);
  });

  it("count for each while maps are read and lines are freed", async (t) => {
    const agent = await start(t);
    const state = { isReady: false };
    const ready = startWaiting(t, program, ["400", "10"]).finally(() => {
      state.isReady = true;
    });
    let scrapes = 0;
    while (!state.isReady) {
      await agent.scrape();
      scrapes++;
    }
    assert(scrapes > 10, `${scrapes} scrapes`);
    assertCounted(await agent.scrape(), 400, namesBefore);
    await (await ready).go();
    assertCounted(await agent.scrape(), 400, namesBefore);
  });
});
