/** A relocatable ELF file, as clang would write it: what libbpf opens. */

/** A section. */
export interface Section {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Program code, data that is written or only read, or neither of them in memory. */
  readonly use: "code" | "writable" | "constant" | "none";
}

/** A name for a place in a section. */
export interface ElfSymbol {
  readonly name: string;
  readonly section: string;
  readonly offset: number;
  readonly bytes: number;
  readonly isFunction: boolean;
}

/** An address for the loader to fill in. */
export interface ElfRelocation {
  readonly section: string;
  readonly offset: number;
  readonly symbol: string;
}

/** Numbers of include/uapi/linux/elf.h and elf-em.h. */
const relocatableFile = 1;
const bpfMachine = 247;
const sectionTypes = { data: 1, symbols: 2, strings: 3, relocations: 9 };
const sectionFlags = { code: 0x6, writable: 0x3, constant: 0x2, none: 0 };
const globalObject = 0x11;
const globalFunction = 0x12;
const bpf64 = 1;
const headerBytes = 64;
const sectionHeaderBytes = 64;
const symbolBytes = 24;
const relocationBytes = 16;

interface Written {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly link: number;
  readonly info: number;
  readonly entryBytes: number;
  readonly bytes: Uint8Array;
}

/** Texts behind each other, and where each begins. */
class Strings {
  #text = "\0";

  offset(text: string): number {
    const offset = this.#text.length;
    this.#text += `${text}\0`;
    return offset;
  }

  bytes(): Uint8Array {
    return Buffer.from(this.#text, "latin1");
  }
}

function symbolTable(symbols: readonly ElfSymbol[], sections: readonly Section[], strings: Strings): Uint8Array {
  const table = Buffer.alloc((symbols.length + 1) * symbolBytes);
  symbols.forEach(({ name, section, offset, bytes, isFunction }, index) => {
    const at = (index + 1) * symbolBytes;
    table.writeUInt32LE(strings.offset(name), at);
    table.writeUInt8(isFunction ? globalFunction : globalObject, at + 4);
    table.writeUInt16LE(1 + sections.findIndex((each) => each.name === section), at + 6);
    table.writeBigUInt64LE(BigInt(offset), at + 8);
    table.writeBigUInt64LE(BigInt(bytes), at + 16);
  });
  return table;
}

function relocationTable(relocations: readonly ElfRelocation[], symbols: readonly ElfSymbol[]): Uint8Array {
  const table = Buffer.alloc(relocations.length * relocationBytes);
  relocations.forEach(({ offset, symbol }, index) => {
    const number = 1 + symbols.findIndex(({ name }) => name === symbol);
    table.writeBigUInt64LE(BigInt(offset), index * relocationBytes);
    table.writeBigUInt64LE((BigInt(number) << 32n) | BigInt(bpf64), index * relocationBytes + 8);
  });
  return table;
}

/** The bytes of a file with these sections. */
export function elfFile(
  sections: readonly Section[],
  symbols: readonly ElfSymbol[],
  relocations: readonly ElfRelocation[],
): Uint8Array {
  const strings = new Strings();
  const symbolsAt = sections.length + 1;
  const stringsAt = symbolsAt + 1;
  const table = symbolTable(symbols, sections, strings);
  const related = sections.filter(({ name }) => relocations.some(({ section }) => section === name));
  const written: Written[] = [
    ...sections.map(({ name, bytes, use }) => ({
      name,
      type: sectionTypes.data,
      flags: sectionFlags[use],
      link: 0,
      info: 0,
      entryBytes: 0,
      bytes,
    })),
    // All symbols are global: the first one's number is what `info` has.
    {
      name: ".symtab",
      type: sectionTypes.symbols,
      flags: 0,
      link: stringsAt,
      info: 1,
      entryBytes: symbolBytes,
      bytes: table,
    },
    { name: ".strtab", type: sectionTypes.strings, flags: 0, link: 0, info: 0, entryBytes: 0, bytes: new Uint8Array() },
    ...related.map((section) => ({
      name: `.rel${section.name}`,
      type: sectionTypes.relocations,
      flags: 0,
      link: symbolsAt,
      info: 1 + sections.indexOf(section),
      entryBytes: relocationBytes,
      bytes: relocationTable(
        relocations.filter((relocation) => relocation.section === section.name),
        symbols,
      ),
    })),
  ];
  const names = written.map(({ name }) => strings.offset(name));
  const contents = written.map(({ name, bytes }) => (name === ".strtab" ? strings.bytes() : bytes));
  return assembled(written, names, contents, stringsAt);
}

function assembled(
  written: readonly Written[],
  names: readonly number[],
  contents: readonly Uint8Array[],
  stringsAt: number,
): Uint8Array {
  const parts: Uint8Array[] = [];
  const headers = Buffer.alloc((written.length + 1) * sectionHeaderBytes);
  let end = headerBytes;
  written.forEach(({ type, flags, link, info, entryBytes }, index) => {
    const bytes = contents[index] as Uint8Array;
    const at = (index + 1) * sectionHeaderBytes;
    headers.writeUInt32LE(names[index] as number, at);
    headers.writeUInt32LE(type, at + 4);
    headers.writeBigUInt64LE(BigInt(flags), at + 8);
    headers.writeBigUInt64LE(BigInt(end), at + 24);
    headers.writeBigUInt64LE(BigInt(bytes.length), at + 32);
    headers.writeUInt32LE(link, at + 40);
    headers.writeUInt32LE(info, at + 44);
    headers.writeBigUInt64LE(8n, at + 48);
    headers.writeBigUInt64LE(BigInt(entryBytes), at + 56);
    const padding = (8 - (bytes.length % 8)) % 8;
    parts.push(bytes, new Uint8Array(padding));
    end += bytes.length + padding;
  });
  const header = Buffer.alloc(headerBytes);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  header.writeUInt16LE(relocatableFile, 16);
  header.writeUInt16LE(bpfMachine, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(end), 40);
  header.writeUInt16LE(headerBytes, 52);
  header.writeUInt16LE(sectionHeaderBytes, 58);
  header.writeUInt16LE(written.length + 1, 60);
  header.writeUInt16LE(stringsAt, 62);
  return Buffer.concat([header, ...parts, headers]);
}
