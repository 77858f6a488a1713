/** syscall: every system call by process and name, counted in the kernel (aggregate) or sent one by one (stream). */
import { pid } from "node:process";

import { CallLine, ErrorKey, SyscallEvent } from "../generated/syscall.js";
import { Dimension } from "../metrics/dimension.js";
import { RowCache } from "../metrics/row-cache.js";
import { CountDifferences, type Owner } from "./count-differences.js";
import { countsOfHash, countsOfLines } from "./count-source.js";
import { errnoName } from "./errno.js";
import type { Handlers, Setup, Signal, SignalContext, SignalOptions, TraceValue } from "./signal.js";
import { indexCount, syscallIndex, syscallName, syscallNumber } from "./syscall-names.js";

/** The slots of call_line stand for 2^8 ns, 2^9 ns, …: FIRST_POWER of bpf/lib/call_counts.h. */
const firstPower = 8;
const powers = firstPower + CallLine.slotsLength;

/** COMM_LEN of bpf/lib/task.h. */
const commLength = 16;

const aggregateMaps = ["calls", "lines", "errors", "errors_overflow"];

/** In place of a tgid: the processes that found no room. OTHER_TGID of bpf/lib/call_counts.h. */
const otherTgid = 0xffffffff;

function isStream(options: SignalOptions): boolean {
  return options.mode === "trace" || options.syscall.mode === "stream";
}

/** The bitmap `names` of bpf/syscall.bpf.c. Throws for a name that no system call has. */
function namesBitmap(names: readonly string[]): Uint8Array {
  const bitmap = new Uint8Array(indexCount / 8);
  for (const name of names) {
    const nr = syscallNumber(name);
    if (nr === undefined) {
      throw new Error(`system call ${JSON.stringify(name)}: there is none of this name on ${process.arch}`);
    }
    const index = syscallIndex(nr);
    bitmap[index >>> 3] = (bitmap[index >>> 3] as number) | (1 << (index & 7));
  }
  return bitmap;
}

function commKey(comm: string): Uint8Array {
  const key = new Uint8Array(commLength);
  key.set(new TextEncoder().encode(comm).subarray(0, commLength - 1));
  return key;
}

function setup(options: SignalOptions): Setup {
  if (!isStream(options)) {
    return {};
  }
  const { syscall, pids, comms } = options;
  return {
    constants: {
      stream: 1,
      min_duration_ns: syscall.minDuration,
      errors_only: syscall.errorsOnly ? 1 : 0,
      filter_names: syscall.names.length > 0 ? 1 : 0,
      names: namesBitmap(syscall.names),
      filter_pids: pids.length > 0 ? 1 : 0,
      filter_comms: comms.length > 0 ? 1 : 0,
      own_tgid: pid,
    },
    sets: {
      pids: pids.map((tgid) => new Uint8Array(Uint32Array.of(tgid).buffer)),
      comms: comms.map(commKey),
    },
    without: aggregateMaps,
  };
}

function declareMetrics({ catalog, identity }: SignalContext) {
  const syscall = new Dimension(["syscall"]);
  const failure = new Dimension(["syscall", "errno"]);
  /** By syscallIndex. */
  const calls: number[] = [];
  /** By syscallIndex and errno, which is below 4096. */
  const failures = new Map<number, number>();
  return {
    /** The label of a marked number. */
    call(nr: number): number {
      return (calls[syscallIndex(nr)] ??= syscall.intern(syscallName(nr)));
    },
    failure(nr: number, errno: number): number {
      const key = syscallIndex(nr) * 4096 + errno;
      let label = failures.get(key);
      if (label === undefined) {
        label = failure.intern(syscallName(nr), errnoName(errno));
        failures.set(key, label);
      }
      return label;
    },
    total: catalog.counter({
      name: "ringtap_syscalls_total",
      help: "System calls that have returned.",
      subject: identity.subjects,
      detail: syscall,
    }),
    errors: catalog.counter({
      name: "ringtap_syscall_errors_total",
      help: "System calls that returned an error. ERESTARTSYS and the like: interrupted, then restarted or EINTR.",
      subject: identity.subjects,
      detail: failure,
    }),
    seconds: catalog.counter({
      name: "ringtap_syscall_seconds_total",
      help: "Time spent in system calls that have returned, waiting included.",
      subject: identity.subjects,
      detail: syscall,
    }),
    duration: catalog.histogram({
      name: "ringtap_syscall_duration_seconds",
      help: "Duration of system calls that have returned.",
      subject: identity.comms,
      detail: syscall,
      firstPower,
    }),
  };
}

type Metrics = ReturnType<typeof declareMetrics>;

function startStream({ identity }: SignalContext, metrics: Metrics): Handlers<SyscallEvent> {
  const { total, seconds, duration } = metrics;
  /** Rows of `total`, `seconds` and `duration` by actor and number. */
  const cache = new RowCache();
  let generation = identity.generation;

  function lookUp(actor: number, nr: number): number {
    const subject = identity.subject(actor);
    const call = metrics.call(nr);
    const foldedBefore = total.folded + seconds.folded + duration.folded;
    const at = cache.enter(actor, nr);
    cache.rows[at] = total.row(subject, call);
    cache.rows[at + 1] = seconds.row(subject, call);
    cache.rows[at + 2] = duration.row(identity.comm(actor), call);
    if (total.folded + seconds.folded + duration.folded !== foldedBefore) {
      // Each update that is folded is to be counted as such.
      cache.forget(at);
    }
    return at;
  }

  return {
    record(event) {
      const { nr, error, duration: nanoseconds } = event;
      const actor = identity.of(event);
      if (identity.generation !== generation) {
        generation = identity.generation;
        cache.clear();
      }
      const found = cache.find(actor, nr);
      const at = found < 0 ? lookUp(actor, nr) : found;
      const { rows } = cache;
      total.addAt(rows[at] as number, 1);
      seconds.addAt(rows[at + 1] as number, nanoseconds / 1e9);
      duration.observeAt(rows[at + 2] as number, nanoseconds);
      if (error !== 0) {
        metrics.errors.add(identity.subject(actor), metrics.failure(nr, error), 1);
      }
    },
  };
}

/** Reads the counts of the kernel. What has no process there, for want of room, belongs to `~other`. */
function startAggregate(context: SignalContext, metrics: Metrics): Handlers<SyscallEvent> {
  const { identity } = context;
  const calls = new CountDifferences(countsOfLines(context.map("calls"), context.map("lines")));
  const errors = ["errors", "errors_overflow"].map((name) => new CountDifferences(countsOfHash(context.map(name))));
  /** Calls by power of two: those below the first stay 0. */
  const durations = new Float64Array(powers);
  let collected = 0;

  /** A process can be in the counts before the record of its fork has been read. */
  const owner = (tgid: number): Owner =>
    identity.hasExited(tgid) ? "gone" : tgid === otherTgid || identity.isKnown(tgid) ? "here" : "unknown";
  const subjectOf = (tgid: number): number =>
    tgid === otherTgid ? identity.subjects.other : identity.subject(identity.ofProcess(tgid));
  const commOf = (tgid: number): number =>
    tgid === otherTgid ? identity.comms.other : identity.comm(identity.ofProcess(tgid));

  /** The key is a call_key() of bpf/lib/call_counts.h, `differences` a line: nanoseconds, then calls by power. */
  function takeCalls(key: Uint32Array, differences: Float64Array): void {
    const tgid = key[0] as number;
    const call = metrics.call(key[1] as number);
    const nanoseconds = differences[0] as number;
    let count = 0;
    for (let slot = 0; slot < CallLine.slotsLength; slot++) {
      const n = differences[1 + slot] as number;
      durations[firstPower + slot] = n;
      count += n;
    }
    const subject = subjectOf(tgid);
    metrics.total.add(subject, call, count);
    metrics.seconds.add(subject, call, nanoseconds / 1e9);
    const { duration } = metrics;
    duration.addSlots(duration.row(commOf(tgid), call), durations, nanoseconds);
    collected += count;
  }

  /** The key is a struct error_key. */
  function takeErrors(key: Uint32Array, differences: Float64Array): void {
    const failure = metrics.failure(key[1] as number, key[2] as number);
    metrics.errors.add(subjectOf(key[0] as number), failure, differences[0] as number);
  }

  function readMaps(): void {
    // Errors first: a call counts before its error does, so that no scrape shows more errors than calls.
    for (const map of errors) {
      map.read(takeErrors, owner);
    }
    calls.read(takeCalls, owner);
  }

  return {
    collect: readMaps,
    relieve: readMaps,
    collected: () => collected,
    mapEntries: () => [calls, ...errors].map(({ name, size }) => [name, size]),
  };
}

function start(context: SignalContext, options: SignalOptions): Handlers<SyscallEvent> {
  const metrics = declareMetrics(context);
  return isStream(options) ? startStream(context, metrics) : startAggregate(context, metrics);
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
    columns: [
      { field: "syscall", heading: "SYSCALL", width: 20 },
      { field: "duration_seconds", heading: "DURATION", width: 12 },
      { field: "error", heading: "ERROR", width: 14 },
      { field: "ret", heading: "RETURNED", width: 0 },
    ],
    fields,
  },
};
