/**
 * Run-queue delays that the kernel counts (bpf/sched/delays.h): those of threads that are there, by a scan of them, and those of threads
 * that have ended, by what its lines have grown by.
 */
import {
  actorKeyAt,
  type Counters,
  type HistogramTable,
  processOwner,
  readCounters,
  type SignalContext,
} from "ringtap/signal";

import { SchedThread } from "./records.js";

/** Slots are counted from 2^-20 s on, up to 4 s: FIRST_POWER and SLOTS of bpf/sched/delays.h. */
const firstPower = -20;
const lastPower = 2;

/** The sum, ns, and then how many are in each slot. */
const length = 1 + SchedThread.delaysLength;

/** Bytes of a process's delays, roughly. */
export const delayBytes = 3 * length * 8 + 200;

/** The delays of a process. In each array the sum, ns, comes first, and then how many are in each slot. */
export class ProcessDelays {
  /** Of threads that have ended, or have no place of their own. */
  readonly ended = new Float64Array(length);
  /** Of those that the last scan has shown. */
  readonly present = new Float64Array(length);
  /** What has been counted. */
  readonly shown = new Float64Array(length);

  /** A scan shows one of its threads. */
  add(thread: SchedThread): void {
    const { present } = this;
    (present[0] as number) += thread.delay;
    for (let slot = 0; slot < SchedThread.delaysLength; slot++) {
      (present[1 + slot] as number) += thread.delays(slot);
    }
  }
}

/** Declares the histogram and adds to it. */
export class Delays {
  readonly #table: HistogramTable;
  readonly #grown = new Float64Array(length);
  readonly counters: Counters;
  /** Delays that have records, and have not been left out of `collected` yet. */
  #withRecord = 0;
  /** Delays that have been counted and had no record: the account has the others. */
  collected = 0;

  constructor(context: SignalContext) {
    const { metrics, identity } = context;
    this.#table = metrics.histogram({
      name: "ringtap_sched_run_queue_delay_seconds",
      help: "Time that threads waited for a CPU, each time that they were given one.",
      subject: identity.subjects,
      firstPower,
      lastPower,
    });
    // A thread can be given a CPU after its exit has been reported.
    this.counters = context.counters("delays", {
      keys: "lines",
      owner: processOwner(identity, actorKeyAt.start),
      outlivesOwner: true,
    });
  }

  /** Reads the lines: `take` gets keys, struct actor_key, and what each line has grown by: the sum, and then the slots. */
  read(take: (key: Uint32Array, grown: Float64Array) => void): Promise<void> {
    const grown = new Float64Array(length);
    return readCounters(this.counters, (key, [sum = 0, withRecord = 0, ...slots]) => {
      this.#withRecord += withRecord;
      grown[0] = sum;
      grown.set(slots, 1);
      take(key, grown);
    });
  }

  /** Counts what a process has had since it was counted last; `isPresent`: as a whole scan shows it. */
  count(subject: number, { ended, present, shown }: ProcessDelays, isPresent: boolean): void {
    const grown = this.#grown;
    let hasGrown = false;
    for (let at = 0; at < length; at++) {
      const now = (ended[at] as number) + (isPresent ? (present[at] as number) : 0);
      const more = now - (shown[at] as number);
      grown[at] = more > 0 ? more : 0;
      if (more > 0) {
        shown[at] = now;
        hasGrown = true;
      }
    }
    if (hasGrown) {
      this.add(subject, grown);
    }
  }

  /** Counts delays: the sum, ns, and then how many are in each slot. */
  add(subject: number, delays: Float64Array): void {
    const table = this.#table;
    const added = table.addSlots(table.row(subject), firstPower, delays, delays[0] as number, 1);
    const withRecord = Math.min(added, this.#withRecord);
    this.#withRecord -= withRecord;
    this.collected += added - withRecord;
  }
}
