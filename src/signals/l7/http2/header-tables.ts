/** The tables of connections, in the order of their last use: those used longest ago are given up for others. */
import { HeaderTable } from "./header-table.js";

export interface TablesLimit {
  readonly tables: number;
  readonly bytes: number;
}

/** A table, and the block of which parts have come. */
export class ConnectionTable extends HeaderTable {
  readonly id: number;
  /** The number of the part that comes next. */
  nextPart = 0;
  /** Bytes of the block that have come; -1: none of it is known to be the beginning. */
  blockLength = -1;
  block: Uint8Array | undefined;
  blockStream = 0;
  /** The highest stream whose request has come: what comes for it or a lower one are trailers. */
  highest = 0;
  newer: ConnectionTable | undefined;
  older: ConnectionTable | undefined;

  constructor(id: number) {
    super();
    this.id = id;
  }

  get allBytes(): number {
    return this.bytes + (this.block?.length ?? 0);
  }
}

export class HeaderTables {
  /** Bytes that all tables take. */
  bytes = 0;
  /** Has a table been given up? */
  hasRemoved = false;
  readonly #limit: TablesLimit;
  readonly #tables = new Map<number, ConnectionTable>();
  #newest: ConnectionTable | undefined;
  #oldest: ConnectionTable | undefined;

  constructor(limit: TablesLimit) {
    this.#limit = limit;
  }

  /** The table of this number, which becomes the newest; undefined where there is none. */
  find(id: number): ConnectionTable | undefined {
    const table = this.#newest?.id === id ? this.#newest : this.#tables.get(id);
    if (table !== undefined && table !== this.#newest) {
      this.#unlink(table);
      this.#link(table);
    }
    return table;
  }

  add(id: number): ConnectionTable {
    const table = new ConnectionTable(id);
    this.#tables.set(id, table);
    this.#link(table);
    this.grow(table.allBytes);
    return table;
  }

  /** The newest table takes so many bytes more: others are given up where all take too many. */
  grow(bytes: number): void {
    this.bytes += bytes;
    while (this.bytes > this.#limit.bytes || this.#tables.size > this.#limit.tables) {
      const oldest = this.#oldest;
      if (oldest === undefined || oldest === this.#newest) {
        return;
      }
      this.#unlink(oldest);
      this.#tables.delete(oldest.id);
      this.hasRemoved = true;
      this.bytes -= oldest.allBytes;
    }
  }

  #link(table: ConnectionTable): void {
    table.older = this.#newest;
    if (this.#newest !== undefined) {
      this.#newest.newer = table;
    }
    this.#newest = table;
    this.#oldest ??= table;
  }

  #unlink(table: ConnectionTable): void {
    const { newer, older } = table;
    if (older === undefined) {
      this.#oldest = newer;
    } else {
      older.newer = newer;
    }
    if (newer === undefined) {
      this.#newest = older;
    } else {
      newer.older = older;
    }
    table.newer = undefined;
    table.older = undefined;
  }
}
