/** What the kernel counts of the threads of a process, and what the agent's signal sched says of it. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";

import { eventually } from "./eventually.js";
import { compileProgram } from "./program.js";
import { type Samples, sum } from "./samples.js";
import type { Scope } from "./scope.js";

/** Compiles test/kernel/programs/cpu-waits.c. */
export function cpuWaits(): string {
  const source = new URL("../../../../test/kernel/programs/cpu-waits.c", import.meta.url);
  return compileProgram("rt-cpu-waits", readFileSync(source, "utf8"));
}

/** What the kernel says of a process, all its threads added up; ns, and counts. */
export interface KernelNumbers {
  readonly runTime: number;
  readonly delay: number;
  readonly waits: number;
  readonly voluntary: number;
  readonly involuntary: number;
  readonly minor: number;
  readonly major: number;
}

/** From /proc/<pid>: numbers of threads that have ended are not among those of schedstat and status. */
function kernelNumbers(pid: number): KernelNumbers {
  const folder = `/proc/${pid}/task`;
  const sums = { runTime: 0, delay: 0, waits: 0, voluntary: 0, involuntary: 0, minor: 0, major: 0 };
  for (const thread of readdirSync(folder)) {
    const [runTime = 0, delay = 0, waits = 0] = readFileSync(`${folder}/${thread}/schedstat`, "utf8")
      .split(" ")
      .map(Number);
    const status = readFileSync(`${folder}/${thread}/status`, "utf8");
    const [, , , , , , , minor = 0, , major = 0] = readFileSync(`${folder}/${thread}/stat`, "utf8")
      .replace(/^.*\) /, "")
      .split(" ")
      .map(Number);
    sums.runTime += runTime;
    sums.delay += delay;
    sums.waits += waits;
    sums.voluntary += Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1]);
    sums.involuntary += Number(/^nonvoluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1]);
    sums.minor += minor;
    sums.major += major;
  }
  return sums;
}

/** The same as the agent has it. */
export function metricNumbers(samples: Samples, labels: Readonly<Record<string, string | number>>): KernelNumbers {
  const of = (name: string, more = {}): number => sum(samples, `ringtap_sched_${name}`, { ...labels, ...more });
  return {
    runTime: Math.round(of("cpu_seconds_total") * 1e9),
    delay: Math.round(of("run_queue_delay_seconds_sum") * 1e9),
    waits: of("run_queue_delay_seconds_count"),
    voluntary: of("context_switches_total", { kind: "voluntary" }),
    involuntary: of("context_switches_total", { kind: "involuntary" }),
    minor: of("page_faults_total", { kind: "minor" }),
    major: of("page_faults_total", { kind: "major" }),
  };
}

/** A program at work; `done` when it sleeps. */
export interface Work {
  readonly child: ChildProcess;
  readonly done: Promise<unknown>;
}

/** Starts a program that works and then sleeps for good. */
export function startWork(scope: Scope, program: string, ...args: readonly string[]): Work {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  scope.after(() => child.kill("SIGKILL"));
  return { child, done: once(child.stdout, "data") };
}

/** The kernel's numbers once they stand still. */
export async function settled(pid: number): Promise<KernelNumbers> {
  return eventually(async () => {
    const before = kernelNumbers(pid);
    await setTimeout(100);
    assert.deepEqual(kernelNumbers(pid), before);
    return before;
  });
}
