/** Run-queue delays that the kernel counts: what its map (bpf/sched/delays.h) has grown by, as a histogram. */
import { actorKeyAt, CountedActor, otherTgid, processOwner, readCounters, type SignalContext } from "ringtap/signal";

/** Slots are counted from 2^-20 s on, up to 4 s: FIRST_POWER and SLOTS of bpf/sched/delays.h. */
const firstPower = -20;
const lastPower = 2;

/** Counts delays for the name and the control group that the process had when it got a CPU. */
export class Delays {
  readonly #identity: SignalContext["identity"];
  readonly #table;
  readonly #actor = new CountedActor();
  readonly counters;
  /** Delays that have been read and had no record: the account has the others. */
  collected = 0;

  constructor(context: SignalContext) {
    const { metrics, identity } = context;
    this.#identity = identity;
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

  read(): Promise<void> {
    return readCounters(this.counters, this.#take);
  }

  /** The key is a struct actor_key, the counts are those of struct delay_line. */
  readonly #take = (key: Uint32Array, counts: Float64Array): void => {
    const identity = this.#identity;
    const table = this.#table;
    const subject =
      key[actorKeyAt.tgid] === otherTgid
        ? identity.subjects.other
        : identity.subject(identity.of(this.#actor.moveTo(key)));
    const [nanoseconds = 0, withRecord = 0] = counts;
    const added = table.addSlots(table.row(subject), firstPower, counts.subarray(2), nanoseconds);
    this.collected += added - withRecord;
  };
}
