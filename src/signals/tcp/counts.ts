/** Events and bytes that the kernel counts: what its lines (bpf/tcp/counts.h) have grown by, as metrics. */
import {
  actorKeyAt,
  CountedActor,
  type Counters,
  type HistogramTable,
  type Identity,
  type Owner,
  processOwner,
  readCounters,
  type SignalContext,
  startInKey,
} from "ringtap/signal";

import { outcomeIndexes, type TcpMetrics } from "./metrics.js";
import { TcpLine, TcpRole } from "./records.js";
import { families, results } from "./words.js";

/** Where the members of struct tcp_line are, in counts of 64 bits behind the key. */
const at = {
  withoutRecord: 0,
  opens: 1,
  resets: 15,
  sent: 17,
  received: 18,
  retransmits: 19,
  connectNs: 20,
  lifetimeNs: 21,
  rttNs: 22,
  connectSlots: 23,
  lifetimeSlots: 23 + TcpLine.connectSlotsLength,
  rttSlots: 23 + 2 * TcpLine.connectSlotsLength,
} as const;

/** When none of these has grown, the slots have not either. */
const telling = at.connectSlots;

/** The first slot is of 2^-22 seconds: FIRST_POWER of bpf/tcp/counts.h. */
const firstPower = -22;

/** A connection may end when its process has been forgotten: one that began this long ago, nanoseconds, and is not known, has ended. */
const forgottenNs = 10e9;

/** The process that owns a line. */
function ownerOf({ identity, clock }: SignalContext): (key: Uint32Array, firstRead: number) => Owner {
  const owner = processOwner(identity, actorKeyAt.start);
  return (key, firstRead) => {
    const state = owner(key, firstRead);
    const isForgotten = state === "unknown" && clock.monotonic() - startInKey(key, actorKeyAt.start) > forgottenNs;
    return isForgotten ? "ended" : state;
  };
}

/** Adds the slots of a line from index `from` on. */
function addSlots(table: HistogramTable, row: number, counts: Float64Array, from: number, nanoseconds: number): void {
  table.addSlots(row, firstPower, counts, nanoseconds, from, from + TcpLine.connectSlotsLength);
}

/** Reads the kernel's lines. */
export class Counts {
  /** Events that have been read and had no record: the account has the others. */
  collected = 0;
  /** Resets received, by this and earlier readings. */
  resetsReceived = 0;
  readonly counters: Counters;
  readonly #identity: Identity;
  readonly #metrics: TcpMetrics;
  readonly #actor = new CountedActor();

  constructor(context: SignalContext, metrics: TcpMetrics) {
    this.#identity = context.identity;
    this.#metrics = metrics;
    this.counters = context.counters("counts", {
      keys: "lines",
      telling,
      owner: ownerOf(context),
      outlivesOwner: true,
    });
  }

  /** Reads what has been counted since the last time. */
  async read(): Promise<void> {
    await readCounters(this.counters, this.#take);
  }

  /** The key is a struct actor_key, the counts are those of struct tcp_line. */
  readonly #take = (key: Uint32Array, counts: Float64Array): void => {
    const actor = this.#identity.of(this.#actor.moveTo(key));
    const subject = this.#identity.subject(actor);
    const role = (key[actorKeyAt.number] as number) - 1;
    this.collected += counts[at.withoutRecord] as number;
    this.#takeOpens(subject, role, counts);
    this.#takeTotals(subject, counts);
    this.#takeTimes(this.#identity.comm(actor), role, counts);
  };

  #takeOpens(subject: number, role: number, counts: Float64Array): void {
    const { accepts, connects, outcomes } = this.#metrics;
    for (let family = 0; family < families.length; family++) {
      const from = at.opens + family * results.length;
      if (role === TcpRole.server) {
        if (counts[from] !== 0) {
          accepts.add(subject, this.#metrics.families[family] ?? 0, counts[from] as number);
        }
        continue;
      }
      for (let result = 0; result < results.length; result++) {
        if (counts[from + result] !== 0) {
          const outcome = outcomes.id(outcomeIndexes[family]?.[result], 0);
          connects.add(subject, outcome, counts[from + result] as number);
        }
      }
    }
  }

  #takeTotals(subject: number, counts: Float64Array): void {
    const { resets, sentReset, receivedReset, sentBytes, receivedBytes, retransmits } = this.#metrics;
    if (counts[at.resets] !== 0) {
      resets.add(subject, sentReset, counts[at.resets] as number);
    }
    if (counts[at.resets + 1] !== 0) {
      this.resetsReceived += counts[at.resets + 1] as number;
      resets.add(subject, receivedReset, counts[at.resets + 1] as number);
    }
    if (counts[at.sent] !== 0) {
      sentBytes.add(subject, 0, counts[at.sent] as number);
    }
    if (counts[at.received] !== 0) {
      receivedBytes.add(subject, 0, counts[at.received] as number);
    }
    if (counts[at.retransmits] !== 0) {
      retransmits.add(subject, 0, counts[at.retransmits] as number);
    }
  }

  #takeTimes(comm: number, role: number, counts: Float64Array): void {
    const { connectSeconds, connectionSeconds, rtt, roles } = this.#metrics;
    if (counts[at.connectNs] !== 0) {
      addSlots(connectSeconds, connectSeconds.row(comm), counts, at.connectSlots, counts[at.connectNs] as number);
    }
    if (counts[at.lifetimeNs] !== 0) {
      const row = connectionSeconds.row(comm, roles[role] ?? 0);
      addSlots(connectionSeconds, row, counts, at.lifetimeSlots, counts[at.lifetimeNs] as number);
    }
    if (counts[at.rttNs] !== 0) {
      addSlots(rtt, rtt.row(comm), counts, at.rttSlots, counts[at.rttNs] as number);
    }
  }
}
