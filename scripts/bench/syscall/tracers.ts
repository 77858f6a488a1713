/** Those whose cost on a system call is compared. Each starts attached to nothing but what it says, and lets go of it again. */
import { setTimeout } from "node:timers/promises";

import { native } from "../../../src/binding/native.js";
import { startAgent, total } from "../lib/agent.js";
import { compileBpf } from "../lib/build.js";
import { startChild } from "../lib/child.js";
import { agentCpu, onCpu, run } from "../lib/programs.js";
import type { BenchContext } from "../lib/scenario.js";

/** A tracer at work. */
export interface Tracing {
  /** Lets go. Resolves when nothing of it is attached any more; to the events it lost, where it knows. */
  stop(): Promise<number>;
}

/** Something that traces system calls. */
export interface Tracer {
  readonly name: string;
  /** Resolves when it is attached. */
  start(context: BenchContext): Promise<Tracing>;
}

export const nothing: Tracer = {
  name: "nothing attached",
  start: () => Promise.resolve({ stop: () => Promise.resolve(0) }),
};

export const floor: Tracer = {
  name: "floor: empty programs on enter and exit",
  start(context) {
    const object = native.open(compileBpf(context, "scripts/bench/syscall/floor.bpf.c", "floor.bpf.o"));
    object.load();
    for (const { name } of object.programs) {
      object.attach(name);
    }
    return Promise.resolve({
      stop() {
        object.close();
        return Promise.resolve(0);
      },
    });
  },
};

function ringtap(name: string, ...flags: readonly string[]): Tracer {
  return {
    name,
    async start(context) {
      const agent = await startAgent(context, { flags });
      return {
        async stop() {
          const lost = total(await agent.scrape(), "ringtap_events_dropped_total");
          await agent.stop();
          return lost;
        },
      };
    },
  };
}

export const aggregate = ringtap("ringtap, syscall signal, aggregate", "--signals=syscall");
export const stream = ringtap("ringtap, syscall signal, stream", "--signals=syscall", "--syscall.mode=stream");
export const processOnly = ringtap("ringtap, process signal", "--signals=process");
export const tcpOnly = ringtap("ringtap, tcp signal", "--signals=tcp");
export const fileOnly = ringtap("ringtap, file signal", "--signals=file");
export const allSignals = ringtap("ringtap, all signals (the default)");

interface Attachment {
  readonly pid: number;
}

/** A tracer of somebody else's: attached when the kernel lists as many of its programs on tracepoints as it has. */
function peer(name: string, programs: number, ...command: readonly string[]): Tracer {
  return {
    name,
    async start(context) {
      const child = startChild(context, ...onCpu(agentCpu, ...command));
      const deadline = Date.now() + 20_000;
      for (;;) {
        const attached = JSON.parse(await run("bpftool", "--json", "perf", "show")) as readonly Attachment[];
        if (attached.filter(({ pid }) => pid === child.pid).length === programs) {
          break;
        }
        if (Date.now() > deadline) {
          throw new Error(`${command.join(" ")}: not attached after 20 s:\n${child.written}`);
        }
        await setTimeout(50);
      }
      return {
        async stop() {
          // At SIGINT, bpftrace would read its maps out, and now and then it misses it.
          await child.stop("SIGKILL");
          return 0;
        },
      };
    },
  };
}

const bpftraceHistogram = [
  "tracepoint:raw_syscalls:sys_enter { @start[tid] = nsecs; }",
  "tracepoint:raw_syscalls:sys_exit /@start[tid]/ {",
  "  @ns[comm, args->id] = hist(nsecs - @start[tid]); delete(@start[tid]);",
  "}",
].join("\n");

export const syscount = peer("syscount -L -P (bcc libbpf-tools)", 2, "syscount", "-L", "-P");
export const bpftraceCount = peer(
  "bpftrace, count by pid, comm, id on enter",
  1,
  "bpftrace",
  "-e",
  "tracepoint:raw_syscalls:sys_enter { @[pid, comm, args->id] = count(); }",
);
export const bpftraceHistograms = peer("bpftrace, histogram by comm, id", 2, "bpftrace", "-e", bpftraceHistogram);
