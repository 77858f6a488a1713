/** Programs that others have loaded: what they cost a system call would be taken for the contenders'. */
import { setTimeout } from "node:timers/promises";

import { run } from "../lib/programs.js";

/** Types of programs that trace, as bpftool names them. */
const tracingTypes = ["tracing", "raw_tracepoint", "tracepoint", "kprobe", "perf_event"];

interface Program {
  readonly type: string;
  /** Who holds it, by the kernel's iterators. */
  readonly pids?: readonly { readonly pid: number }[];
}

async function someoneTraces(): Promise<boolean> {
  const programs = JSON.parse(await run("bpftool", "--json", "prog", "show")) as readonly Program[];
  const isOwn = ({ pids = [] }: Program): boolean => pids.length > 0 && pids.every(({ pid }) => pid === process.pid);
  return programs.some((program) => tracingTypes.includes(program.type) && !isOwn(program));
}

/**
 * Waits at most so many seconds until no tracing program of another process is loaded; returns whether none is. Call it while no process
 * that the scenario has started has any.
 */
export async function otherTracersGone(timeoutSeconds: number): Promise<boolean> {
  const deadline = Date.now() + 1e3 * timeoutSeconds;
  while (await someoneTraces()) {
    if (Date.now() > deadline) {
      return false;
    }
    await setTimeout(200);
  }
  return true;
}
