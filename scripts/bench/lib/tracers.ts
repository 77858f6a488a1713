/** What is attached while a load runs: ringtap, a peer, or nothing. */
import { basename } from "node:path";
import { setTimeout } from "node:timers/promises";

import { type AgentOptions, startAgent, total } from "./agent.js";
import { type BpfObject, native } from "../../../src/binding/native.js";
import { loadSignal } from "../../../src/engine/load.js";
import { defaultValues, type FlagTable, type FlagValues } from "../../../src/sdk/flags.js";
import type { AnySignal } from "../../../src/sdk/signal.js";
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

/** Attached programs of an object that stays loaded. */
function tracingBy(object: BpfObject, programs: readonly string[]): Tracing {
  for (const program of programs) {
    object.attach(program);
  }
  return {
    cpuSeconds: () => 0,
    stop() {
      for (const program of programs) {
        object.detach(program);
      }
      return Promise.resolve(0);
    },
  };
}

/** Loads an object when it is first asked for; it is closed when the scenario has ended. */
function loadedOnce<T extends { close(): void }>(load: (context: BenchContext) => T): (context: BenchContext) => T {
  let loaded: T | undefined;
  return (context) => {
    if (loaded === undefined) {
      loaded = load(context);
      context.after(() => loaded?.close());
    }
    return loaded;
  };
}

/** The programs of a BPF object, those whose names begin so; its source is a path in the checkout. */
export function attachedObject(name: string, source: string, beginning = ""): Tracer {
  const open = loadedOnce((context) => {
    const object = native.open(compileBpf(context, source, `${basename(source, ".c")}.o`));
    object.load();
    return object;
  });
  return {
    name,
    start(context) {
      const object = open(context);
      const programs = object.programs.map((program) => program.name).filter((each) => each.startsWith(beginning));
      return Promise.resolve(tracingBy(object, programs));
    },
  };
}

/**
 * The programs of a signal as `run` loads it with these flags, without the agent, so that they come and go in milliseconds; not those on
 * system calls.
 */
export function attachedSignal(name: string, signal: AnySignal, flags: FlagValues<FlagTable> = {}): Tracer {
  const load = loadedOnce(() =>
    loadSignal(signal, { flags: { ...defaultValues((signal.flags ?? {}) as FlagTable), ...flags } }),
  );
  return {
    name,
    start(context) {
      const { object, attachable } = load(context);
      return Promise.resolve(tracingBy(object, attachable));
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
