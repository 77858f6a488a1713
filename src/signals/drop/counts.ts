/** Packets that the kernel counts: what its lines (bpf/drop/drop_counts.h) have grown by, as metrics. */
import {
  actorKeyAt,
  Dimension,
  otherTgid,
  readCounters,
  type Running,
  type SignalContext,
  socketLineOwner,
  SocketOwners,
} from "ringtap/signal";

import { ListenDrops } from "./listen-drops.js";
import { Reasons } from "./reasons.js";
import { type DropEvent, SocketOwner } from "./records.js";

/** enum drop_protocol of bpf/drop/drop_counts.h. */
export const protocols = ["other", "ipv4", "ipv6", "arp"] as const;

/** A key's number, taken apart. */
export function partsOf(number: number): { readonly reason: number; readonly protocol: string } {
  return { reason: number & 0xffffff, protocol: protocols[number >>> 24] ?? "other" };
}

/** Packets count for the process that holds their socket when it is read, and for its control group when none does any more. */
export function startCounting(context: SignalContext): Running<DropEvent> {
  const { metrics, identity } = context;
  const { subjects } = identity;
  const detail = new Dimension(["protocol", "reason"]);
  const total = metrics.counter({
    name: "ringtap_drop_packets_total",
    help: "Packets that the kernel dropped, by its reason, of the process whose socket they came from or were for.",
    subject: subjects,
    detail,
  });
  const lines = context.counters("drops", { keys: "drop_keys", owner: socketLineOwner, outlivesOwner: true });
  const owners = new SocketOwners(identity, context.scan("drop_sockets", SocketOwner));
  const listening = new ListenDrops(context);
  const reasons = new Reasons();
  /** Packets that have been read and had no record: the account has the others. */
  let collected = 0;

  /** The key is that of socket_key(), the counts are those of struct drop_line. */
  function take(key: Uint32Array, counts: Float64Array): void {
    const packets = counts[0] as number;
    collected += packets - (counts[1] as number);
    const { reason, protocol } = partsOf(key[actorKeyAt.number] as number);
    if (key[actorKeyAt.tgid] === otherTgid) {
      total.add(subjects.other, detail.intern(protocol, "~other"), packets);
      return;
    }
    const id = detail.intern(protocol, reasons.name(reason));
    owners.hold(key, (subject) => {
      total.add(subject, id, packets);
    });
  }

  async function scan(): Promise<void> {
    await owners.find(listening.begin());
    listening.end();
  }

  return {
    attached: scan,
    async collect() {
      await readCounters(lines, take);
      await scan();
    },
    async maintain() {
      await readCounters(lines, take);
      await owners.findWhenDue();
    },
    maintainMayWait: true,
    stats: () => ({
      collected,
      memoryAtLimit: lines.memoryAtLimit + listening.memoryAtLimit,
      mapEntries: [[lines.name, lines.size]],
    }),
  };
}
