/** The dynamic table of one direction of a connection (RFC 7541, 2.3.2), of which only paths are kept as texts. */

/** What a connection begins with (RFC 9113, 6.5.2: SETTINGS_HEADER_TABLE_SIZE). */
const firstSize = 4096;

/** The largest size of which entries are kept. */
const mostSize = 65_536;

/** What an entry counts besides its name and value (RFC 7541, 4.1). */
const entryOverhead = 32;

/** Bytes that are kept of a path. */
export const longestKept = 128;

/** Of an entry, in words: its size; the length of its name, and its {@link FieldName}; how much of its path is kept; and where. */
const entryWords = 4;
const nameShift = 24;
const isCutBit = 1 << 30;

const firstEntries = 16;
const firstBytes = 256;

/** Bytes of a table without entries, roughly. */
const tableBytes = 500;

/** Why entries are not known: they were inserted before the agent came; by a block that was lost, or cut; or they are too many. */
export type Unknown = "joined_late" | "behind_loss" | "malformed" | "limit";

/** What a field is called. The name of an entry that is not known is not known. */
export const FieldName = { other: 0, path: 1, unknown: 2 } as const;
export type FieldName = (typeof FieldName)[keyof typeof FieldName];

/** A path, or the beginning of one: the text that a field or an entry has. */
export interface PathText {
  readonly bytes: Uint8Array;
  length: number;
  isCut: boolean;
}

export class HeaderTable {
  /** Entries that are not known, if there are any, are so for this reason; undefined: all are known. */
  unknown: Unknown | undefined;
  /** By RFC 7541, 4.1. */
  size = 0;
  /** Entries, the newest of which has the index 62. */
  count = 0;
  /** Bytes that it takes. */
  bytes = tableBytes + 4 * entryWords * firstEntries + firstBytes;
  #limit = firstSize;
  /** Rings: entries, the oldest first, and the bytes of their paths. */
  #entries = new Uint32Array(entryWords * firstEntries);
  #oldest = 0;
  #paths = new Uint8Array(firstBytes);
  /** Bytes that have been written there, modulo 2^32; and those of entries that there are. */
  #written = 0;
  #pathsLength = 0;

  /** What was inserted up to now is not known any more. */
  end(reason: Unknown): void {
    this.#clear();
    this.unknown = reason;
  }

  /** The encoder changes the table's size. */
  resize(size: number): void {
    if (size > mostSize) {
      this.unknown ??= "limit";
    }
    this.#limit = Math.min(size, mostSize);
    this.#evict(this.#limit);
  }

  /** Is there an entry of this index, from 0 on for the newest? */
  has(index: number): boolean {
    return index < this.count;
  }

  name(index: number): FieldName {
    return (this.#word(index, 1) >>> nameShift) as FieldName;
  }

  nameLength(index: number): number {
    return this.#word(index, 1) & (2 ** nameShift - 1);
  }

  /** Copies an entry's path. */
  copyPath(index: number, to: PathText): void {
    const kept = this.#word(index, 2);
    const from = this.#word(index, 3);
    const length = kept & ~isCutBit;
    const paths = this.#paths;
    const mask = paths.length - 1;
    for (let at = 0; at < length; at++) {
      to.bytes[at] = paths[(from + at) & mask] as number;
    }
    to.length = length;
    to.isCut = (kept & isCutBit) !== 0;
  }

  /** Inserts a field that is no path, with so many bytes in its name and its value. */
  insert(name: FieldName, nameLength: number, valueLength: number): void {
    if (this.#makeSpace(nameLength + valueLength)) {
      this.#add(nameLength + valueLength, (name << nameShift) | nameLength, 0);
    }
  }

  /** Inserts a path, of which this is kept. */
  insertPath(nameLength: number, valueLength: number, { bytes, length, isCut }: PathText): void {
    if (!this.#makeSpace(nameLength + valueLength)) {
      return;
    }
    this.#growPaths(length);
    const paths = this.#paths;
    const mask = paths.length - 1;
    for (let at = 0; at < length; at++) {
      paths[(this.#written + at) & mask] = bytes[at] as number;
    }
    this.#pathsLength += length;
    this.#add(nameLength + valueLength, (FieldName.path << nameShift) | nameLength, length | (isCut ? isCutBit : 0));
    this.#written = (this.#written + length) >>> 0;
  }

  /** False when it is larger than the table: that is empty then (RFC 7541, 4.4). */
  #makeSpace(bytes: number): boolean {
    const size = bytes + entryOverhead;
    this.#evict(Math.max(0, this.#limit - size));
    return size <= this.#limit;
  }

  #add(bytes: number, name: number, path: number): void {
    this.#growEntries();
    const entries = this.#entries;
    const at = (entryWords * (this.#oldest + this.count)) % entries.length;
    entries[at] = bytes + entryOverhead;
    entries[at + 1] = name;
    entries[at + 2] = path;
    entries[at + 3] = this.#written;
    this.count++;
    this.size += bytes + entryOverhead;
  }

  #word(index: number, word: number): number {
    const entries = this.#entries;
    return entries[((entryWords * (this.#oldest + this.count - 1 - index)) % entries.length) + word] as number;
  }

  #evict(size: number): void {
    while (this.size > size && this.count > 0) {
      const oldest = this.count - 1;
      this.size -= this.#word(oldest, 0);
      this.#pathsLength -= this.#word(oldest, 2) & ~isCutBit;
      this.#oldest = (this.#oldest + 1) % (this.#entries.length / entryWords);
      this.count--;
    }
  }

  #clear(): void {
    this.size = 0;
    this.count = 0;
    this.#oldest = 0;
    this.#pathsLength = 0;
  }

  #growEntries(): void {
    const entries = this.#entries;
    if (entryWords * this.count < entries.length) {
      return;
    }
    const more = new Uint32Array(2 * entries.length);
    const from = entryWords * this.#oldest;
    more.set(entries.subarray(from));
    more.set(entries.subarray(0, from), entries.length - from);
    this.#entries = more;
    this.#oldest = 0;
    this.bytes += entries.byteLength;
  }

  #growPaths(length: number): void {
    const paths = this.#paths;
    if (this.#pathsLength + length <= paths.length) {
      return;
    }
    const more = new Uint8Array(2 * paths.length);
    for (let at = this.#written - this.#pathsLength; at < this.#written; at++) {
      more[at & (more.length - 1)] = paths[at & (paths.length - 1)] as number;
    }
    this.#paths = more;
    this.bytes += paths.byteLength;
  }
}
