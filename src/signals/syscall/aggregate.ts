/** System calls that the kernel counts: what its maps (bpf/syscall/call_counts.h) have grown by, as metrics. */
import type { Owner, Running, SignalContext } from "ringtap/signal";
import { setImmediate as nextTurn } from "node:timers/promises";

import type { SyscallEvent } from "./records.js";
import { SyscallMetrics } from "./metrics.js";

/** In place of a tgid: the processes that found no room. OTHER_TGID of bpf/syscall/call_counts.h. */
const otherTgid = 0xffffffff;

/** Numbers that are kept of a failure: tgid, call, errno, how often. */
const failureNumbers = 4;

/** Bytes that they take; an array grows by half. */
const failureBytes = 1.5 * 8 * failureNumbers;

/** Failures that are added to the metrics at a stretch. */
const failuresAtOnce = 2_000;

/** By the state of the process. */
const owners = { active: "alive", ended: "ended", unknown: "unknown" } as const;

/** The labels of a process, as ids of Identity's dimensions. */
interface Labels {
  readonly subject: number;
  readonly comm: number;
}

/** Reads the counts of the kernel. What has no process there, for want of room, belongs to `~other`. */
export function startAggregate(context: SignalContext): Running<SyscallEvent> {
  const { identity } = context;
  const metrics = new SyscallMetrics(context);
  /** A process can be in the counts before the record of its fork has been read. */
  const owner = ([tgid = 0]: Uint32Array): Owner =>
    tgid === otherTgid ? "alive" : owners[identity.stateOf(tgid) ?? "unknown"];
  const calls = context.counters("calls", { keys: "lines", owner });
  const errors = ["errors", "errors_overflow"].map((name) => context.counters(name, { owner }));
  let collected = 0;
  /** Of the processes in this reading: should one be renamed while it goes on, its failures still count where its calls do. */
  const labels = new Map<number, Labels>();
  /** Failures that have been read, and how many of these numbers have been added to the metrics. */
  const failures: number[] = [];
  let added = 0;

  function labelsOf(tgid: number): Labels {
    let found = labels.get(tgid);
    if (found === undefined) {
      const actor = tgid === otherTgid ? undefined : identity.ofProcess(tgid);
      found =
        actor === undefined
          ? { subject: identity.subjects.other, comm: identity.comms.other }
          : { subject: identity.subject(actor), comm: identity.comm(actor) };
      labels.set(tgid, found);
    }
    return found;
  }

  /** The key is a call_key() of bpf/syscall/call_counts.h, `differences` a line: nanoseconds, then the slots. */
  function takeCalls([tgid = 0, nr = 0]: Uint32Array, differences: Float64Array): void {
    const { subject, comm } = labelsOf(tgid);
    const [nanoseconds = 0] = differences;
    collected += metrics.add(subject, comm, nr, differences.subarray(1), nanoseconds);
  }

  /** The key is a struct error_key. */
  function noteErrors([tgid = 0, nr = 0, error = 0]: Uint32Array, [count = 0]: Float64Array): void {
    failures.push(tgid, nr, error, count);
  }

  /** Adds failures that were noted to the metrics; false when there are no more. */
  function addSome(): boolean {
    const end = Math.min(failures.length, added + failureNumbers * failuresAtOnce);
    for (; added < end; added += failureNumbers) {
      const { subject } = labelsOf(failures[added] as number);
      metrics.addErrors(
        subject,
        failures[added + 1] as number,
        failures[added + 2] as number,
        failures[added + 3] as number,
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
   * error does, so that nobody ever sees more errors than calls.
   */
  async function readMaps(): Promise<void> {
    labels.clear();
    for (const map of errors) {
      while (map.readSome(noteErrors)) {
        await nextTurn();
      }
    }
    while (calls.readSome(takeCalls)) {
      await nextTurn();
    }
    while (addSome()) {
      await nextTurn();
    }
  }

  return {
    collect: readMaps,
    maintain: readMaps,
    stats: () => ({
      collected,
      mapEntries: [calls, ...errors].map(({ name, size }) => [name, size] as const),
      memoryAtLimit:
        calls.memoryAtLimit +
        errors.reduce((bytes, { capacity, memoryAtLimit }) => bytes + memoryAtLimit + capacity * failureBytes, 0),
    }),
  };
}
