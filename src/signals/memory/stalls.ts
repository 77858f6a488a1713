/** Waits for memory that the kernel counts: what its map (bpf/memory/stalls.h) has grown by, as a histogram. */
import {
  actorKeyAt,
  CountedActor,
  Dimension,
  keysOf,
  otherTgid,
  processOwner,
  readCounters,
  type SignalContext,
} from "ringtap/signal";

import { StallKind } from "./records.js";

/** Slots are counted from 2^-20 s on, up to 16 s: FIRST_POWER and SLOTS of bpf/memory/stalls.h. */
const firstPower = -20;
const lastPower = 4;

/** Where the slots of a line begin, behind the nanoseconds and what has a record. */
const slotsAt = 2;

/** By number; the last one is how many there are. */
export const stallKinds = keysOf(StallKind).slice(0, StallKind.kinds);

/** Declares the metric. Returns what reads it: stalls count for the name and the control group that the process had then. */
export function startStalls(context: SignalContext) {
  const { metrics, identity } = context;
  const kind = new Dimension(["kind"]);
  const kinds = stallKinds.map((name) => kind.intern(name));
  const table = metrics.histogram({
    name: "ringtap_memory_reclaim_stall_seconds",
    help: "Time that threads had to free memory before they got any: direct, as the machine, or memcg, as their control group had too little.",
    subject: identity.subjects,
    detail: kind,
    firstPower,
    lastPower,
  });
  const counters = context.counters("stalls", { keys: "lines", owner: processOwner(identity, actorKeyAt.start) });
  const actor = new CountedActor();
  let collected = 0;

  /** The key is a struct actor_key, the counts are those of struct stall_line. */
  function take(key: Uint32Array, counts: Float64Array): void {
    const subject =
      key[actorKeyAt.tgid] === otherTgid ? identity.subjects.other : identity.subject(identity.of(actor.moveTo(key)));
    const detail = kinds[(key[actorKeyAt.number] as number) - 1] ?? 0;
    const nanoseconds = counts[0] as number;
    const withRecord = counts[1] as number;
    collected += table.addSlots(table.row(subject, detail), firstPower, counts, nanoseconds, slotsAt) - withRecord;
  }

  return {
    counters,
    /** Stalls that have been read and had no record: the account has the others. */
    get collected() {
      return collected;
    },
    read: () => readCounters(counters, take),
  };
}
