/** The metrics of system calls, and how calls come into them that were counted elsewhere first. */
import {
  Dimension,
  errnoName,
  type HistogramTable,
  type SignalContext,
  syscallIndex,
  syscallName,
  type ValueTable,
} from "ringtap/signal";
import { CallLine } from "./records.js";

/** Calls are counted in slots, here and in the kernel: at most 2^-22 s, 2^-21 s, … (FIRST_POWER of bpf/syscall/call_counts.h). */
export const firstPower = -22;
export const callSlots = CallLine.slotsLength;

/**
 * Pairs of call and errno that are counted separately; further ones are `~other` in both. Busy machines have some hundreds, but with a
 * seccomp filter of its own any process can make each of its calls fail by each of 4095 numbers, and labels stay.
 */
const mostFailures = 8_192;

/** How calls are timed, in the order of enum timing of bpf/syscall/call_timing.h. */
export const timings = ["all", "sampled", "off"] as const;
export type Timing = (typeof timings)[number];

/** The one of a name. Throws where there is none. */
export function timingOf(name: string): Timing {
  const timing = timings.find((each) => each === name);
  if (timing === undefined) {
    throw new Error(`depth ${JSON.stringify(name)}: want ${timings.join(", ")}`);
  }
  return timing;
}

/** The names and help texts of what tells durations. An estimate has names of its own: it must not look exact. */
const durations = {
  all: {
    seconds: "ringtap_syscall_seconds_total",
    secondsHelp: "Time spent in system calls that have returned, waiting included.",
    duration: "ringtap_syscall_duration_seconds",
    durationHelp: "Duration of system calls that have returned.",
  },
  sampled: {
    seconds: "ringtap_syscall_estimated_seconds_total",
    secondsHelp:
      "Estimated time spent in system calls: 1 in 8 of those that keep their CPU, times 8, and all others from when they leave it.",
    duration: "ringtap_syscall_estimated_duration_seconds",
    durationHelp:
      "Estimated distribution of the durations of system calls: 1 in 8 of those that keep their CPU, times 8, and all others.",
  },
};

/** The names of the metrics that tell durations; `undefined` when calls are not timed. */
export function durationNames(timing: Timing): { readonly seconds: string; readonly duration: string } | undefined {
  return timing === "off" ? undefined : durations[timing];
}

/** The metrics that tell durations. */
interface Timed {
  readonly seconds: ValueTable;
  readonly duration: HistogramTable;
}

/** Declares the metrics. */
export class SyscallMetrics {
  readonly #syscall = new Dimension(["syscall"]);
  readonly #failure = new Dimension(["syscall", "errno"]);
  /** Their labels: of a call, by syscallIndex; of a failure, by syscallIndex and errno, which is below 4096. */
  readonly #callLabels: number[] = [];
  readonly #failureLabels = new Map<number, number>();
  readonly #total: ValueTable;
  readonly #errors: ValueTable;
  /** By how calls are timed. */
  readonly #timed = new Map<Timing, Timed>();

  /** For calls that are timed in these ways, now or later. */
  constructor({ metrics, identity }: SignalContext, used: readonly Timing[]) {
    // Written before the calls, of which more may come while a long scrape is written: never more errors than calls.
    this.#errors = metrics.counter({
      name: "ringtap_syscall_errors_total",
      help: "System calls that returned an error. ERESTARTSYS and its kin: interrupted by a POSIX signal, then restarted or EINTR.",
      subject: identity.subjects,
      detail: this.#failure,
    });
    this.#total = metrics.counter({
      name: "ringtap_syscalls_total",
      help: "System calls that have returned.",
      subject: identity.subjects,
      detail: this.#syscall,
    });
    for (const timing of used) {
      if (timing === "off") {
        continue;
      }
      const { seconds, secondsHelp, duration, durationHelp } = durations[timing];
      this.#timed.set(timing, {
        seconds: metrics.counter({
          name: seconds,
          help: secondsHelp,
          subject: identity.subjects,
          detail: this.#syscall,
        }),
        duration: metrics.histogram({
          name: duration,
          help: durationHelp,
          subject: identity.comms,
          detail: this.#syscall,
          firstPower,
        }),
      });
    }
  }

  /**
   * Adds calls of one number: how many, how they were timed, how many durations fell into each slot, in `slots` from index `from` on, and their
   * sum. With calls that are sampled, slots and sum are estimates.
   */
  add(
    subject: number,
    comm: number,
    nr: number,
    calls: number,
    timing: Timing,
    slots: ArrayLike<number>,
    nanoseconds: number,
    from = 0,
  ): void {
    const call = (this.#callLabels[syscallIndex(nr)] ??= this.#syscall.intern(syscallName(nr)));
    this.#total.add(subject, call, calls);
    const timed = this.#timed.get(timing);
    if (timed !== undefined) {
      const { seconds, duration } = timed;
      duration.addSlots(duration.row(comm, call), firstPower, slots, nanoseconds, from);
      seconds.add(subject, call, nanoseconds / 1e9);
    }
  }

  /** Adds `count` calls that failed; they are among those given to {@link add}. */
  addErrors(subject: number, nr: number, errno: number, count: number): void {
    this.#errors.add(subject, this.#failureLabel(nr, errno), count);
  }

  #failureLabel(nr: number, errno: number): number {
    const key = syscallIndex(nr) * 4096 + errno;
    let failure = this.#failureLabels.get(key);
    if (failure === undefined) {
      if (this.#failureLabels.size === mostFailures) {
        return this.#failure.other;
      }
      failure = this.#failure.intern(syscallName(nr), errnoName(errno));
      this.#failureLabels.set(key, failure);
    }
    return failure;
  }
}

/** The sum of the slots, from index `from` on: the calls that were timed. */
export function sumOf(slots: Float64Array | Uint32Array, from = 0): number {
  let sum = 0;
  for (let at = from; at < slots.length; at++) {
    sum += slots[at] as number;
  }
  return sum;
}
