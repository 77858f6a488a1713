/** Child processes that run until they are stopped. */
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

import type { BenchContext } from "./scenario.js";

/** A child that has been started. */
export interface Child {
  readonly pid: number;
  /** What it has written so far, on stdout and stderr. */
  readonly written: string;
  /** Waits until what it has written matches. Throws when it exits without. */
  said(pattern: RegExp): Promise<RegExpExecArray>;
  /** Fulfilled when it has ended. */
  readonly ended: Promise<void>;
  /** Asks it to end, by a signal, and waits until it has. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** The environment without `RINGTAP_*`, which would be flags, and without certificates, which each Node would read and parse at its start. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const isOurs = (name: string): boolean => name.startsWith("RINGTAP_") || name === "NODE_EXTRA_CA_CERTS";
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !isOurs(name)));
}

/** Starts a command. It is killed when the scenario ends, if it still runs. The command must replace itself by what it starts. */
export function startChild(context: Pick<BenchContext, "after">, ...[file = "", ...args]: readonly string[]): Child {
  const child = spawn(file, args, { stdio: ["pipe", "pipe", "pipe"], env: cleanEnvironment() });
  let written = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      written += text;
    });
  }
  const closed = new Promise<void>((resolve, reject) => {
    child.on("error", reject).on("close", () => {
      resolve();
    });
  });
  // Callers that await it get the error; without one, it must not be an unhandled rejection.
  closed.catch(() => undefined);
  const stop = async (signal: NodeJS.Signals = "SIGTERM"): Promise<void> => {
    child.kill(signal);
    await closed;
  };
  context.after(() => stop("SIGKILL"));
  return {
    pid: child.pid ?? 0,
    get written() {
      return written;
    },
    said: (pattern) => said(child, closed, pattern, () => written),
    ended: closed,
    stop,
  };
}

function said(
  child: ChildProcess,
  closed: Promise<void>,
  pattern: RegExp,
  written: () => string,
): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    const test = (): void => {
      const match = pattern.exec(written());
      if (match !== null) {
        resolve(match);
      }
    };
    child.stdout?.on("data", test);
    child.stderr?.on("data", test);
    test();
    closed.then(() => {
      reject(new Error(`${child.spawnargs.join(" ")}: ended without ${String(pattern)}:\n${written()}`));
    }, reject);
  });
}

/** What the scheduler has given the threads of a process so far. */
export interface CpuUse {
  /** By the scheduler's own clock: nanoseconds, not ticks. */
  readonly seconds: number;
  /** How often one of them was put on a CPU. */
  readonly turns: number;
}

/** From `/proc/PID/task/TID/schedstat` (Documentation/scheduler/sched-stats.rst: time on a CPU, time of waiting, time slices). */
export function cpuUse(pid: number): CpuUse {
  const tasks = `/proc/${pid}/task`;
  let [nanoseconds, turns] = [0, 0];
  for (const tid of readdirSync(tasks)) {
    const [ran = NaN, , slices = NaN] = readFileSync(`${tasks}/${tid}/schedstat`, "utf8").split(" ").map(Number);
    nanoseconds += ran;
    turns += slices;
  }
  return { seconds: nanoseconds / 1e9, turns };
}
