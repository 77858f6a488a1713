/** Programs that others have loaded: what they cost a system call would be taken for the contenders'. */
import { setTimeout } from "node:timers/promises";

import { run } from "../lib/programs.js";

/** Types of programs that trace, as bpftool names them. */
const tracingTypes = ["tracing", "raw_tracepoint", "tracepoint", "kprobe", "perf_event"];

interface Program {
  readonly type: string;
}

async function someoneTraces(): Promise<boolean> {
  const programs = JSON.parse(await run("bpftool", "--json", "prog", "show")) as readonly Program[];
  return programs.some(({ type }) => tracingTypes.includes(type));
}

/**
 * Waits at most so many seconds until no tracing program is loaded; returns whether none is. Call it while the scenario has nothing
 * attached itself.
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
