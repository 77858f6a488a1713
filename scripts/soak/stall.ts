/**
 * Measures how long the agent holds its event loop beside 50,000 threads in 5,000 control groups: while it reads what is there, while
 * labels change, and after all have ended.
 *
 *   node dist/scripts/soak/stall.js [--threads N] [--groups N]
 *
 * Prints the longest turns of the event loop, in milliseconds: by the clock, which other programs on the CPUs add to, and in CPU time of
 * the thread that it runs in; and the longest time by the clock that the garbage collector held it, which waits for its own threads.
 * Needs root and a mounted hierarchy of version 2; raises `pid_max` and `threads-max`, and puts them back.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, openSync, readFileSync, readSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PerformanceObserver } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { startAgent } from "../../src/agent/start-agent.js";
import { compileC } from "../bench/lib/build.js";

/** How long the agent is watched after each step, milliseconds: the third time, past the next scan of all processes. */
const watchMs = 5_000;
const scanMs = 35_000;

/** CPU time of the thread that this runs in, the main thread, milliseconds: Node 20 has no call for it. */
function threadClock(): () => number {
  const file = openSync("/proc/self/schedstat", "r");
  const bytes = Buffer.alloc(64);
  return () => {
    // Brings what the file says up to date, which is otherwise as old as the last tick: thread_group_cputime(), kernel/sched/cputime.c.
    process.cpuUsage();
    readSync(file, bytes, 0, bytes.length, 0);
    return Number(bytes.toString("latin1", 0, bytes.indexOf(" "))) / 1e6;
  };
}

/** The longest turns of the event loop since the last call, and the longest time that the garbage collector held it, milliseconds. */
function watchTurns(): () => { readonly clock: number; readonly cpu: number; readonly gc: number } {
  const cpuNow = threadClock();
  let [clock, cpu] = [performance.now(), cpuNow()];
  let longest = { clock: 0, cpu: 0, gc: 0 };
  const turn = (): void => {
    const [nextClock, nextCpu] = [performance.now(), cpuNow()];
    longest.clock = Math.max(longest.clock, nextClock - clock);
    longest.cpu = Math.max(longest.cpu, nextCpu - cpu);
    [clock, cpu] = [nextClock, nextCpu];
    setImmediate(turn);
  };
  const collector = new PerformanceObserver((list) => {
    longest.gc = Math.max(longest.gc, ...list.getEntries().map(({ duration }) => duration));
  });
  collector.observe({ entryTypes: ["gc"] });
  turn();
  return () => {
    const found = longest;
    longest = { clock: 0, cpu: 0, gc: 0 };
    return found;
  };
}

function raise(path: string, least: number): () => void {
  const before = readFileSync(path, "utf8").trim();
  if (Number(before) >= least) {
    return () => undefined;
  }
  writeFileSync(path, least.toString());
  return () => {
    writeFileSync(path, before);
  };
}

const { values } = parseArgs({ options: { threads: { type: "string" }, groups: { type: "string" } } });
const threads = Number(values.threads ?? 50_000);
const groups = Number(values.groups ?? 5_000);
const folder = join(
  execFileSync("findmnt", ["--noheadings", "--first-only", "--output=TARGET", "--types=cgroup2"], {
    encoding: "utf8",
  }).trim(),
  `ringtap-stall-${process.pid}`,
);
const scratch = mkdtempSync(join(tmpdir(), "ringtap-stall-"));
const root = fileURLToPath(new URL("../../../", import.meta.url));
const program = compileC({ root, scratch }, "scripts/soak/crowd.c", "crowd", "-pthread");
const restore = ["/proc/sys/kernel/pid_max", "/proc/sys/kernel/threads-max"].map((path) => raise(path, 2 * threads));
mkdirSync(folder);
try {
  const crowd = spawn(program, [folder, groups.toString(), threads.toString()], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(crowd, "close");
  await once(crowd.stdout, "data");
  const log = {
    info: () => undefined,
    warn: (details: object, message: string): void => {
      console.error(message, details);
    },
    error: (details: object, message: string): void => {
      console.error(message, details);
    },
  };
  const agent = startAgent({ log, labels: ["pid", "comm", "cgroup"], cgroupHierarchy: "unified" });
  const longest = watchTurns();
  await pause(100);
  longest();
  const step = async (name: string, ms: number): Promise<void> => {
    await pause(ms);
    const { clock, cpu, gc } = longest();
    console.log(
      `${name}: ${clock.toFixed(1)} ms, ${cpu.toFixed(1)} ms of CPU time; garbage collector ${gc.toFixed(1)} ms`,
    );
  };
  await agent.collect();
  await step("the first scan, and a collect", watchMs);
  console.log(`${agent.identity.activeProcesses} processes, ${agent.identity.cgroups.size} control groups`);
  await step("the next scans", scanMs);
  agent.identity.relabel(["comm", "cgroup"]);
  await step("other labels", watchMs);
  crowd.stdin.end();
  await ended;
  await step("all have ended", watchMs);
  console.log(`${agent.identity.activeProcesses} processes, ${agent.identity.cgroups.size} control groups`);
  agent.close();
} finally {
  rmdirSync(folder);
  rmSync(scratch, { recursive: true });
  for (const undo of restore) {
    undo();
  }
}
process.exit();
