/**
 * Measures how long the agent holds its event loop beside 50,000 threads in 5,000 control groups: while it reads what is there, while
 * labels change, and after all have ended.
 *
 *   node dist/scripts/soak/stall.js [--threads N] [--groups N]
 *
 * Prints the longest turns of the event loop, in milliseconds: by the clock, which other programs on the CPUs add to, and in CPU time
 * of this process. Needs root and a mounted hierarchy of version 2; raises `pid_max` and `threads-max`, and puts them back.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { startAgent } from "../../src/agent/start-agent.js";
import { compileC } from "../bench/lib/build.js";

/** How long the agent is watched after each step, milliseconds: the third time, past the next scan of all processes. */
const watchMs = 5_000;
const scanMs = 35_000;

/** The longest turns of the event loop since the last call. */
function watchTurns(): () => { readonly clock: number; readonly cpu: number } {
  const cpuNow = (): number => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000;
  };
  let [clock, cpu] = [performance.now(), cpuNow()];
  let longest = { clock: 0, cpu: 0 };
  const turn = (): void => {
    const [nextClock, nextCpu] = [performance.now(), cpuNow()];
    longest = { clock: Math.max(longest.clock, nextClock - clock), cpu: Math.max(longest.cpu, nextCpu - cpu) };
    [clock, cpu] = [nextClock, nextCpu];
    setImmediate(turn);
  };
  turn();
  return () => {
    const found = longest;
    longest = { clock: 0, cpu: 0 };
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
    const { clock, cpu } = longest();
    console.log(`${name}: ${clock.toFixed(1)} ms, ${cpu.toFixed(1)} ms of CPU time`);
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
