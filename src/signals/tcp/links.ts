/** Who talks to whom over TCP: a link for each process, direction and far end. */
import {
  type Identity,
  KeyTable,
  type Link,
  type LinkEnds,
  type LinkTotals,
  type LinkWatch,
  type PeerDirectory,
  peerOf,
} from "ringtap/signal";
import { Connections } from "./connections.js";
import { type ConnectionRecord, farEnd, linkEnds, linkKeyWords, writeLinkKey } from "./link-key.js";
import { type TcpEvent, TcpEventKind, TcpResult, TcpRole, type TcpSample } from "./records.js";

/** The most links; what others carry goes to one `~other` for each direction. */
const linksLimit = 2048;

/** A link without open connections on which nothing happens is deleted after this time, milliseconds. */
const idleRetentionMs = 60_000;

/** The same for a link whose process has ended. */
const endedRetentionMs = 10_000;

/** What the ends of `~other` are called. */
const other = "~other";

/** A link as it is kept. */
interface Kept extends LinkTotals {
  readonly ends: LinkEnds;
  readonly comm: string;
  readonly subject: number;
  /** The labels of the subject: they show when another subject has been given its id. */
  readonly values: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** Connections that the snapshot scan in progress has shown. */
  counted: number;
  /** When something happened last, milliseconds. */
  seen: number;
}

/** The links of one watch. */
export class Links implements LinkWatch {
  readonly #identity: Identity;
  readonly #peers: PeerDirectory | undefined;
  readonly #known: Connections;
  readonly #table = new KeyTable(linkKeyWords);
  readonly #key = new Uint32Array(linkKeyWords);
  /** By id in the table. */
  readonly #links: (Kept | undefined)[] = [];
  readonly #others: Readonly<Record<LinkEnds["role"], Kept>>;
  readonly #onClose: () => void;
  /** False until the first snapshot scan has ended: what connections had carried before it is added to no link. */
  #isReady = false;

  /** Of at most `limit` connections at once; `onClose` is called when the watch is closed. */
  constructor(identity: Identity, peers: PeerDirectory | undefined, limit: number, onClose: () => void) {
    this.#identity = identity;
    this.#known = new Connections(limit);
    this.#onClose = onClose;
    this.#peers = peers;
    this.#others = { client: this.#other("client"), server: this.#other("server") };
  }

  /** Adds a record of the ring. */
  addRecord(event: TcpEvent): void {
    const { kind } = event;
    if (kind === TcpEventKind.reset_sent || kind === TcpEventKind.reset_received) {
      return;
    }
    const link = this.#of(event);
    const failed = kind === TcpEventKind.connect && event.result !== TcpResult.established;
    if (failed) {
      link.failures++;
    } else if (kind !== TcpEventKind.close) {
      link.connects++;
    }
    if (failed || kind === TcpEventKind.close) {
      this.#known.end(event);
    } else {
      this.#known.advance(event);
    }
    this.#carry(link);
    link.seen = performance.now();
  }

  /** A snapshot scan of all connections begins. */
  beginScan(): void {
    this.#known.beginSnapshot();
    for (const link of this.#all()) {
      link.counted = 0;
    }
  }

  /** Adds a connection that the scan shows. */
  addSample(sample: TcpSample): void {
    const link = this.#of(sample);
    if (this.#known.show(sample)) {
      link.counted++;
    }
    this.#carry(link);
  }

  /** The scan has ended. */
  endScan(): void {
    this.#known.endSnapshot();
    this.#isReady = true;
    for (const link of this.#all()) {
      link.open = link.counted;
    }
    const now = performance.now();
    for (const [id, link] of this.#links.entries()) {
      if (link?.open === 0 && now - link.seen > this.#retentionOf(link)) {
        this.#links[id] = undefined;
        this.#table.remove(id);
      }
    }
  }

  links(): Link[] {
    const found = this.#links.flatMap((link, id) =>
      link === undefined ? [] : this.#shown(link, id, this.#peerLabels(id)),
    );
    const { client, server } = this.#others;
    const others = [client, server].filter((link) => link.seen > 0);
    return [...found, ...others.map((link, index) => this.#shown(link, -1 - index, {}))];
  }

  close(): void {
    this.#onClose();
  }

  *#all(): Generator<Kept> {
    for (const link of this.#links) {
      if (link !== undefined) {
        yield link;
      }
    }
    yield this.#others.client;
    yield this.#others.server;
  }

  #retentionOf({ ends }: Kept): number {
    return this.#identity.stateOf(ends.pid) !== "active" ? endedRetentionMs : idleRetentionMs;
  }

  /** The link of a connection, a new one if need be. */
  #of(record: ConnectionRecord): Kept {
    writeLinkKey(record, this.#key);
    const id = this.#table.find(this.#key);
    const link = id < 0 ? undefined : this.#links[id];
    if (link !== undefined) {
      return link;
    }
    if (this.#table.size >= linksLimit) {
      return record.role === TcpRole.server ? this.#others.server : this.#others.client;
    }
    const added = this.#table.add(this.#key);
    const subject = this.#identity.subject(this.#identity.of(record));
    return (this.#links[added] = this.#begin(linkEnds(this.#table, added), record.comm, subject));
  }

  #begin(ends: LinkEnds, comm: string, subject: number): Kept {
    const { subjects } = this.#identity;
    return {
      ends,
      comm,
      subject,
      values: subjects.values(subject),
      labels: subjects.labels(subject),
      connects: 0,
      failures: 0,
      sent_bytes: 0,
      received_bytes: 0,
      open: 0,
      counted: 0,
      seen: performance.now(),
    };
  }

  #other(role: LinkEnds["role"]): Kept {
    const ends = { pid: 0, role, address: other, port: 0, local: other, remote: other };
    return { ...this.#begin(ends, other, this.#identity.subjects.other), seen: 0 };
  }

  /** Counts what the connection just read has carried since it was last seen. */
  #carry(link: Kept): void {
    const { sent, received } = this.#known;
    if (this.#isReady && sent + received > 0) {
      link.sent_bytes += sent;
      link.received_bytes += received;
      link.seen = performance.now();
    }
  }

  #peerLabels(id: number): Record<string, string> {
    return this.#peers === undefined ? {} : this.#peers.dimension.labels(peerOf(this.#peers, farEnd(this.#table, id)));
  }

  #shown(link: Kept, id: number, peer: Record<string, string>): Link {
    const { ends, comm, labels, connects, failures, sent_bytes, received_bytes, open } = link;
    const { subjects } = this.#identity;
    const isThere = subjects.has(link.subject) && subjects.values(link.subject) === link.values;
    const process = isThere ? link.subject : undefined;
    return { id, ...ends, comm, process, labels, peer, connects, failures, sent_bytes, received_bytes, open };
  }
}
