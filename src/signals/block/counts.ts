/** Requests that the kernel counts: what its lines (bpf/block/request_counts.h) have grown by, as metrics. */
import {
  actorKeyAt,
  CountedActor,
  Dimension,
  errnoName,
  type HistogramTable,
  otherTgid,
  type Owner,
  processOwner,
  readCounters,
  type Running,
  type SignalContext,
  startInKey,
} from "ringtap/signal";

import { InflightGauge } from "./inflight.js";
import { BlockLine, type BlockEvent } from "./records.js";
import { errorName, operations, origins } from "./words.js";

/** Slots are counted from 2^-18 s on: FIRST_POWER of bpf/block/request_counts.h. */
const firstPower = -18;

/** Where the disk's name is in a key, in words, and its bytes: struct block_key. */
const diskAt = 10;
const diskBytes = 16;

/** Where the members of struct block_line are, in counts of 64 bits behind the key. */
const slots = BlockLine.slotsLength;
const at = { withRecord: 0, errors: 1, bytes: 2, queued: 3, served: 4, untimed: 5, slots: 6 } as const;

/** When none of these has grown, the slots have not either. */
const telling = at.slots;

/** The groups of slots, one after the other: `usual` stands for a whole duration, for one of the driver, and for the shortest in the queue. */
const groups = { usual: 0, whole: 1, queue: 2, device: 3 } as const;

/** A request may end when its process has been forgotten: one that began this long ago, nanoseconds, and is not known, has ended. */
const forgottenNs = 10e9;

/** The text of a disk's name in a key. */
function diskIn(key: Uint32Array): string {
  const name = Buffer.from(key.buffer, key.byteOffset + diskAt * Uint32Array.BYTES_PER_ELEMENT, diskBytes);
  const end = name.indexOf(0);
  return name.toString("utf8", 0, end < 0 ? diskBytes : end);
}

function sum(counts: Float64Array): number {
  return counts.reduce((total, count) => total + count, 0);
}

/** The owner of a line: a process, or, of what no process has issued, a control group. */
function ownerOf({ identity, clock }: SignalContext): (key: Uint32Array, firstRead: number) => Owner {
  const owner = processOwner(identity, actorKeyAt.start);
  return (key, firstRead) => {
    if (key[actorKeyAt.tgid] === 0) {
      const cgroup = startInKey(key, actorKeyAt.cgroup);
      return cgroup === 0 || identity.cgroups.exists(cgroup) ? "alive" : "ended";
    }
    const state = owner(key, firstRead);
    const isForgotten = state === "unknown" && clock.monotonic() - startInKey(key, actorKeyAt.start) > forgottenNs;
    return isForgotten ? "ended" : state;
  };
}

/** Requests count for the name and the control group that their process had when it issued them. */
export function startCounting(context: SignalContext): Running<BlockEvent> {
  const { metrics, identity } = context;
  const { subjects } = identity;
  const what = new Dimension(["device", "operation", "origin"]);
  const failure = new Dimension(["device", "operation", "origin", "error"]);
  const histogram = (name: string, help: string): HistogramTable =>
    metrics.histogram({ name, help, subject: subjects, detail: what, firstPower });
  const whole = histogram(
    "ringtap_block_request_seconds",
    "Duration of requests to disks, from when they were made to their end.",
  );
  const queued = histogram(
    "ringtap_block_queue_seconds",
    "The part of it until the disk's driver had the request, where the kernel notes that.",
  );
  const served = histogram("ringtap_block_device_seconds", "The part of it from then on.");
  const bytes = metrics.counter({
    name: "ringtap_block_bytes_total",
    help: "Bytes of requests to disks that were read, written or discarded.",
    subject: subjects,
    detail: what,
  });
  const errors = metrics.counter({
    name: "ringtap_block_errors_total",
    help: "Requests to disks that failed, or parts of them, by the error.",
    subject: subjects,
    detail: failure,
  });
  const inflight = new InflightGauge(context);
  const lines = context.counters("requests", {
    keys: "request_keys",
    telling,
    owner: ownerOf(context),
    outlivesOwner: true,
  });
  const actor = new CountedActor();
  /** Requests that have been read and had no record: the account has the others. */
  let collected = 0;

  /** The key is a struct block_key, the counts are those of struct block_line, to which the usual ones are added here. */
  function take(key: Uint32Array, counts: Float64Array): void {
    const number = key[actorKeyAt.number] as number;
    const isOther = key[actorKeyAt.tgid] === otherTgid;
    const subject = isOther ? subjects.other : identity.subject(identity.of(actor.moveTo(key)));
    const operation = operations[number & 255] ?? "other";
    const origin = origins[(number >>> 8) & 255] ?? "unknown";
    const disk = isOther ? "~other" : diskIn(key);
    const detail = what.intern(disk, operation, isOther ? "~other" : origin);
    const count = (index: number): number => counts[index] as number;
    const group = (which: number): Float64Array => {
      const from = at.slots + which * slots;
      return counts.subarray(from, from + slots);
    };
    const observe = (table: HistogramTable, durations: Float64Array, nanoseconds: number): void => {
      if (nanoseconds !== 0 || sum(durations) !== 0) {
        table.addSlots(table.row(subject, detail), firstPower, durations, nanoseconds);
      }
    };
    if (!isOther) {
      inflight.see(disk);
    }
    const usual = group(groups.usual);
    const [inQueue, inDevice] = [count(at.queued), count(at.served)];
    const [wholeSlots, queueSlots, deviceSlots] = [group(groups.whole), group(groups.queue), group(groups.device)];
    for (let slot = 0; slot < slots; slot++) {
      const here = usual[slot] as number;
      (wholeSlots[slot] as number) += here;
      (deviceSlots[slot] as number) += here;
      (queueSlots[0] as number) += here;
    }
    observe(whole, wholeSlots, inQueue + inDevice + count(at.untimed));
    observe(queued, queueSlots, inQueue);
    observe(served, deviceSlots, inDevice);
    if (count(at.bytes) !== 0) {
      bytes.add(subject, detail, count(at.bytes));
    }
    if (count(at.errors) !== 0) {
      const error = isOther ? "~other" : errorName(number >>> 16, errnoName);
      errors.add(subject, failure.intern(disk, operation, isOther ? "~other" : origin, error), count(at.errors));
    }
    collected += sum(wholeSlots) - count(at.withRecord);
  }

  const read = (): Promise<void> => readCounters(lines, take);
  return {
    async collect() {
      await read();
      inflight.read();
    },
    maintain: read,
    maintainMayWait: true,
    stats: () => ({ collected, memoryAtLimit: lines.memoryAtLimit, mapEntries: [[lines.name, lines.size]] }),
  };
}
