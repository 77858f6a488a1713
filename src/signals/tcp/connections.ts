/** Connections that were reported before: what each had counted by then. */
import { KeyTable, keyTableMemory } from "ringtap/signal";

/**
 * After this many snapshots without it a connection is deleted: its end went missing with a full ring. One snapshot can miss a
 * connection that is there, while its neighbours in the kernel's hash come and go.
 */
const missedSnapshots = 8;

/** Words of a key: the address of the socket and the start, two each. */
const keyWords = 4;

/** Bytes of a connection: four numbers in arrays that grow by half, an entry of the key table. */
const connectionBytes = 4 * 8 * 1.5;

/** Bytes that so many connections take at the most. */
export function connectionsMemory(connections: number): number {
  return connections * connectionBytes + keyTableMemory(keyWords, connections);
}

/** In place of a snapshot: the id is free. */
const deleted = -Infinity;

/** In place of a snapshot: the connection has ended while one is read. */
const ended = Infinity;

/**
 * What names a connection, and what it has counted since the agent has known it. Words where numbers are too large for V8 to return
 * them without a box.
 */
export interface ConnectionRecord {
  /** Two words: the address of its socket, whose memory serves one connection after the other. */
  connection(index: number): number;
  /** Two words: when it began. No two connections of a socket's address have the same. */
  start(index: number): number;
  readonly sent: number;
  readonly received: number;
  readonly retransmits: number;
}

/**
 * Turns the totals that records carry into what is new since the last record of the same connection. Allocates nothing.
 *
 * Records of the ring come in their order, or are lost. Samples of a snapshot are read while others wait in the ring: a sample of a
 * connection may be handled before any record of it, before the end of the one that its socket's memory held before, or after its own
 * end. Each order adds up to the same.
 */
export class Connections {
  /** What the last record given to {@link advance}, {@link show} or {@link end} adds. */
  sent = 0;
  received = 0;
  retransmits = 0;

  readonly #limit: number;
  readonly #table = new KeyTable(keyWords);
  readonly #key = new Uint32Array(keyWords);
  /** By id. */
  readonly #sent: number[] = [];
  readonly #received: number[] = [];
  readonly #retransmits: number[] = [];
  readonly #shownIn: number[] = [];
  #snapshots = 0;
  #isReading = false;
  /** A connection has ended while this snapshot is read, and at the limit that cannot be kept. */
  #endUnknown = false;

  /** Of more than `limit` connections the others are counted when they end. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Connections known: open ones, and those that have ended while a snapshot is read. */
  get size(): number {
    return this.#table.size;
  }

  /** Reads the totals of a connection that goes on: leaves what they add in `sent`, `received` and `retransmits`. */
  advance(record: ConnectionRecord): void {
    this.#advance(this.#known(record), record);
  }

  /** The same for one that has ended. */
  end(record: ConnectionRecord): void {
    const id = this.#isReading ? this.#known(record) : this.#find(record);
    if (id >= 0) {
      this.#advance(id, record);
      this.#remove(id);
      return;
    }
    this.#endUnknown = this.#isReading;
    this.sent = record.sent;
    this.received = record.received;
    this.retransmits = record.retransmits;
  }

  /** A snapshot of the kernel's connections begins. */
  beginSnapshot(): void {
    this.#snapshots++;
    this.#isReading = true;
  }

  /** The snapshot shows a connection: reads its totals as {@link advance} does. Is it open, and shown for the first time? */
  show(record: ConnectionRecord): boolean {
    const id = this.#endUnknown ? this.#find(record) : this.#known(record);
    this.#advance(id, record);
    if (id < 0) {
      return true;
    }
    const shownIn = this.#shownIn[id] as number;
    if (shownIn === ended || shownIn === this.#snapshots) {
      return false;
    }
    this.#shownIn[id] = this.#snapshots;
    return true;
  }

  /** The snapshot ends: deletes connections that have ended meanwhile, and those that the last ones have not shown. */
  endSnapshot(): void {
    this.#isReading = false;
    this.#endUnknown = false;
    for (let id = 0; id < this.#table.end; id++) {
      const shownIn = this.#shownIn[id] as number;
      if (shownIn === ended || (shownIn !== deleted && this.#snapshots - shownIn >= missedSnapshots)) {
        this.#remove(id);
      }
    }
  }

  #remove(id: number): void {
    if (this.#isReading) {
      this.#shownIn[id] = ended;
      return;
    }
    this.#shownIn[id] = deleted;
    this.#table.remove(id);
  }

  /** The id of a connection, -1 when it is not known. */
  #find(record: ConnectionRecord): number {
    this.#key[0] = record.connection(0);
    this.#key[1] = record.connection(1);
    this.#key[2] = record.start(0);
    this.#key[3] = record.start(1);
    return this.#table.find(this.#key);
  }

  /** The same, after adding one that is not known; -1 at the limit. */
  #known(record: ConnectionRecord): number {
    let id = this.#find(record);
    if (id < 0 && this.#table.size < this.#limit) {
      id = this.#table.add(this.#key);
      this.#sent[id] = 0;
      this.#received[id] = 0;
      this.#retransmits[id] = 0;
      this.#shownIn[id] = this.#snapshots - 1;
    }
    return id;
  }

  /** What a connection has counted beyond what is known; nothing for one that is not, until it ends. */
  #advance(id: number, { sent, received, retransmits }: ConnectionRecord): void {
    if (id < 0) {
      this.sent = this.received = this.retransmits = 0;
      return;
    }
    // A record may have waited in the ring while a snapshot, which shows the present, went by: it adds nothing.
    this.sent = Math.max(0, sent - (this.#sent[id] as number));
    this.received = Math.max(0, received - (this.#received[id] as number));
    this.retransmits = Math.max(0, retransmits - (this.#retransmits[id] as number));
    (this.#sent[id] as number) += this.sent;
    (this.#received[id] as number) += this.received;
    (this.#retransmits[id] as number) += this.retransmits;
  }
}
