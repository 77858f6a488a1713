/** Nothing is lost unsaid: floods of system calls from all cores, rings too small for them, an agent that stands still. */
import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import { kill } from "node:process";
import { before, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { Identity } from "../../../src/identity/identity.js";
import { Catalog } from "../../../src/metrics/catalog.js";
import { loadSignal } from "../../../src/engine/load.js";
import { process as processSignal } from "../../../src/signals/process/signal.js";
import { RunningSignal } from "../../../src/engine/running.js";
import { type Agent, startAgent, unlimitedSeries } from "../support/agent.js";
import { eventually } from "../support/eventually.js";
import { strictLog } from "../support/loading.js";
import { compileProgram, programSource, runProgram } from "../support/program.js";
import { type Samples, sum } from "../support/samples.js";
import type { Scope } from "../support/scope.js";
import { startWaiting } from "../support/waiting.js";

const source = programSource("syscall-calls");
const total = "ringtap_syscalls_total";
const errors = "ringtap_syscall_errors_total";
const duration = "ringtap_syscall_duration_seconds";

/** What a flood calls getppid, on each CPU. */
const calls = 1_000_000;

/** What a program calls openat for a file that is not there. */
const failures = 20_000;

let flooding = "";
let failing = "";

before(() => {
  flooding = compileProgram("rt-flood", source);
  failing = compileProgram("rt-fail", source);
});

function startStream(scope: Scope, ...flags: string[]): Promise<Agent> {
  const only = "--syscall.comms=rt-flood,rt-fail";
  return startAgent(scope, ["--signals=syscall", "--syscall.mode=stream", only, ...flags]);
}

/** Runs a flood on each CPU. Returns the pids. */
async function flood(scope: Scope): Promise<string[]> {
  const programs = await Promise.all(
    Array.from({ length: availableParallelism() }, () =>
      startWaiting(scope, flooding, ["count", calls.toString(), "0"]),
    ),
  );
  return (await Promise.all(programs.map((program) => program.go()))).flat();
}

/** The event counts of the syscall signal, once they have been found to balance. */
function balanced(samples: Samples): { consumed: number; dropped: (reason: string) => number } {
  const events = (kind: string, labels = {}): number =>
    sum(samples, `ringtap_events_${kind}_total`, { signal: "syscall", ...labels });
  assert.equal(events("consumed") + events("dropped"), events("produced"));
  return { consumed: events("consumed"), dropped: (reason) => events("dropped", { reason }) };
}

/** The metrics have every call of these processes, whether it was a record or not. */
function assertExact(samples: Samples, flooded: readonly string[], failed?: string): void {
  for (const pid of flooded) {
    assert.equal(sum(samples, total, { pid, syscall: "getppid" }), calls, `getppid of ${pid}`);
    assert.equal(sum(samples, errors, { pid, syscall: "getppid" }), 0);
  }
  if (failed !== undefined) {
    const openat = { pid: failed, syscall: "openat" };
    assert.equal(sum(samples, errors, openat), failures);
    assert.equal(sum(samples, errors, { ...openat, errno: "ENOENT" }), failures);
  }
  const histogram = { comm: "rt-flood", syscall: "getppid" };
  assert.equal(sum(samples, `${duration}_count`, histogram), flooded.length * calls);
  const seconds = sum(samples, "ringtap_syscall_seconds_total", histogram);
  assert(seconds > flooded.length * calls * 10e-9, `${seconds} s`);
  assert(Math.abs(sum(samples, `${duration}_sum`, histogram) - seconds) < 1e-6 * seconds);
}

describe("a flood of system calls", () => {
  it("as a stream: successes are sampled before the ring is full, and all are counted", async (t) => {
    const agent = await startStream(t, "--ring.size=1MiB");
    const fails = await startWaiting(t, failing, ["count", "0", failures.toString()]);
    const [pids, [pid = ""]] = await Promise.all([flood(t), fails.go()]);
    const samples = await agent.scrape();
    const { consumed, dropped } = balanced(samples);
    assert(dropped("sampled") > 0, "nothing was sampled: the flood was none");
    assertExact(samples, pids, pid);
    assert.equal(sum(samples, total, {}), consumed + dropped("sampled") + dropped("ring_full"));
    // It is over: each call is a record again.
    const calm = await startWaiting(t, failing, ["count", "1000", "0"]);
    const [later = ""] = await calm.go();
    const after = await agent.scrape();
    assert.equal(sum(after, total, { pid: later, syscall: "getppid" }), 1_000);
    assert.equal(balanced(after).dropped("sampled"), dropped("sampled"));
  });

  it("as a stream, right after the start, when the agent's code is cold: every one", async (t) => {
    const agent = await startStream(t);
    const pids = await flood(t);
    assertExact(await agent.scrape(), pids);
  });

  it("as a stream, with the agent stopped meanwhile: what the full ring dropped is counted all the same", async (t) => {
    const agent = await startStream(t, "--ring.size=64KiB");
    kill(agent.pid, "SIGSTOP");
    const fails = await startWaiting(t, failing, ["count", "0", failures.toString()]);
    const [pids, [pid = ""]] = await Promise.all([flood(t), fails.go()]);
    await setTimeout(100);
    kill(agent.pid, "SIGCONT");
    const samples = await agent.scrape();
    const { consumed, dropped } = balanced(samples);
    assert(dropped("ring_full") > 0 && dropped("sampled") > 0);
    assertExact(samples, pids, pid);
    assert.equal(sum(samples, total, {}), consumed + dropped("ring_full") + dropped("sampled"));
  });

  it("counted in the kernel: every one, with the agent stopped meanwhile", async (t) => {
    const agent = await startAgent(t, ["--signals=syscall", ...unlimitedSeries]);
    kill(agent.pid, "SIGSTOP");
    const pids = await flood(t);
    kill(agent.pid, "SIGCONT");
    const samples = await agent.scrape();
    for (const pid of pids) {
      assert.equal(sum(samples, total, { pid, syscall: "getppid" }), calls);
    }
    assert.equal(sum(samples, "ringtap_events_dropped_total", { signal: "syscall" }), 0);
  });
});

describe("a handler that throws", () => {
  it("costs the record in hand, which is counted as such, and none other", async (t) => {
    let taken = 0;
    let logged = 0;
    const clumsy: typeof processSignal = {
      ...processSignal,
      start: () => ({
        records(batch) {
          while (batch.next()) {
            if (++taken % 3 === 0) {
              throw new Error("clumsy");
            }
          }
        },
      }),
    };
    const loaded = loadSignal(clumsy);
    const catalog = new Catalog();
    const identity = new Identity(catalog, ["pid"]);
    const log = { ...strictLog, error: () => logged++ };
    const running = new RunningSignal(loaded, { catalog, identity, log });
    t.after(() => {
      running.close();
    });
    running.attach();
    for (let child = 0; child < 20; child++) {
      await runProgram("/bin/true");
    }
    // At rest: the machine's other work may bring an event between the two.
    const { produced, consumed, dropped } = await eventually(() => {
      running.drain();
      const counts = running.eventCounts();
      assert.equal(counts.produced, taken);
      return counts;
    });
    assert(taken >= 40, `${taken} records`);
    assert.equal(dropped.handler_error, Math.floor(taken / 3));
    assert.equal(running.errors.records, dropped.handler_error);
    assert.equal(logged, 1, "one line a minute");
    assert.equal(consumed + dropped.handler_error, taken);
    assert.equal(produced, taken);
  });
});
