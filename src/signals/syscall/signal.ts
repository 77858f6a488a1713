/** syscall: every system call by process and name, counted in the kernel (aggregate) or sent one by one (stream). */
import { CallLine, ErrorKey, SyscallEvent } from "./records.js";
import { log2Ceil } from "../../metrics/log2.js";
import { CallTally } from "./call-tally.js";
import { errnoName } from "../../sdk/errno.js";
import type { Handlers, MapLimits, Setup, Signal, SignalContext, SignalOptions, TraceValue } from "../../sdk/signal.js";
import { startAggregate } from "./aggregate.js";
import { SyscallMetrics } from "./metrics.js";
import { indexCount, syscallIndex, syscallName, syscallNumber } from "../../sdk/syscall-names.js";

/** COMM_LEN of bpf/include/ringtap/task.h. */
const commLength = 16;

const aggregateMaps = ["calls", "lines", "errors", "errors_overflow"];

/** As a stream: at a million calls a second, room for 50 ms. */
const streamRingSize = 4 * 2 ** 20;

/** So many are tried for a pair: PROBES of bpf/syscall/call_counts.h. */
const fewestLines = 16;

function isStream(options: SignalOptions): boolean {
  return options.mode === "trace" || options.syscall.mode === "stream";
}

/** Processes, or names of processes, that can be chosen: FILTERED_MAX of bpf/syscall/call_filters.h. */
export const mostFiltered = 1024;

/** The bitmap `left_out` of bpf/syscall/call_filters.h: all but `names`, or none. Throws for a name that no system call has. */
function leftOut(names: readonly string[]): Uint8Array {
  const bitmap = new Uint8Array(indexCount / 8).fill(names.length > 0 ? 0xff : 0);
  for (const name of names) {
    const nr = syscallNumber(name);
    if (nr === undefined) {
      throw new Error(`system call ${JSON.stringify(name)}: there is none of this name on ${process.arch}`);
    }
    const index = syscallIndex(nr);
    bitmap[index >>> 3] = (bitmap[index >>> 3] as number) & ~(1 << (index & 7));
  }
  return bitmap;
}

function commKey(comm: string): Uint8Array {
  const key = new Uint8Array(commLength);
  key.set(new TextEncoder().encode(comm).subarray(0, commLength - 1));
  return key;
}

/** The maps of the aggregate mode for so many pairs of a process and a call (bpf/syscall/call_counts.h): twice as many can fail. */
function aggregateSetup(limits: MapLimits | undefined): Setup {
  if (limits === undefined) {
    return { ringSize: 0 };
  }
  const lines = 2 ** log2Ceil(Math.max(limits.counts, fewestLines));
  const sizes = { calls: lines + indexCount, lines: lines + indexCount, errors: 2 * lines, waiting: limits.threads };
  return { ringSize: 0, sizes, constants: { call_lines: lines } };
}

function setup(options: SignalOptions): Setup {
  if (!isStream(options)) {
    return aggregateSetup(options.limits);
  }
  const { syscall, pids, comms } = options;
  return {
    constants: { stream: 1 },
    variables: {
      min_duration_ns: syscall.minDuration,
      errors_only: syscall.errorsOnly ? 1 : 0,
      filter_names: syscall.names.length > 0 ? 1 : 0,
      left_out: leftOut(syscall.names),
      filter_pids: pids.length > 0 ? 1 : 0,
      filter_comms: comms.length > 0 ? 1 : 0,
    },
    sets: {
      pids: pids.map((tgid) => new Uint8Array(Uint32Array.of(tgid).buffer)),
      comms: comms.map(commKey),
    },
    ...(options.limits === undefined ? {} : { sizes: { waiting: options.limits.threads } }),
    without: aggregateMaps,
    ringSize: streamRingSize,
  };
}

function startStream(context: SignalContext): Handlers<SyscallEvent> {
  const { identity } = context;
  const metrics = new SyscallMetrics(context);
  const tally = new CallTally(identity, ({ actor, nr, error, nanoseconds, slots }) => {
    identity.seen(actor);
    const subject = identity.subject(actor);
    const count = metrics.add(subject, identity.comm(actor), nr, slots, nanoseconds);
    if (error !== 0) {
      metrics.addErrors(subject, nr, error, count);
    }
  });
  const empty = (): void => {
    tally.empty();
  };
  const agent = context.iterator("syscall_agent", "running");
  return {
    records(batch) {
      while (batch.next()) {
        tally.add(batch.record);
      }
    },
    attached() {
      // The kernel side leaves out the process that reads this iterator, and reports no call before it knows that one.
      while (agent.read(8) > 0);
    },
    collect: empty,
    settle: empty,
  };
}

function start(context: SignalContext, options: SignalOptions): Handlers<SyscallEvent> {
  return isStream(options) ? startStream(context) : startAggregate(context);
}

function fields(event: SyscallEvent): Record<string, TraceValue> {
  return {
    syscall: syscallName(event.nr),
    ret: event.ret,
    error: event.error === 0 ? undefined : errnoName(event.error),
    duration_seconds: event.duration / 1e9,
  };
}

export const syscall: Signal<SyscallEvent> = {
  name: "syscall",
  summary: "system calls by name: how many, how long, which errors",
  record: SyscallEvent,
  otherRecords: [CallLine, ErrorKey],
  hooks: [{ name: "tp_btf", without: [] }],
  setup,
  start,
  trace: {
    types: { syscall: "string", ret: "integer", error: "string", duration_seconds: "number" },
    outcome: ["syscall", "error"],
    failed: ({ error }) => error !== 0,
    columns: [
      { field: "syscall", heading: "SYSCALL", width: 20 },
      { field: "duration_seconds", heading: "DURATION", width: 12 },
      { field: "error", heading: "ERROR", width: 14 },
      { field: "ret", heading: "RETURNED", width: 0 },
    ],
    fields,
  },
};
