/** Connections that were reported before: what each had counted by then. */
import { KeyTable, keyTableMemory } from "ringtap/signal";

/**
 * After this many snapshots without it a connection is deleted: its end went missing with a full ring. One snapshot can miss a
 * connection that is there, while its neighbours in the kernel's hash come and go.
 */
const missedSnapshots = 8;

/** Bytes of a connection: six numbers in arrays that grow by half, an entry of the key table. */
const connectionBytes = 6 * 8 * 1.5;

/** Bytes that so many connections take at the most. */
export function connectionsMemory(connections: number): number {
  return connections * connectionBytes + keyTableMemory(2, connections);
}

/** In place of a snapshot: the id is free. */
const deleted = -Infinity;

/**
 * What names a connection, and what it has counted since the agent has known it. Words where numbers are too large for V8 to return
 * them without a box.
 */
export interface ConnectionRecord {
  /** Two words: the address of its socket. */
  connection(index: number): number;
  /** Two words: when it began. */
  start(index: number): number;
  readonly sent: number;
  readonly received: number;
  readonly retransmits: number;
}

/** Turns the totals that records carry into what is new since the last record of the same connection. Allocates nothing. */
export class Connections {
  /** What the record given to {@link advance} adds. */
  sent = 0;
  received = 0;
  retransmits = 0;

  readonly #table = new KeyTable(2);
  readonly #key = new Uint32Array(2);
  /** By id, two words each. */
  readonly #start: number[] = [];
  /** By id. */
  readonly #sent: number[] = [];
  readonly #received: number[] = [];
  readonly #retransmits: number[] = [];
  readonly #shownIn: number[] = [];
  #snapshots = 0;

  /** Open connections known. */
  get size(): number {
    return this.#table.size;
  }

  /** Reads a connection's totals: leaves what they add in `sent`, `received` and `retransmits`. Returns its id. */
  advance(record: ConnectionRecord): number {
    const { sent, received, retransmits } = record;
    this.#key[0] = record.connection(0);
    this.#key[1] = record.connection(1);
    let id = this.#table.find(this.#key);
    if (id < 0) {
      id = this.#table.add(this.#key);
      this.#begin(id, record);
    } else if (this.#start[2 * id] !== record.start(0) || this.#start[2 * id + 1] !== record.start(1)) {
      this.#begin(id, record);
    }
    // A record may have waited in the ring while a snapshot, which shows the present, went by: it adds nothing.
    this.sent = Math.max(0, sent - (this.#sent[id] as number));
    this.received = Math.max(0, received - (this.#received[id] as number));
    this.retransmits = Math.max(0, retransmits - (this.#retransmits[id] as number));
    (this.#sent[id] as number) += this.sent;
    (this.#received[id] as number) += this.received;
    (this.#retransmits[id] as number) += this.retransmits;
    return id;
  }

  /** A snapshot of the kernel's connections begins. */
  beginSnapshot(): void {
    this.#snapshots++;
  }

  /** The snapshot shows a connection: is it for the first time? */
  count(id: number): boolean {
    const first = this.#shownIn[id] !== this.#snapshots;
    this.#shownIn[id] = this.#snapshots;
    return first;
  }

  /** The snapshot ends: deletes connections that the last ones have not shown. */
  endSnapshot(): void {
    for (let id = 0; id < this.#table.end; id++) {
      const seen = this.#shownIn[id] as number;
      if (seen !== deleted && this.#snapshots - seen >= missedSnapshots) {
        this.remove(id);
      }
    }
  }

  /** A connection has ended. */
  remove(id: number): void {
    this.#shownIn[id] = deleted;
    this.#table.remove(id);
  }

  #begin(id: number, record: ConnectionRecord): void {
    this.#start[2 * id] = record.start(0);
    this.#start[2 * id + 1] = record.start(1);
    this.#sent[id] = 0;
    this.#received[id] = 0;
    this.#retransmits[id] = 0;
    this.#shownIn[id] = this.#snapshots - 1;
  }
}
