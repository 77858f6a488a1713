/** Datagrams that the kernel counts: what its lines (bpf/udp/datagram_counts.h) have grown by, as metrics. */
import {
  actorKeyAt,
  CountedActor,
  DetailsByPeer,
  Dimension,
  errnoName,
  keysOf,
  otherTgid,
  type Owner,
  type PeerDirectory,
  processOwner,
  readCounters,
  type Running,
  type SignalContext,
  socketLineOwner,
  SocketOwners,
} from "ringtap/signal";

import { IpFamily, SocketOwner, type UdpEvent, UdpKind } from "./records.js";

export const families = keysOf(IpFamily);

/** A key's number, taken apart as bpf/udp/datagram_counts.h puts it together. */
function partsOf(number: number) {
  return { family: families[number & 1] ?? "", kind: (number >>> 1) & 3, error: number >>> 8 };
}

/** Where struct peer (bpf/udp/peer.h) lies in a key, in words: its address and its port. */
const addressAt = actorKeyAt.cgroup + 2;
const addressWords = 4;
const portAt = addressAt + addressWords;

/** In place of an address: OTHER_PEER of bpf/udp/peer.h. */
const otherPeer = 0xffffffff;

/** A line of a peer is freed after so long, milliseconds, so that those of peers that have gone do not remain. */
const peerLineMs = 60_000;

/** The peer of a line, as an id of the directory's dimension. */
function peerOf(peers: PeerDirectory, key: Uint32Array): number {
  const word = (index: number): number => key[addressAt + index] as number;
  return word(0) === otherPeer && word(1) === otherPeer
    ? peers.dimension.other
    : peers.id(word(0), word(1), word(2), word(3), key[portAt] as number);
}

/** The owner of a line: a process, or of what was dropped a socket. */
function ownerOf({ identity, peers }: SignalContext): (key: Uint32Array, firstRead: number) => Owner {
  const owner = processOwner(identity, actorKeyAt.start);
  return (key, firstRead) => {
    const { kind } = partsOf(key[actorKeyAt.number] as number);
    if (kind === UdpKind.queue_full && key[actorKeyAt.tgid] === 0) {
      return socketLineOwner(key, firstRead);
    }
    const isOld = performance.now() - firstRead > peerLineMs;
    const isOfPeer = peers !== undefined && kind === UdpKind.carried && key[actorKeyAt.tgid] !== otherTgid;
    const state = owner(key, firstRead);
    return state === "alive" && isOfPeer && isOld ? "ended" : state;
  };
}

const directions = ["sent", "received"];
const directionsByFamily = families.flatMap((family) => directions.map((direction) => [family, direction]));

/** Datagrams count for the process that sends or receives them; those that are dropped for the one that holds the socket when that is read. */
export function startCounting(context: SignalContext): Running<UdpEvent> {
  const { metrics, identity, peers } = context;
  const { subjects } = identity;
  const carried = new Dimension(["family", "direction", ...(peers?.dimension.names ?? [])]);
  const carriedByPeer = new DetailsByPeer(carried, directionsByFamily, peers);
  const failed = new Dimension(["family", "direction", "error"]);
  const datagrams = metrics.counter({
    name: "ringtap_udp_datagrams_total",
    help: "UDP datagrams that a process sent and received.",
    subject: subjects,
    detail: carried,
  });
  const bytes = metrics.counter({
    name: "ringtap_udp_bytes_total",
    help: "Payload bytes of these.",
    subject: subjects,
    detail: carried,
  });
  const errors = metrics.counter({
    name: "ringtap_udp_errors_total",
    help: "Calls to send or receive UDP datagrams that failed, by errno.",
    subject: subjects,
    detail: failed,
  });
  const full = new Dimension(["family", "error"]);
  const drops = metrics.counter({
    name: "ringtap_udp_receive_queue_drops_total",
    help: "UDP datagrams that came and were dropped: ENOMEM, since the socket's queue was full; ENOBUFS, since the memory of all was.",
    subject: subjects,
    detail: full,
  });
  const lines = context.counters("datagrams", {
    keys: "datagram_keys",
    owner: ownerOf(context),
    outlivesOwner: true,
  });
  const owners = new SocketOwners(identity, context.scan("udp_sockets", SocketOwner));
  const actor = new CountedActor();
  /** Failures that have been read and had no record, and datagrams: the account has the others. */
  let collected = 0;

  /** The key is a struct actor_key, the counts are those of struct udp_line. */
  function take(key: Uint32Array, counts: Float64Array): void {
    const { family, kind, error } = partsOf(key[actorKeyAt.number] as number);
    const [sent = 0, sentBytes = 0, received = 0, receivedBytes = 0, failures = 0, withRecord = 0] = counts;
    const isOther = key[actorKeyAt.tgid] === otherTgid;
    const errno = isOther ? "~other" : errnoName(error);
    collected += sent + received + failures - withRecord;
    if (kind === UdpKind.queue_full) {
      const detail = full.intern(family, errno);
      const add = (subject: number): void => {
        drops.add(subject, detail, failures);
      };
      if (isOther) {
        add(subjects.other);
      } else {
        owners.hold(key, add);
      }
      return;
    }
    const subject = isOther ? subjects.other : identity.subject(identity.of(actor.moveTo(key)));
    if (kind !== UdpKind.carried) {
      const direction = kind === UdpKind.send_failed ? "sent" : "received";
      errors.add(subject, failed.intern(family, direction, errno), failures);
      return;
    }
    const peer = peers === undefined ? 0 : isOther ? peers.dimension.other : peerOf(peers, key);
    const carry = (direction: number, count: number, size: number): void => {
      if (count + size > 0) {
        const detail = carriedByPeer.id(families.indexOf(family) * directions.length + direction, peer);
        datagrams.add(subject, detail, count);
        bytes.add(subject, detail, size);
      }
    };
    carry(0, sent, sentBytes);
    carry(1, received, receivedBytes);
  }

  return {
    async collect() {
      await readCounters(lines, take);
      await owners.find();
    },
    async maintain() {
      await readCounters(lines, take);
      await owners.findWhenDue();
    },
    // Peers come without a record of a process.
    maintainMayWait: peers === undefined,
    stats: () => ({ collected, memoryAtLimit: lines.memoryAtLimit, mapEntries: [[lines.name, lines.size]] }),
  };
}
