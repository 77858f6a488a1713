/** Paths of HTTP/2's requests, by the header blocks that the program sends (bpf/l7/protocols/header_blocks.h). */
import type { SideRing, SignalContext } from "ringtap/signal";

import { L7HeaderPart } from "../records.js";
import { HeaderBlock, mostBlockBytes } from "./header-block.js";
import { longestKept, type PathText } from "./header-table.js";
import { type ConnectionTable, HeaderTables } from "./header-tables.js";
import { StreamPaths, streamPathsMemory } from "./stream-paths.js";

/** Flags of a part. */
export const PartFlag = { begins: 1, ends: 2, cut: 4, whole: 8 } as const;

/** Parts are numbered up to this. */
const mostParts = 2 ** 31;

/** What all tables take at the most. */
const tablesLimit = { tables: 8192, bytes: 8 * 2 ** 20 };

const firstBlockBytes = 512;

/** A part of a block that is sought for again, so often, while another one is being written before it. */
const mostTries = 8;

/** Bytes that all of it takes at the most, roughly. */
export const requestPathsMemory = tablesLimit.bytes + streamPathsMemory + 2 * mostBlockBytes;

/** Why the path of a request is not known. */
export const unnamedReasons = [
  "ring_full",
  "unreadable",
  "cut",
  "joined_late",
  "behind_loss",
  "malformed",
  "limit",
] as const;
export type Unnamed = (typeof unnamedReasons)[number];

/** A record of a request of HTTP/2. */
export interface StreamRecord {
  readonly table: number;
  readonly stream: number;
}

/** A part of a block, as a record has it. */
export type HeaderPart = Pick<L7HeaderPart, "table" | "number" | "stream" | "size" | "flags" | "bytes">;

export class RequestPaths implements PathText {
  /** The path that was found last. */
  readonly bytes = new Uint8Array(longestKept);
  length = 0;
  isCut = false;
  readonly #ring: SideRing;
  readonly #count: (reason: Unnamed) => void;
  readonly #tables = new HeaderTables(tablesLimit);
  readonly #streams = new StreamPaths();
  readonly #header = new HeaderBlock();
  readonly #words = new Uint32Array(L7HeaderPart.bytesLength);
  readonly #part = new Uint8Array(this.#words.buffer);

  /** `count` is told of each request whose path is not known, though its block, or a part of it, has come. */
  constructor(context: Pick<SignalContext, "sideRing">, count: (reason: Unnamed) => void) {
    this.#count = count;
    this.#ring = context.sideRing("header_blocks", L7HeaderPart, (part) => {
      this.take(part);
    });
  }

  /** Takes the blocks that have come. */
  drain(): void {
    this.#ring.drain();
  }

  /** Finds the path of a request. False where it is not known. */
  find({ table, stream }: StreamRecord): boolean {
    if (table === 0) {
      return false;
    }
    let known = this.#streams.copy(table, stream, this);
    for (let tries = 0; known === undefined && tries < mostTries; tries++) {
      this.#ring.drain();
      known = this.#streams.copy(table, stream, this);
      if (!this.#ring.isUsed) {
        break;
      }
    }
    return known === true;
  }

  /** The request has been counted. */
  remove({ table, stream }: StreamRecord): void {
    this.#streams.remove(table, stream);
  }

  /** Takes a part of a block. */
  take(part: HeaderPart): void {
    const { flags, size } = part;
    const table = this.#tableOf(part);
    const bytesBefore = table.allBytes;
    if ((flags & PartFlag.begins) !== 0) {
      // Its last frame had nothing of the block before.
      this.#endBlock(table);
      table.blockLength = 0;
      table.blockStream = part.stream;
    }
    if (table.blockLength < 0) {
      return;
    }
    this.#copy(part, size);
    const isAll = table.blockLength === 0 && (flags & PartFlag.ends) !== 0;
    if ((flags & PartFlag.cut) !== 0 || (!isAll && !this.#append(table, size))) {
      this.#meetUnknown(table, part.stream, "cut");
      table.blockLength = -1;
      table.end("behind_loss");
    } else if (isAll) {
      this.#read(table, part.stream, this.#part, size);
    } else if ((flags & PartFlag.ends) !== 0) {
      this.#endBlock(table);
    }
    this.#tables.grow(table.allBytes - bytesBefore);
  }

  /** The table of a part: what it misses is noticed by the part's number. */
  #tableOf({ table: id, number, flags }: HeaderPart): ConnectionTable {
    const found = this.#tables.find(id);
    const table = found ?? this.#tables.add(id);
    if (found === undefined && number === 0 && (flags & PartFlag.whole) === 0) {
      table.end("joined_late");
    } else if (number !== table.nextPart) {
      table.end(found === undefined && this.#tables.hasRemoved ? "limit" : "behind_loss");
      table.blockLength = -1;
    }
    table.nextPart = (number + 1) % mostParts;
    return table;
  }

  #copy(part: HeaderPart, size: number): void {
    const words = this.#words;
    for (let index = 0; 4 * index < size; index++) {
      words[index] = part.bytes(index);
    }
  }

  /** Adds the part at hand to the block. False when that becomes too long. */
  #append(table: ConnectionTable, size: number): boolean {
    const length = table.blockLength + size;
    if (length > mostBlockBytes) {
      return false;
    }
    let block = table.block ?? new Uint8Array(firstBlockBytes);
    while (block.length < length) {
      const longer = new Uint8Array(2 * block.length);
      longer.set(block);
      block = longer;
    }
    block.set(this.#part.subarray(0, size), table.blockLength);
    table.block = block;
    table.blockLength = length;
    return true;
  }

  /** Reads the block whose parts have come. */
  #endBlock(table: ConnectionTable): void {
    const { block, blockLength, blockStream } = table;
    if (block !== undefined && blockLength > 0) {
      this.#read(table, blockStream, block, blockLength);
    }
    table.block = undefined;
  }

  #read(table: ConnectionTable, stream: number, block: Uint8Array, length: number): void {
    const header = this.#header;
    const found = header.read(table, block, length);
    table.blockLength = -1;
    if (found === "unknown" || found === "malformed") {
      this.#meetUnknown(table, stream, found === "malformed" ? found : (table.unknown ?? "limit"));
    } else if (this.#begins(table, stream)) {
      if (found === "none") {
        header.length = 0;
        header.isCut = false;
      }
      this.#streams.insert(table.id, stream, header);
    }
  }

  /** A request, of which nothing else will tell the path. */
  #meetUnknown(table: ConnectionTable, stream: number, reason: Unnamed): void {
    if (this.#begins(table, stream)) {
      this.#streams.insert(table.id, stream, undefined);
      this.#count(reason);
    }
  }

  /** Does a block of this stream begin a request? Else it is one with trailers. */
  #begins(table: ConnectionTable, stream: number): boolean {
    if (stream <= table.highest || (stream & 1) === 0) {
      return false;
    }
    table.highest = stream;
    return true;
  }
}
