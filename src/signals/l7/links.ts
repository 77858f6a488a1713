/** Who asks whom: the requests between a process and a far end, by protocol, while someone watches; of those that have records. */
import {
  actorWords,
  addressText,
  type Identity,
  KeyTable,
  type Link,
  type LinkWatch,
  log2Ceil,
  type PeerDirectory,
  peerOf,
} from "ringtap/signal";

import { hasFailed } from "./failure.js";
import { protocols } from "./protocols.js";
import { IpFamily, type L7Event, L7Role } from "./records.js";

/** The most links; requests of others are on none. */
const mostLinks = 2048;

/** A link without requests is deleted after this time, milliseconds. */
const idleRetentionMs = 60_000;

/** Where words of a key lie: the actor's, role and family, the service's port, the addresses of this end and of the far one. */
const roleAt = actorWords;
const familyAt = roleAt + 1;
const portAt = familyAt + 1;
const addressWords = 4;
const localAt = portAt + 1;
const remoteAt = localAt + addressWords;
const keyWords = remoteAt + addressWords;

/** Durations are counted by powers of two of a nanosecond. */
const slots = 64;

interface Requests {
  requests: number;
  failures: number;
  readonly durations: Float64Array;
}

interface Kept {
  readonly comm: string;
  readonly subject: number;
  /** The labels of the subject: they show when another subject has been given its id. */
  readonly values: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** By protocol. */
  readonly requests: (Requests | undefined)[];
  seen: number;
}

/** What 99 % of so many durations took at most, seconds: twice too much at the most. */
function p99({ durations, requests }: Requests): number {
  let left = requests * 0.01;
  let slot = slots - 1;
  while (slot > 0 && (durations[slot] as number) <= left) {
    left -= durations[slot] as number;
    slot--;
  }
  return 2 ** slot / 1e9;
}

/** The links of one watch. */
export class Links implements LinkWatch {
  readonly #identity: Identity;
  readonly #peers: PeerDirectory | undefined;
  readonly #onClose: () => void;
  readonly #table = new KeyTable(keyWords);
  readonly #key = new Uint32Array(keyWords);
  /** By id in the table. */
  readonly #links: (Kept | undefined)[] = [];

  /** `onClose` is called when the watch is closed. */
  constructor(identity: Identity, peers: PeerDirectory | undefined, onClose: () => void) {
    this.#identity = identity;
    this.#peers = peers;
    this.#onClose = onClose;
  }

  addRecord(event: L7Event): void {
    const link = event.remotePort === 0 ? undefined : this.#of(event);
    if (link === undefined) {
      return;
    }
    const { protocol, duration } = event;
    const known = link.requests[protocol];
    const of = known ?? { requests: 0, failures: 0, durations: new Float64Array(slots) };
    if (known === undefined) {
      link.requests[protocol] = of;
    }
    of.requests++;
    of.failures += hasFailed(event) ? 1 : 0;
    (of.durations[log2Ceil(duration)] as number) += 1;
    link.seen = performance.now();
  }

  links(): Link[] {
    const now = performance.now();
    return this.#links.flatMap((link, id) => {
      if (link === undefined) {
        return [];
      }
      if (now - link.seen > idleRetentionMs) {
        this.#links[id] = undefined;
        this.#table.remove(id);
        return [];
      }
      return this.#shown(link, id);
    });
  }

  close(): void {
    this.#onClose();
  }

  /** The link of a request; undefined for one beyond the limit. */
  #of(event: L7Event): Kept | undefined {
    const key = this.#key;
    event.copyActor(key);
    key[roleAt] = event.role;
    key[familyAt] = event.family;
    key[portAt] = event.role === L7Role.server ? event.localPort : event.remotePort;
    for (let word = 0; word < addressWords; word++) {
      key[localAt + word] = event.localAddress(word);
      key[remoteAt + word] = event.remoteAddress(word);
    }
    const id = this.#table.find(key);
    if (id >= 0 || this.#table.size >= mostLinks) {
      return this.#links[id];
    }
    const { subjects } = this.#identity;
    const subject = this.#identity.subject(this.#identity.of(event));
    return (this.#links[this.#table.add(key)] = {
      ...{ comm: event.comm, subject, requests: [], seen: 0 },
      values: subjects.values(subject),
      labels: subjects.labels(subject),
    });
  }

  #shown({ comm, subject, values, labels, requests }: Kept, id: number): Link {
    const table = this.#table;
    const { subjects } = this.#identity;
    const isServer = table.word(id, roleAt) === L7Role.server;
    const family = table.word(id, familyAt);
    const port = table.word(id, portAt);
    const text = (from: number): string => addressText((word) => table.word(id, from + word), family === IpFamily.ipv6);
    const local = text(localAt);
    const remote = text(remoteAt);
    const far = {
      family,
      remotePort: isServer ? 0 : port,
      remoteAddress: (word: number) => table.word(id, remoteAt + word),
    };
    const isThere = subjects.has(subject) && subjects.values(subject) === values;
    return {
      ...{ id, pid: table.word(id, 0), role: isServer ? "server" : "client", port, local, remote, comm, labels },
      address: isServer ? local : remote,
      process: isThere ? subject : undefined,
      peer: this.#peers === undefined ? {} : this.#peers.dimension.labels(peerOf(this.#peers, far)),
      ...{ connects: 0, failures: 0, sent_bytes: 0, received_bytes: 0, open: 0 },
      requests: requests.flatMap((of, protocol) =>
        of === undefined
          ? []
          : { protocol: protocols[protocol]?.name ?? "", requests: of.requests, failures: of.failures, p99: p99(of) },
      ),
    };
  }
}
