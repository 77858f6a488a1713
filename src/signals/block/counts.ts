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
const at = { requests: 0, withRecord: 1, errors: 2, bytes: 3, duration: 4, queued: 5, served: 6, slots: 7 } as const;

/** When none of these has grown, the slots have not either. */
const telling = at.slots;

/** A request may end when its process has been forgotten: one that began this long ago, nanoseconds, and is not known, has ended. */
const forgottenNs = 10e9;

/** The text of a disk's name in a key. */
function diskIn(key: Uint32Array): string {
  const name = Buffer.from(key.buffer, key.byteOffset + diskAt * Uint32Array.BYTES_PER_ELEMENT, diskBytes);
  const end = name.indexOf(0);
  return name.toString("utf8", 0, end < 0 ? diskBytes : end);
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

  /** The key is a struct block_key, the counts are those of struct block_line. */
  function take(key: Uint32Array, counts: Float64Array): void {
    const number = key[actorKeyAt.number] as number;
    const isOther = key[actorKeyAt.tgid] === otherTgid;
    const subject = isOther ? subjects.other : identity.subject(identity.of(actor.moveTo(key)));
    const operation = operations[number & 255] ?? "other";
    const origin = origins[(number >>> 8) & 255] ?? "unknown";
    const disk = isOther ? "~other" : diskIn(key);
    const detail = what.intern(disk, operation, isOther ? "~other" : origin);
    const count = (index: number): number => counts[index] as number;
    const observe = (table: HistogramTable, group: number, nanoseconds: number): void => {
      const from = at.slots + group * slots;
      table.addSlots(table.row(subject, detail), firstPower, counts.subarray(from, from + slots), nanoseconds);
    };
    if (!isOther) {
      inflight.see(disk);
    }
    if (count(at.requests) !== 0) {
      observe(whole, 0, count(at.duration));
    }
    if (count(at.queued) + count(at.served) !== 0) {
      observe(queued, 1, count(at.queued));
      observe(served, 2, count(at.served));
    }
    if (count(at.bytes) !== 0) {
      bytes.add(subject, detail, count(at.bytes));
    }
    if (count(at.errors) !== 0) {
      const error = isOther ? "~other" : errorName(number >>> 16, errnoName);
      errors.add(subject, failure.intern(disk, operation, isOther ? "~other" : origin, error), count(at.errors));
    }
    collected += count(at.requests) - count(at.withRecord);
  }

  const read = (): Promise<void> => readCounters(lines, take);
  return {
    async collect() {
      await read();
      inflight.read();
    },
    maintain: read,
    stats: () => ({ collected, memoryAtLimit: lines.memoryAtLimit, mapEntries: [[lines.name, lines.size]] }),
  };
}
