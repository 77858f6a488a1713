/** What ringtap says that its programs cost, against the exact counts of their handlers and of the kernel. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";

import { compileBpf } from "../../../scripts/bench/lib/build.js";
import { native } from "../../../src/binding/native.js";
import { loadSignal } from "../../../src/engine/load.js";
import { Overhead } from "../../../src/engine/overhead/overhead.js";
import type { RunWindow } from "../../../src/engine/overhead/run-time.js";
import type { RunningSignal } from "../../../src/engine/running.js";
import { process as processSignal } from "../../../src/signals/process/signal.js";
import { type AnySignal, defineSignal } from "../../../src/sdk/signal.js";
import { syscallNumber } from "../../../src/sdk/syscall-names.js";
import { startAgent } from "../support/agent.js";
import { startLoaded } from "../support/loading.js";
import { compileProgram } from "../support/program.js";
import { sum } from "../support/samples.js";
import { type Scope, suiteScope } from "../support/scope.js";
import { startWaiting } from "../support/waiting.js";

const root = fileURLToPath(new URL("../../../../", import.meta.url));

/** A call that is not in the kernel any more, and that no other program makes. */
const call = "lookup_dcookie";

const scope = suiteScope();
let program = "";
let object = "";

before(() => {
  const folder = mkdtempSync(join(tmpdir(), "ringtap-overhead-"));
  scope.after(() => {
    rmSync(folder, { recursive: true });
  });
  program = compileProgram("numbered-calls", readFileSync(join(root, "test/kernel/programs/numbered-calls.c"), "utf8"));
  object = compileBpf({ root, scratch: folder }, "test/kernel/programs/wanted-calls.bpf.c", "wanted-calls.bpf.o");
});

/** A signal with two handlers for that call alone, which may count their runs and their time. */
function startHandlers(test: Scope, countRuns = true): RunningSignal {
  const signal: AnySignal = defineSignal({
    api: 1,
    name: "wanted",
    summary: "calls that no other program makes",
    object: pathToFileURL(object),
    syscalls: [call],
    setup: () => ({ without: ["plain_exit"] }),
    start: () => ({}),
  });
  return startLoaded(test, loadSignal(signal, { countRuns })).running;
}

function windowOf({ runWindow }: RunningSignal): RunWindow {
  assert(runWindow !== undefined);
  return runWindow;
}

/** Nanoseconds, and runs, that the handlers have counted exactly. */
function exactOf({ loaded }: RunningSignal): { runs: number; nanoseconds: number } {
  const each = ["wanted_enter", "wanted_exit"].map((name) => loaded.handlers.stats(name));
  const total = (key: "runs" | "nanoseconds"): number => each.reduce((so, stats) => so + stats[key], 0);
  return { runs: total("runs"), nanoseconds: total("nanoseconds") };
}

/** CPU time of a process as the kernel counts it, in hundredths. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function makeCalls(test: Scope, times: number): Promise<void> {
  await (await startWaiting(test, program, [String(syscallNumber(call)), String(times)])).go();
}

describe("the window of a signal", () => {
  it("times each run of a handler that begins in it, and none else", async (t) => {
    const running = startHandlers(t);
    const window = windowOf(running);
    await makeCalls(t, 500);
    assert.deepEqual(window.read(), { runs: 0, nanoseconds: 0 });
    const earlier = exactOf(running);
    assert.equal(earlier.runs, 1000);
    window.open();
    await makeCalls(t, 3000);
    window.close();
    const timed = window.read();
    const exact = exactOf(running).nanoseconds - earlier.nanoseconds;
    assert.equal(timed.runs, 6000);
    // The two clocks of the handler itself are within those of the window.
    assert(timed.nanoseconds >= exact, `${timed.nanoseconds} ns, exactly ${exact} ns`);
    assert(timed.nanoseconds < 3 * exact + 200 * timed.runs, `${timed.nanoseconds} ns, exactly ${exact} ns`);
    await makeCalls(t, 500);
    assert.deepEqual(window.read(), timed);
  });

  it("times the runs of other programs as the kernel counts them", async (t) => {
    t.after(native.enableStats());
    const { running } = startLoaded(t, loadSignal(processSignal));
    const kernel = (): { runs: number; nanoseconds: number } => {
      const each = running.loaded.attachable.map((name) => running.loaded.object.stats(name));
      return {
        runs: each.reduce((total, { runs }) => total + runs, 0),
        nanoseconds: each.reduce((total, { nanoseconds }) => total + nanoseconds, 0),
      };
    };
    const window = windowOf(running);
    const outer = kernel();
    window.open();
    const inner = kernel();
    for (let round = 0; round < 100; round++) {
      await makeCalls(t, 1);
    }
    const innerEnd = kernel();
    window.close();
    await pause(10);
    const outerEnd = kernel();
    const timed = window.read();
    const [within, without] = [innerEnd.runs - inner.runs, outerEnd.runs - outer.runs];
    assert(within >= 300, `${within} runs`);
    // A run may be under way on the other CPU as the window opens.
    assert(timed.runs >= within - 8 && timed.runs <= without, `${within} ≤ ${timed.runs} ≤ ${without}`);
    const most = outerEnd.nanoseconds - outer.nanoseconds;
    assert(timed.nanoseconds < 1.02 * most && timed.nanoseconds > 0.3 * most, `${timed.nanoseconds} of ${most} ns`);
  });
});

describe("ringtap_overhead_seconds_total", () => {
  it("is within 40 % of the exact time though the programs are timed a quarter of it", async (t) => {
    const [timed, sampled] = [startHandlers(t, false), startHandlers(t, false)];
    const overhead = new Overhead(() => [sampled], { openMs: 20, gapMs: 60 });
    const load = await startWaiting(t, program, [String(syscallNumber(call)), String(2 ** 31)]);
    void load.go().catch(() => undefined);
    windowOf(timed).open();
    overhead.start();
    const read = (): { estimated: number; exact: number } => ({
      estimated: overhead.secondsOf("wanted") ?? 0,
      exact: windowOf(timed).read().nanoseconds / 1e9,
    });
    // A run that others on the machine interrupt takes milliseconds, in a window or not: of a few stretches one is quiet enough.
    const errors: number[] = [];
    for (let from = read(); errors.length < 5 && !errors.some((error) => error < 0.4);) {
      await pause(2500);
      const to = read();
      const exact = to.exact - from.exact;
      assert(exact > 0.001, `${exact} s`);
      errors.push(Math.abs((to.estimated - from.estimated) / exact - 1));
      from = to;
    }
    overhead.stop();
    assert(Math.min(...errors) < 0.4, `off by ${errors.join(", ")}`);
    const share = windowOf(sampled).read().runs / windowOf(timed).read().runs;
    assert(share < 0.6, `${share} of the runs were timed`);
  });

  it("is there for each signal, and for the agent its CPU time", async (t) => {
    const agent = await startAgent(t, ["--signals=syscall,tcp,process"]);
    const earlier = cpuSeconds(agent.pid);
    const first = await agent.scrape();
    await makeCalls(t, 1000);
    const samples = await agent.scrape();
    const seconds = (signal: string, from = samples): number => sum(from, "ringtap_overhead_seconds_total", { signal });
    for (const signal of ["syscall", "tcp", "process", "~agent"]) {
      assert(seconds(signal) >= seconds(signal, first), signal);
    }
    assert(seconds("syscall") > 0);
    assert(seconds("~agent", first) >= earlier && seconds("~agent") <= cpuSeconds(agent.pid) + 0.02);
  });
});
