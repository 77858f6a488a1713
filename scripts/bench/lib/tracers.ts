/** What is attached while a load runs: ringtap, a peer, or nothing. */
import { basename } from "node:path";
import { setTimeout } from "node:timers/promises";

import { type AgentOptions, startAgent, total } from "./agent.js";
import { native } from "../../../src/binding/native.js";
import { compileBpf } from "./build.js";
import { startChild } from "./child.js";
import { agentCpu, onCpu, run } from "./programs.js";
import type { BenchContext } from "./scenario.js";

/** A tracer at work. */
export interface Tracing {
  /** CPU seconds that its userspace has used so far; 0 where it has none, or where nobody asks for it. */
  cpuSeconds(): number;
  /** Lets go. Resolves when nothing of it is attached any more; to the events it lost, where it knows. */
  stop(): Promise<number>;
}

/** Something that traces. Each starts attached to nothing but what it says, and lets go of it again. */
export interface Tracer {
  readonly name: string;
  /** Resolves when it is attached. */
  start(context: BenchContext): Promise<Tracing>;
}

export const nothing: Tracer = {
  name: "nothing attached",
  start: () => Promise.resolve({ cpuSeconds: () => 0, stop: () => Promise.resolve(0) }),
};

/** The agent with some flags. */
export function ringtap(name: string, options: AgentOptions): Tracer {
  return {
    name,
    async start(context) {
      const agent = await startAgent(context, options);
      return {
        cpuSeconds: () => agent.cpuUse().seconds,
        async stop() {
          const lost = total(await agent.scrape(), "ringtap_events_dropped_total");
          await agent.stop();
          return lost;
        },
      };
    },
  };
}

/** All programs of a BPF object, whose source is a path in the checkout. */
export function attachedObject(name: string, source: string): Tracer {
  return {
    name,
    start(context) {
      const object = native.open(compileBpf(context, source, `${basename(source, ".c")}.o`));
      object.load();
      for (const program of object.programs) {
        object.attach(program.name);
      }
      return Promise.resolve({
        cpuSeconds: () => 0,
        stop() {
          object.close();
          return Promise.resolve(0);
        },
      });
    },
  };
}

interface Attachment {
  readonly pid: number;
}

/** Waits until the kernel lists so many programs of a process on tracepoints. */
async function attached(pid: number, programs: number, written: () => string): Promise<void> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const all = JSON.parse(await run("bpftool", "--json", "perf", "show")) as readonly Attachment[];
    if (all.filter((one) => one.pid === pid).length === programs) {
      return;
    }
    if (Date.now() > deadline) {
      throw new Error(`process ${pid}: ${programs} programs are not attached after 20 s:\n${written()}`);
    }
    await setTimeout(50);
  }
}

/** A tracer of somebody else's: attached when the kernel lists as many of its programs on tracepoints as it has. */
export function peer(name: string, programs: number, ...command: readonly string[]): Tracer {
  return {
    name,
    async start(context) {
      const child = startChild(context, ...onCpu(agentCpu, ...command));
      await attached(child.pid, programs, () => child.written);
      return {
        cpuSeconds: () => 0,
        async stop() {
          // At SIGINT, bpftrace would read its maps out, and now and then it misses it.
          await child.stop("SIGKILL");
          return 0;
        },
      };
    },
  };
}

/** Several tracers at once. */
export function together(name: string, tracers: readonly Tracer[]): Tracer {
  return {
    name,
    async start(context) {
      const tracings: Tracing[] = [];
      for (const tracer of tracers) {
        tracings.push(await tracer.start(context));
      }
      return {
        cpuSeconds: () => tracings.reduce((seconds, tracing) => seconds + tracing.cpuSeconds(), 0),
        async stop() {
          let lost = 0;
          for (const tracing of tracings) {
            lost += await tracing.stop();
          }
          return lost;
        },
      };
    },
  };
}
