/** Reading BTF, the kernel's description of its own types (Documentation/bpf/btf.rst): an index is made at once, types are decoded when asked for. */
import { readFileSync } from "node:fs";
import { kinds, type Member, type Parameter, type Type } from "./btf-types.js";

const btfMagic = 0xeb9f;
const wordBytes = 4;

/** Words of a type's head, and behind it of a fixed part and of each of `vlen` items, by kind. */
const headWords = 3;
const fixedWords = [0, 1, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0] as const;
const itemWords = [0, 0, 0, 0, 3, 3, 2, 0, 0, 0, 0, 0, 0, 2, 0, 3, 0, 0, 0, 3] as const;

/** Kinds that stand for another type and change nothing about how it lies in memory. */
const transparent = new Set<number>([kinds.typedef, kinds.volatile, kinds.const, kinds.restrict, kinds.typeTag]);

/** The types of a kernel, or of one of its modules, whose ids and strings go on where those of the kernel end (split BTF). */
export class Btf {
  readonly #base: Btf | undefined;
  /** The first id that is no type of the base. */
  readonly #first: number;
  /** Where the strings begin: behind those of the base. */
  readonly #stringsFrom: number;
  readonly #words: Uint32Array;
  readonly #strings: Buffer;
  /** By id, from the first: where the type begins, in words. */
  readonly #starts: Uint32Array;
  /** Types: ids go from 1 to below it, those of the base among them. */
  readonly count: number;
  readonly #types = new Map<number, Type>();
  readonly #found = new Map<string, number | undefined>();

  /** Throws when the bytes are no BTF of this byte order; `name` names them in the message. */
  constructor(bytes: Uint8Array, name: string, base?: Btf) {
    this.#base = base;
    this.#first = base?.count ?? 1;
    this.#stringsFrom = base === undefined ? 0 : base.#stringsFrom + base.#strings.length;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (bytes.byteLength < 24 || view.getUint16(0, true) !== btfMagic) {
      throw new Error(`reading ${name}: no BTF in it`);
    }
    const header = view.getUint32(4, true);
    const [typesAt, typesSize, stringsAt, stringsSize] = [8, 12, 16, 20].map((at) => view.getUint32(at, true)) as [
      number,
      number,
      number,
      number,
    ];
    if (header + Math.max(typesAt + typesSize, stringsAt + stringsSize) > bytes.byteLength) {
      throw new Error(`reading ${name}: its BTF is cut off`);
    }
    const types = bytes.subarray(header + typesAt, header + typesAt + typesSize);
    // Words are read in place where they lie at a multiple of their size, as in a file of the kernel's.
    const aligned = types.byteOffset % wordBytes === 0 ? types : Uint8Array.from(types);
    this.#words = new Uint32Array(aligned.buffer, aligned.byteOffset, typesSize / wordBytes);
    const strings = bytes.subarray(header + stringsAt, header + stringsAt + stringsSize);
    this.#strings = Buffer.from(strings.buffer, strings.byteOffset, strings.byteLength);
    this.#starts = new Uint32Array(Math.ceil(this.#words.length / headWords) + 1);
    this.count = this.#index();
  }

  /** Reads the BTF of a kernel from a file, such as /sys/kernel/btf/vmlinux; of a module, whose `base` is its kernel. */
  static read(path: string, base?: Btf): Btf {
    return new Btf(readFileSync(path), path, base);
  }

  #index(): number {
    const words = this.#words;
    let count = this.#first;
    for (let at = 0; at < words.length; count++) {
      this.#starts[count - this.#first] = at;
      const info = words[at + 1] as number;
      const kind = (info >>> 24) & 0x1f;
      at += headWords + (fixedWords[kind] ?? 0) + (itemWords[kind] ?? 0) * (info & 0xffff);
    }
    return count;
  }

  #word(at: number): number {
    return this.#words[at] as number;
  }

  /** Whose type it is. */
  #of(id: number): Btf {
    return this.#base !== undefined && id < this.#first ? this.#base : this;
  }

  #start(id: number): number {
    return this.#starts[id - this.#first] as number;
  }

  #kind(id: number): number {
    const of = this.#of(id);
    return id === 0 ? kinds.void : (of.#word(of.#start(id) + 1) >>> 24) & 0x1f;
  }

  #text(offset: number): string {
    if (this.#base !== undefined && offset < this.#stringsFrom) {
      return this.#base.#text(offset);
    }
    const from = offset - this.#stringsFrom;
    return this.#strings.toString("latin1", from, this.#strings.indexOf(0, from));
  }

  /** A type by its id; 0 is void. */
  type(id: number): Type {
    const of = this.#of(id);
    if (of !== this) {
      return of.type(id);
    }
    const known = this.#types.get(id);
    if (known !== undefined) {
      return known;
    }
    const type = this.#decode(id);
    this.#types.set(id, type);
    return type;
  }

  #decode(id: number): Type {
    const kind = this.#kind(id);
    const none = { id, kind, name: "", size: 0, type: 0, signed: false, count: 0, members: [] };
    if (kind === kinds.void) {
      return none;
    }
    const at = this.#start(id);
    const info = this.#word(at + 1);
    const named = { ...none, name: this.#text(this.#word(at)) };
    const last = this.#word(at + 2);
    const isFlagged = info >>> 31 === 1;
    switch (kind) {
      case kinds.int:
        return { ...named, size: last, signed: ((this.#word(at + headWords) >>> 24) & 1) === 1 };
      case kinds.float:
        return { ...named, size: last };
      case kinds.enum:
      case kinds.enum64:
        return { ...named, size: last, signed: isFlagged };
      case kinds.struct:
      case kinds.union:
        return { ...named, size: last, members: this.#members(at, info) };
      case kinds.array:
        return { ...named, type: this.#word(at + headWords), count: this.#word(at + headWords + 2) };
      default:
        return { ...named, type: last };
    }
  }

  #members(at: number, info: number): Member[] {
    const hasBitSizes = info >>> 31 === 1;
    return Array.from({ length: info & 0xffff }, (_, index) => {
      const from = at + headWords + 3 * index;
      const place = this.#word(from + 2);
      return {
        name: this.#text(this.#word(from)),
        type: this.#word(from + 1),
        bitOffset: hasBitSizes ? place & 0xffffff : place,
        bitSize: hasBitSizes ? place >>> 24 : 0,
      };
    });
  }

  /** The values of an enum by name, exact; empty for other types. */
  enumerators(id: number): ReadonlyMap<string, bigint> {
    const of = this.#of(id);
    if (of !== this) {
      return of.enumerators(id);
    }
    const { kind, signed } = this.type(id);
    const at = this.#start(id);
    const values = new Map<string, bigint>();
    const words = itemWords[kind] ?? 0;
    if (kind !== kinds.enum && kind !== kinds.enum64) {
      return values;
    }
    for (let index = 0; index < (this.#word(at + 1) & 0xffff); index++) {
      const from = at + headWords + words * index;
      const low = BigInt(this.#word(from + 1));
      const whole = kind === kinds.enum ? low : low | (BigInt(this.#word(from + 2)) << 32n);
      const bits = kind === kinds.enum ? 32 : 64;
      values.set(this.#text(this.#word(from)), signed ? BigInt.asIntN(bits, whole) : whole);
    }
    return values;
  }

  /** The parameters of a function prototype. */
  parameters(id: number): Parameter[] {
    const of = this.#of(id);
    if (of !== this) {
      return of.parameters(id);
    }
    const at = this.#start(id);
    return Array.from({ length: this.#word(at + 1) & 0xffff }, (_, index) => ({
      name: this.#text(this.#word(at + headWords + 2 * index)),
      type: this.#word(at + headWords + 2 * index + 1),
    }));
  }

  /** Is a type one of the module's, and not of the kernel itself? */
  isOfModule(id: number): boolean {
    return this.#base !== undefined && id >= this.#first;
  }

  /** The first type of a kind and name, of its own before those of the base. */
  find(kind: number, name: string): number | undefined {
    const key = `${kind} ${name}`;
    if (!this.#found.has(key)) {
      this.#found.set(key, this.#search(kind, name));
    }
    return this.#found.get(key);
  }

  #search(kind: number, name: string): number | undefined {
    const offsets = this.#offsets(name);
    for (let id = this.#first; offsets.length > 0 && id < this.count; id++) {
      if (offsets.includes(this.#word(this.#start(id))) && this.#kind(id) === kind) {
        return id;
      }
    }
    return this.#base?.find(kind, name);
  }

  /** Where a string lies that is a name: each lies once, in the base or behind it. */
  #offsets(name: string): number[] {
    const inBase = this.#base === undefined ? [] : this.#base.#offsets(name);
    // Those of a module begin without the empty one.
    const isFirst = this.#base !== undefined && this.#strings.indexOf(`${name}\0`, 0, "latin1") === 0;
    const offset = isFirst ? 0 : this.#strings.indexOf(`\0${name}\0`, 0, "latin1") + 1;
    return offset === 0 && !isFirst ? inBase : [...inBase, this.#stringsFrom + offset];
  }

  /** The types of a kind, not of the base, whose names begin with `prefix`: the rest of each name, and the id. */
  *startingWith(kind: number, prefix: string): Generator<readonly [rest: string, id: number]> {
    const bytes = Buffer.from(prefix, "latin1");
    for (let id = this.#first; id < this.count; id++) {
      const offset = this.#word(this.#start(id));
      if (this.#kind(id) === kind && this.#beginsWith(offset, bytes)) {
        yield [this.#text(offset + bytes.length), id];
      }
    }
  }

  #beginsWith(offset: number, bytes: Buffer): boolean {
    if (this.#base !== undefined && offset < this.#stringsFrom) {
      return this.#base.#beginsWith(offset, bytes);
    }
    const from = offset - this.#stringsFrom;
    return this.#strings.compare(bytes, 0, bytes.length, from, from + bytes.length) === 0;
  }

  /** What a type is behind typedefs, qualifiers and tags. */
  peel(id: number): Type {
    let peeled = id;
    while (transparent.has(this.#kind(peeled))) {
      const of = this.#of(peeled);
      peeled = of.#word(of.#start(peeled) + 2);
    }
    return this.type(peeled);
  }

  /** The tags of a pointer's target, such as `user` or `percpu`, which compilers other than GCC write. */
  tags(pointer: Type): string[] {
    const tags: string[] = [];
    for (let type = this.type(pointer.type); transparent.has(type.kind); type = this.type(type.type)) {
      if (type.kind === kinds.typeTag) {
        tags.push(type.name);
      }
    }
    return tags;
  }

  /** Bytes of a type; 0 for void, functions and what is only declared. */
  sizeOf(id: number): number {
    const type = this.peel(id);
    switch (type.kind) {
      case kinds.pointer:
        return 8;
      case kinds.array:
        return type.count * this.sizeOf(type.type);
      default:
        return type.size;
    }
  }

  /** A member by its name, those of anonymous structs and unions among them, with its offset in this struct. */
  member(struct: Type, name: string): Member | undefined {
    for (const member of struct.members) {
      if (member.name === name) {
        return member;
      }
      const inner = member.name === "" ? this.member(this.peel(member.type), name) : undefined;
      if (inner !== undefined) {
        return { ...inner, bitOffset: inner.bitOffset + member.bitOffset };
      }
    }
    return undefined;
  }

  /** The names of all members, those of anonymous structs and unions among them. */
  memberNames(struct: Type): string[] {
    return struct.members.flatMap(({ name, type }) => (name === "" ? this.memberNames(this.peel(type)) : [name]));
  }
}
