/** How long records take from their kernel time stamp to where they are counted. */
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { startChild } from "./child.js";
import { agentCpu, onCpu } from "./programs.js";
import type { BenchContext } from "./scenario.js";

/** Delays in one run, nanoseconds. */
export interface Delays {
  /** Records that were timed. */
  readonly count: number;
  readonly median: number;
  readonly p99: number;
  readonly most: number;
}

export interface DelayOptions {
  readonly signal: "syscall" | "tcp";
  /** One record in so many is timed. */
  readonly every: number;
  /** Leaves it to the scheduler where the drain runs; else it has the agents' core. */
  readonly anyCpu?: boolean;
}

/** After this time every record is counted, milliseconds: the agent drains its rings each second at least. */
export const settleTime = 1_200;

/**
 * Runs two loads beside the agent's own engine, signals and tables, in a process without a web server (delay-child.ts), and times
 * records of the second there: the clock is read when a record has been counted.
 */
export async function measureDelays(
  context: BenchContext,
  { signal, every, anyCpu = false }: DelayOptions,
  load: { warmUp(): Promise<unknown>; measured(): Promise<unknown> },
): Promise<Delays> {
  const program = fileURLToPath(new URL("./delay-child.js", import.meta.url));
  const command = [process.execPath, program, signal, every.toString()];
  const child = startChild(context, ...(anyCpu ? command : onCpu(agentCpu, ...command)));
  await child.said(/^attached$/m);
  await load.warmUp();
  await setTimeout(settleTime);
  process.kill(child.pid, "SIGUSR2");
  await load.measured();
  await setTimeout(settleTime);
  await child.stop();
  const [, ...figures] = await child.said(/^delays (\d+) (\S+) (\S+) (\S+)$/m);
  const [count = NaN, median = NaN, p99 = NaN, most = NaN] = figures.map(Number);
  return { count, median, p99, most };
}
