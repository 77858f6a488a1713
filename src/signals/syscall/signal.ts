/** syscall: every system call by process and name, counted in the kernel (aggregate) or sent one by one (stream). */
import {
  defineSignal,
  errnoName,
  type FlagValues,
  indexCount,
  log2Ceil,
  objectFile,
  type Running,
  type Setup,
  type SignalContext,
  type SignalHost,
  syscallIndex,
  syscallName,
  syscallNumber,
  type TraceValue,
} from "ringtap/signal";
import { CallLine, ErrorKey, SyscallEvent } from "./records.js";
import { flags } from "./flags.js";
import { CallTally } from "./call-tally.js";
import { openKernelCounts, startAggregate } from "./aggregate.js";
import { CallTiming } from "./call-timing.js";
import { sumOf, SyscallMetrics, type Timing, timingOf, timings } from "./metrics.js";
import { viewsOf } from "./views.js";

/** COMM_LEN of bpf/include/ringtap/task.h. */
const commLength = 16;

/** What bpf/syscall/call_counts.h counts in. */
const countMaps = ["calls", "lines", "errors", "errors_overflow"];

/** As a stream: at a million calls a second, room for 50 ms. */
const streamRingSize = 4 * 2 ** 20;

/** So many are tried for a pair: PROBES of bpf/syscall/call_counts.h. */
const fewestLines = 16;

type Values = FlagValues<typeof flags>;

function isStream({ mode }: Values, host: SignalHost): boolean {
  return host.mode === "trace" || mode === "stream";
}

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

/** The maps of counts for so many pairs of a process and a call (bpf/syscall/call_counts.h): twice as many can fail. */
function countsSetup({ countsLimit, threadsLimit }: Values) {
  const lines = 2 ** log2Ceil(Math.max(countsLimit, fewestLines));
  const sizes = { calls: lines + indexCount, lines: lines + indexCount, errors: 2 * lines, waiting: threadsLimit };
  return { sizes, constants: { call_lines: lines } };
}

/** Ways to time calls, from the one of the flags on: each costs less than the one before. */
function depthsFrom(timing: Timing): readonly Timing[] {
  return timings.slice(timings.indexOf(timing));
}

/** In stream mode each record has its duration, whatever the flag says. */
function depths({ mode, timing }: Values): readonly string[] {
  return mode === "stream" ? [] : depthsFrom(timing);
}

function setup(values: Values, host: SignalHost): Setup {
  const counts = countsSetup(values);
  if (!isStream(values, host)) {
    const { depth } = host;
    const constants = { ...counts.constants, timing: timings.indexOf(values.timing) };
    if (depth === undefined) {
      return { ...counts, constants, ringSize: 0 };
    }
    const variables = { timing_now: timings.indexOf(timingOf(depth)) };
    return { ...counts, constants: { ...constants, timing_changes: 1 }, variables, ringSize: 0 };
  }
  const { minDuration, errorsOnly, names, threadsLimit } = values;
  const pids = [...values.pids, ...host.only.pids];
  const comms = [...values.comms, ...host.only.comms];
  // What has no record is counted, but for the trace: it shows records.
  const isCounting = host.mode !== "trace";
  return {
    sizes: isCounting ? counts.sizes : { waiting: threadsLimit },
    constants: { ...(isCounting && counts.constants), stream: 1, counting: isCounting ? 1 : 0 },
    without: isCounting ? [] : countMaps,
    variables: {
      min_duration_ns: minDuration,
      errors_only: errorsOnly ? 1 : 0,
      filter_names: names.length > 0 ? 1 : 0,
      left_out: leftOut(names),
      filter_pids: pids.length > 0 ? 1 : 0,
      filter_comms: comms.length > 0 ? 1 : 0,
    },
    sets: {
      pids: pids.map((tgid) => new Uint8Array(Uint32Array.of(tgid).buffer)),
      comms: comms.map(commKey),
    },
    ringSize: streamRingSize,
  };
}

/** Filters leave records out, and the aggregate mode has none; a record has its duration. */
function validate(values: Values) {
  const { mode, timing, minDuration, errorsOnly, names, pids, comms } = values;
  const inUse: readonly [flag: keyof Values, isUsed: boolean][] = [
    ["minDuration", minDuration > 0],
    ["errorsOnly", errorsOnly],
    ["names", names.length > 0],
    ["pids", pids.length > 0],
    ["comms", comms.length > 0],
  ];
  if (mode === "stream" && timing === "off") {
    return {
      flag: "timing" as const,
      problem: "needs --syscall.mode aggregate: the records of stream mode have their duration",
    };
  }
  const [flag] = (mode === "stream" ? undefined : inUse.find(([, isUsed]) => isUsed)) ?? [];
  return flag && { flag, problem: "filters the records of stream mode: add --syscall.mode stream" };
}

function startStream(context: SignalContext): Running<SyscallEvent> {
  const { identity } = context;
  const timing = new CallTiming(["all"]);
  const metrics = new SyscallMetrics(context, timing.possible);
  const tally = new CallTally(identity, ({ actor, nr, error, nanoseconds, slots }) => {
    identity.seen(actor);
    const subject = identity.subject(actor);
    const calls = sumOf(slots);
    metrics.add(subject, identity.comm(actor), nr, calls, "all", slots, nanoseconds);
    if (error !== 0) {
      metrics.addErrors(subject, nr, error, calls);
    }
  });
  const empty = (): void => {
    tally.empty();
  };
  // Calls that have no record, being sampled or finding the ring full. Not `collected`: their records have been dropped.
  const counts = context.host.mode === "trace" ? undefined : openKernelCounts(context, metrics, timing);
  const agent = context.scan("syscall_agent", SyscallEvent, "further_cpus");
  return {
    records(batch) {
      while (batch.next()) {
        tally.add(batch.record);
      }
    },
    async attached() {
      // The kernel side leaves out the process that reads this iterator, and reports no call before it knows that one.
      await agent.run(() => undefined);
    },
    async collect() {
      empty();
      await counts?.read();
    },
    maintain: () => counts?.read(),
    flush: empty,
    stats: () => counts?.stats() ?? {},
  };
}

function start(context: SignalContext, values: Values): Running<SyscallEvent> {
  if (isStream(values, context.host)) {
    return startStream(context);
  }
  const [first, ...others] = [values.timing, ...depthsFrom(values.timing).slice(1)] as const;
  return startAggregate(context, new CallTiming(context.host.depth === undefined ? [first] : [first, ...others]));
}

function fields(event: SyscallEvent): Record<string, TraceValue> {
  return {
    syscall: syscallName(event.nr),
    ret: event.ret,
    error: event.error === 0 ? undefined : errnoName(event.error),
    duration_seconds: event.duration / 1e9,
  };
}

export const syscall = defineSignal({
  api: 1,
  name: "syscall",
  summary: "system calls by name: how many, how long, which errors",
  object: objectFile(import.meta.url, "syscall"),
  flags,
  ring: { record: SyscallEvent },
  records: [CallLine, ErrorKey],
  validate,
  depths,
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
  views: viewsOf("all"),
});
