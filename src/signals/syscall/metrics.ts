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

/** Declares the metrics. */
export class SyscallMetrics {
  readonly #syscall = new Dimension(["syscall"]);
  readonly #failure = new Dimension(["syscall", "errno"]);
  /** Their labels: of a call, by syscallIndex; of a failure, by syscallIndex and errno, which is below 4096. */
  readonly #callLabels: number[] = [];
  readonly #failureLabels = new Map<number, number>();
  readonly #total: ValueTable;
  readonly #errors: ValueTable;
  readonly #seconds: ValueTable;
  readonly #duration: HistogramTable;

  constructor({ metrics, identity }: SignalContext) {
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
    this.#seconds = metrics.counter({
      name: "ringtap_syscall_seconds_total",
      help: "Time spent in system calls that have returned, waiting included.",
      subject: identity.subjects,
      detail: this.#syscall,
    });
    this.#duration = metrics.histogram({
      name: "ringtap_syscall_duration_seconds",
      help: "Duration of system calls that have returned.",
      subject: identity.comms,
      detail: this.#syscall,
      firstPower,
    });
  }

  /** Adds calls of one number: how many fell into each slot, and their time. Returns how many calls that was. */
  add(subject: number, comm: number, nr: number, slots: ArrayLike<number>, nanoseconds: number): number {
    const call = (this.#callLabels[syscallIndex(nr)] ??= this.#syscall.intern(syscallName(nr)));
    const count = this.#duration.addSlots(this.#duration.row(comm, call), firstPower, slots, nanoseconds);
    this.#total.add(subject, call, count);
    this.#seconds.add(subject, call, nanoseconds / 1e9);
    return count;
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
