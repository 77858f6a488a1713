/** Header blocks of requests (HPACK, RFC 7541): of their fields, the path. */
import { FieldName, type HeaderTable, longestKept, type PathText } from "./header-table.js";
import { decodeHuffman, mostDecoded } from "./huffman.js";

/** Most bytes of a block: bpf/l7/protocols/header_blocks.h sends no more. */
export const mostBlockBytes = 16_384;

/** What a block says of its request's path: nothing, as trailers and `CONNECT` do; this one; or an entry that is not known. */
export type BlockPath = "none" | "known" | "unknown" | "malformed";

/** Bytes of the names of the static table's fields (Appendix A), from index 1 on. */
const staticNames = [
  ...[10, 7, 7, 5, 5, 7, 7, 7, 7, 7, 7, 7, 7, 7, 14, 15, 15, 13, 6, 27, 3, 5, 13, 13, 19, 16, 16, 14, 16, 13, 12],
  ...[6, 4, 4, 6, 7, 4, 4, 8, 17, 13, 8, 19, 13, 4, 8, 12, 18, 19, 5, 7, 7, 11, 6, 10, 25, 17, 10, 4, 3, 16],
];

/** Indices of `:path` there: with `/`, and with `/index.html`. */
const rootIndex = 4;
const indexIndex = 5;
const indexPath = Buffer.from("/index.html");

const pathName = Buffer.from(":path");
/** It has no more bytes in either form; a text of more is another name. */
const mostPathName = 5;

const questionMark = 0x3f;
const firstVisible = 0x21;

/** Integers beyond this are refused: hpack.h does so too. */
const mostShift = 21;

/** Reads blocks, one after the other. Allocates nothing for one, and throws for none. */
export class HeaderBlock implements PathText {
  /** The path of the block that was read last. */
  readonly bytes = new Uint8Array(longestKept);
  length = 0;
  isCut = false;
  /** The path of the field that is being read. */
  readonly #value: PathText = { bytes: new Uint8Array(longestKept), length: 0, isCut: false };
  readonly #decoded = new Uint8Array(mostDecoded(mostBlockBytes));
  /** Where the text is that was read last. */
  #text: Uint8Array = this.#decoded;
  #textAt = 0;
  #block: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;
  #found: BlockPath = "none";

  /** Reads the block in `block[0..end)`, and changes the table as it says. One that is malformed ends it. */
  read(table: HeaderTable, block: Uint8Array, end: number): BlockPath {
    this.#block = block;
    this.#at = 0;
    this.#end = end;
    this.#found = "none";
    while (this.#at < end) {
      if (!this.#readField(table)) {
        table.end("malformed");
        return "malformed";
      }
    }
    return this.#found;
  }

  /** False for what is no field; so are the functions below. */
  #readField(table: HeaderTable): boolean {
    const byte = this.#block[this.#at++] as number;
    if ((byte & 0x80) !== 0) {
      return this.#readIndexed(table, byte);
    }
    if ((byte & 0xe0) === 0x20) {
      const size = this.#readInteger(byte, 0x1f);
      table.resize(Math.max(size, 0));
      return size >= 0;
    }
    const isInserted = (byte & 0x40) !== 0;
    const index = this.#readInteger(byte, isInserted ? 0x3f : 0x0f);
    return index >= 0 && this.#readLiteral(table, index, isInserted);
  }

  #readIndexed(table: HeaderTable, byte: number): boolean {
    const index = this.#readInteger(byte, 0x7f);
    const entry = index - staticNames.length - 1;
    if (entry < 0) {
      if (index === rootIndex || index === indexIndex) {
        this.#keep(indexPath, 0, index === rootIndex ? 1 : indexPath.length);
        this.#meet(this.#value);
      }
      return index > 0;
    }
    if (!table.has(entry)) {
      this.#meetUnknown();
      return table.unknown !== undefined;
    }
    const name = table.name(entry);
    if (name === FieldName.unknown) {
      this.#meetUnknown();
    } else if (name === FieldName.path) {
      table.copyPath(entry, this.#value);
      this.#meet(this.#value);
    }
    return true;
  }

  /** Reads a field whose name is that of an index, or, with 0, comes before its value. */
  #readLiteral(table: HeaderTable, index: number, isInserted: boolean): boolean {
    const entry = index - staticNames.length - 1;
    let name: FieldName = index === rootIndex || index === indexIndex ? FieldName.path : FieldName.other;
    let length = staticNames[index - 1] ?? 0;
    if (index === 0) {
      length = this.#readText(isInserted, mostPathName);
      name = this.#isPathName(length) ? FieldName.path : FieldName.other;
    } else if (entry >= 0 && table.has(entry)) {
      name = table.name(entry);
      length = table.nameLength(entry);
    } else if (entry >= 0) {
      name = FieldName.unknown;
      length = table.unknown === undefined ? -1 : 0;
    }
    return length >= 0 && this.#readValue(table, name, length, isInserted);
  }

  #readValue(table: HeaderTable, name: FieldName, nameLength: number, isInserted: boolean): boolean {
    if (name === FieldName.unknown) {
      this.#meetUnknown();
    }
    const isPath = name === FieldName.path;
    const length = this.#readText(isInserted || isPath, 0);
    if (length < 0) {
      return false;
    }
    if (isPath) {
      this.#keep(this.#text, this.#textAt, length);
      this.#meet(this.#value);
    }
    if (isInserted && isPath) {
      table.insertPath(nameLength, length, this.#value);
    } else if (isInserted) {
      table.insert(name, nameLength, length);
    }
    return true;
  }

  /**
   * Reads a text, if it is wanted or has no more than `most` bytes as it is written, else only passes it. Returns its bytes; -1 when it is
   * none.
   */
  #readText(isWanted: boolean, most: number): number {
    if (this.#at >= this.#end) {
      return -1;
    }
    const byte = this.#block[this.#at++] as number;
    const length = this.#readInteger(byte, 0x7f);
    const from = this.#at;
    if (length < 0 || length > this.#end - from) {
      return -1;
    }
    this.#at += length;
    if ((byte & 0x80) === 0) {
      this.#text = this.#block;
      this.#textAt = from;
      return length;
    }
    if (!isWanted && length > most) {
      this.#text = this.#decoded;
      this.#textAt = 0;
      return mostPathName + 1;
    }
    this.#text = this.#decoded;
    this.#textAt = 0;
    return decodeHuffman(this.#block, from, this.#at, this.#decoded);
  }

  /** An integer of which these bits are in its first byte, which has been read (RFC 7541, 5.1); -1 when it is none. */
  #readInteger(first: number, most: number): number {
    let value = first & most;
    if (value < most) {
      return value;
    }
    for (let shift = 0; shift <= mostShift && this.#at < this.#end; shift += 7) {
      const byte = this.#block[this.#at++] as number;
      value += (byte & 0x7f) << shift;
      if ((byte & 0x80) === 0) {
        return value;
      }
    }
    return -1;
  }

  /** Is the text that was read last `:path`? */
  #isPathName(length: number): boolean {
    if (length !== pathName.length) {
      return false;
    }
    for (let at = 0; at < length; at++) {
      if (this.#text[this.#textAt + at] !== pathName[at]) {
        return false;
      }
    }
    return true;
  }

  /** Takes a text as the path of the field, up to its query. */
  #keep(text: Uint8Array, from: number, length: number): void {
    const value = this.#value;
    const most = Math.min(length, longestKept);
    let at = 0;
    for (; at < most; at++) {
      const byte = text[from + at] as number;
      if (byte === questionMark || byte < firstVisible) {
        break;
      }
      value.bytes[at] = byte;
    }
    value.length = at;
    value.isCut = at === longestKept && length > longestKept;
  }

  /** Makes a field's path the block's, if it is the first one. */
  #meet({ bytes, length, isCut }: PathText): void {
    if (this.#found === "known") {
      return;
    }
    for (let at = 0; at < length; at++) {
      this.bytes[at] = bytes[at] as number;
    }
    this.length = length;
    this.isCut = isCut;
    this.#found = "known";
  }

  #meetUnknown(): void {
    if (this.#found === "none") {
      this.#found = "unknown";
    }
  }
}
