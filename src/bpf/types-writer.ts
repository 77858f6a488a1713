/** Writing BTF: the types that an object says its maps, constants and records have. */
import { kinds } from "./btf-types.js";

const magic = 0xeb9f;
const headerBytes = 24;
const globalVariable = 1;

/** A member of a struct that is written. */
export interface WrittenMember {
  readonly name: string;
  readonly type: number;
  /** Bytes from the start. */
  readonly offset: number;
}

/** Collects types; each method returns the id of one. */
export class TypesWriter {
  readonly #words: number[] = [];
  #strings = "\0";
  readonly #offsets = new Map<string, number>([["", 0]]);
  #count = 0;
  readonly #known = new Map<string, number>();

  #text(text: string): number {
    const known = this.#offsets.get(text);
    if (known !== undefined) {
      return known;
    }
    const offset = this.#strings.length;
    this.#strings += `${text}\0`;
    this.#offsets.set(text, offset);
    return offset;
  }

  #add(name: string, kind: number, vlen: number, last: number, ...rest: number[]): number {
    this.#words.push(this.#text(name), (kind << 24) | vlen, last, ...rest);
    return ++this.#count;
  }

  #once(key: string, make: () => number): number {
    const id = this.#known.get(key) ?? make();
    this.#known.set(key, id);
    return id;
  }

  /** An integer, such as `u32`, `s64`; `char` is text. */
  int(name: string, bytes: number, signed = false): number {
    return this.#once(name, () => this.#add(name, kinds.int, 0, bytes, (Number(signed) << 24) | (8 * bytes)));
  }

  pointer(type: number): number {
    return this.#once(`*${type}`, () => this.#add("", kinds.pointer, 0, type));
  }

  array(type: number, count: number): number {
    const index = this.int("u32", 4);
    return this.#once(`${type}[${count}]`, () => this.#add("", kinds.array, 0, 0, type, index, count));
  }

  struct(name: string, bytes: number, members: readonly WrittenMember[]): number {
    const words = members.flatMap((member) => [this.#text(member.name), member.type, 8 * member.offset]);
    return this.#add(name, kinds.struct, members.length, bytes, ...words);
  }

  variable(name: string, type: number): number {
    return this.#add(name, kinds.variable, 0, type, globalVariable);
  }

  /** A section of variables, each with its offset and bytes. */
  section(
    name: string,
    bytes: number,
    variables: readonly (readonly [id: number, offset: number, bytes: number])[],
  ): void {
    this.#add(name, kinds.section, variables.length, bytes, ...variables.flat());
  }

  /** All of it, as the section .BTF has it. */
  bytes(): Uint8Array {
    const strings = Buffer.from(this.#strings, "latin1");
    const types = Uint32Array.from(this.#words);
    const header = Buffer.alloc(headerBytes);
    header.writeUInt16LE(magic, 0);
    header.writeUInt8(1, 2);
    header.writeUInt32LE(headerBytes, 4);
    header.writeUInt32LE(types.byteLength, 12);
    header.writeUInt32LE(types.byteLength, 16);
    header.writeUInt32LE(strings.length, 20);
    return Buffer.concat([header, Buffer.from(types.buffer), strings]);
  }
}
