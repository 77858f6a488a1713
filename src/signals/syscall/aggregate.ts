/** System calls that the kernel counts: what its maps (bpf/syscall/call_counts.h) have grown by, as metrics. */
import {
  otherTgid,
  processOwner,
  readCounters,
  type Running,
  type SignalContext,
  type SignalStats,
  startInKey,
} from "ringtap/signal";
import { setImmediate as nextTurn } from "node:timers/promises";

import type { SyscallEvent } from "./records.js";
import type { CallTiming } from "./call-timing.js";
import { sumOf, SyscallMetrics, type Timing, timingOf } from "./metrics.js";
import { viewsOf } from "./views.js";

/** Numbers that are kept of a failure: tgid, start, call, errno, how often. */
const failureNumbers = 5;

/** Bytes that they take; an array grows by half. */
const failureBytes = 1.5 * 8 * failureNumbers;

/** Failures that are added to the metrics at a stretch. */
const failuresAtOnce = 500;

/** Where the two words of a process's start are in the keys: struct process_key and struct error_key of bpf/syscall/call_counts.h. */
const callStart = 2;
const errorStart = 4;

/** Where a line's counts are: nanoseconds, calls, and from here on the slots. */
const [nanosecondsAt, callsAt, slotsAt] = [0, 1, 2];

/** Of the first three counts of a line one grows with each call: it takes time, is counted as such, or is in the first slot. */
const telling = 3;

/** The labels of a process, as ids of Identity's dimensions. */
interface Labels {
  /** Nanoseconds of CLOCK_MONOTONIC: a tgid is given to another process as soon as one has ended. */
  readonly start: number;
  readonly subject: number;
  readonly comm: number;
}

/** The counts of the kernel. */
export interface KernelCounts {
  /** Adds what they have grown by to the metrics. */
  read(): Promise<void>;
  /** Calls that have been added. */
  readonly collected: number;
  stats(): Pick<SignalStats, "mapEntries"> & { readonly memoryAtLimit: number };
}

/**
 * Opens the counts of the kernel, whose calls are timed as `timing` says. What has no process there, beyond the maps' capacity, belongs to
 * `~other`.
 */
export function openKernelCounts(context: SignalContext, metrics: SyscallMetrics, timing: CallTiming): KernelCounts {
  const { identity } = context;
  const calls = context.counters("calls", { keys: "lines", telling, owner: processOwner(identity, callStart) });
  const errors = ["errors", "errors_overflow"].map((name) =>
    context.counters(name, { owner: processOwner(identity, errorStart) }),
  );
  let collected = 0;
  /** What the durations are that are being read. */
  let readAs: Timing = timing.now;
  /**
   * Of the processes in this reading, by tgid: should one be renamed while it goes on, its failures still count where its calls do.
   */
  const labels = new Map<number, Labels[]>();
  /** Failures that have been read, and how many of these numbers have been added to the metrics. */
  const failures: number[] = [];
  let added = 0;

  function labelsOf(tgid: number, start: number): Labels {
    let known = labels.get(tgid);
    if (known === undefined) {
      labels.set(tgid, (known = []));
    }
    for (const each of known) {
      if (each.start === start) {
        return each;
      }
    }
    const actor = tgid === otherTgid ? undefined : identity.ofProcess(tgid, start);
    const found =
      actor === undefined
        ? { start, subject: identity.subjects.other, comm: identity.comms.other }
        : { start, subject: identity.subject(actor), comm: identity.comm(actor) };
    known.push(found);
    return found;
  }

  /** The key is a struct process_key of bpf/include/ringtap/counts.h, `differences` a line. */
  function takeCalls(key: Uint32Array, differences: Float64Array): void {
    const { subject, comm } = labelsOf(key[0] as number, startInKey(key, callStart));
    const isSummed = timing.now === "all" && !timing.canChange;
    const calls = isSummed ? sumOf(differences, slotsAt) : (differences[callsAt] as number);
    const nanoseconds = differences[nanosecondsAt] as number;
    metrics.add(subject, comm, key[1] as number, calls, readAs, differences, nanoseconds, slotsAt);
    collected += calls;
  }

  /** The key is a struct error_key. */
  function noteErrors(key: Uint32Array, differences: Float64Array): void {
    const start = startInKey(key, errorStart);
    failures.push(key[0] as number, start, key[1] as number, key[2] as number, differences[0] as number);
  }

  /** Adds failures that were noted to the metrics; false when there are no more. */
  function addSome(): boolean {
    const end = Math.min(failures.length, added + failureNumbers * failuresAtOnce);
    for (; added < end; added += failureNumbers) {
      const { subject } = labelsOf(failures[added] as number, failures[added + 1] as number);
      metrics.addErrors(
        subject,
        failures[added + 2] as number,
        failures[added + 3] as number,
        failures[added + 4] as number,
      );
    }
    if (added < failures.length) {
      return true;
    }
    failures.length = 0;
    added = 0;
    return false;
  }

  /**
   * Reads the maps, with a turn of the event loop after each piece. Errors are read first and added last: a call counts before its
   * error does, so that a scrape never shows more errors than calls.
   */
  async function readMaps(): Promise<void> {
    labels.clear();
    for (const map of errors) {
      await readCounters(map, noteErrors);
    }
    const reading = timing.beginRead();
    readAs = reading.as;
    await readCounters(calls, takeCalls);
    reading.end();
    while (addSome()) {
      await nextTurn();
    }
  }

  return {
    read: readMaps,
    get collected() {
      return collected;
    },
    stats: () => ({
      mapEntries: [calls, ...errors].map(({ name, size }) => [name, size] as const),
      memoryAtLimit:
        calls.memoryAtLimit +
        errors.reduce((bytes, { capacity, memoryAtLimit }) => bytes + memoryAtLimit + capacity * failureBytes, 0),
    }),
  };
}

/** All calls are counted in the kernel. */
export function startAggregate(context: SignalContext, timing: CallTiming): Running<SyscallEvent> {
  const counts = openKernelCounts(context, new SyscallMetrics(context, timing.possible), timing);
  return {
    get views() {
      return viewsOf(timing.now);
    },
    collect: () => counts.read(),
    maintain: () => counts.read(),
    maintainMayWait: true,
    stats: () => ({ ...counts.stats(), collected: counts.collected }),
    atDepth(depth) {
      timing.change(timingOf(depth));
    },
  };
}
