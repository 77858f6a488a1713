/**
 * Functions of an ELF file of this machine's architecture, by name. The owner of a container may have written the file: each number in
 * it is checked before it is used, and what is read of it is bounded.
 */

/** A file that is read piece by piece. */
export interface ByteSource {
  readonly size: number;
  /** Exactly so many bytes from there on; rejects where there are not as many. */
  read(position: number, length: number): Promise<Buffer>;
}

/** A part of a file. */
export interface Part {
  readonly offset: number;
  readonly size: number;
}

/** A function: where its code is in the file, and how long it is. */
export interface FoundFunction {
  readonly offset: number;
  readonly size: number;
}

/** What is wrong with a file, in a few words. */
export class ElfFault extends Error {}

/** The same of a file that has TLS. */
export class TlsFault extends ElfFault {}

/** The numbers of machines that have a name here (e_machine of elf.h). */
const machines: Readonly<Record<string, number>> = { x64: 62, arm64: 183 };

const headerSize = 64;
const sectionSize = 64;
const segmentSize = 56;
const symbolSize = 24;

/** elf.h: types of sections, segments and symbols. */
const symbolTable = 2;
const dynamicSymbols = 11;
const loadable = 1;
const executable = 1;
const functionType = 2;
const noBits = 8;

/** As much as is read of a file: Node's own names are 4 MB, those of a large program of Rust 50 MB. */
const mostSections = 1024;
const mostSegments = 64;
const mostSectionNames = 2 ** 16;
const mostNames = 64 * 2 ** 20;
const mostSymbols = 4_000_000;
/** Read at once, so that the agent does other things between one piece and the next. */
const symbolsAtOnce = 8192;
const namesAtOnce = 2 ** 20;
/** Times that the names that are searched for may stand among all of them. */
const mostPlaces = 1024;

function fault(problem: string): never {
  throw new ElfFault(problem);
}

/** A number of 64 bits that is a place or a length in a file. */
export function word(bytes: Buffer, at: number): number {
  const value = bytes.readBigUInt64LE(at);
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? fault("a number in it is too large") : Number(value);
}

interface Segment {
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

interface Section {
  readonly name: number;
  readonly type: number;
  readonly address: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
}

/** An ELF file whose headers have been read. */
export class Elf {
  /** Of its code, as `process.arch` has it. */
  readonly architecture: string;
  readonly #source: ByteSource;
  readonly #code: readonly Segment[];
  readonly #sections: readonly Section[];
  /** The number of the section with the names of sections. */
  readonly #names: number;

  private constructor(
    architecture: string,
    source: ByteSource,
    code: readonly Segment[],
    sections: readonly Section[],
    names: number,
  ) {
    this.architecture = architecture;
    this.#source = source;
    this.#code = code;
    this.#sections = sections;
    this.#names = names;
  }

  /** @throws ElfFault for what is no such file. */
  static async open(source: ByteSource, architecture: string = process.arch): Promise<Elf> {
    if (source.size < headerSize) {
      fault("it is too short for an ELF file");
    }
    const header = await source.read(0, headerSize);
    if (header.readUInt32BE(0) !== 0x7f454c46) {
      fault("it is no ELF file");
    }
    if (header[4] !== 2 || header[5] !== 1 || header.readUInt16LE(18) !== machines[architecture]) {
      fault("it is of another architecture");
    }
    const segments = header.readUInt16LE(56);
    const sections = header.readUInt16LE(60);
    if (header.readUInt16LE(54) !== segmentSize || segments > mostSegments) {
      fault(`it has ${segments} segments`);
    }
    if (header.readUInt16LE(58) !== sectionSize || sections === 0 || sections > mostSections) {
      fault(`it has ${sections} sections`);
    }
    const code = await source.read(word(header, 32), segments * segmentSize);
    const table = await source.read(word(header, 40), sections * sectionSize);
    return new Elf(
      architecture,
      source,
      Array.from({ length: segments }, (_, n) => code.subarray(n * segmentSize))
        .filter((entry) => entry.readUInt32LE(0) === loadable && (entry.readUInt32LE(4) & executable) !== 0)
        .map((entry) => ({ offset: word(entry, 8), address: word(entry, 16), size: word(entry, 32) })),
      Array.from({ length: sections }, (_, n) => table.subarray(n * sectionSize)).map((entry) => ({
        name: entry.readUInt32LE(0),
        type: entry.readUInt32LE(4),
        address: word(entry, 16),
        offset: word(entry, 24),
        size: word(entry, 32),
        link: entry.readUInt32LE(40),
      })),
      header.readUInt16LE(62),
    );
  }

  /** The section of a name, and the address that it has in memory; undefined where there is none. */
  async section(name: string): Promise<(Part & { readonly address: number }) | undefined> {
    const names = this.#sections[this.#names];
    if (names === undefined || names.size > mostSectionNames) {
      return undefined;
    }
    const text = await this.#source.read(names.offset, names.size);
    const wanted = Buffer.from(`${name}\0`, "latin1");
    return this.#sections.find((section) => {
      const found = text.subarray(section.name, section.name + wanted.length);
      return section.type !== noBits && found.equals(wanted);
    });
  }

  /** Bytes of a part, from a place in it on: as many as are asked for, less where it ends. */
  read({ offset, size }: Part, at: number, most: number): Promise<Buffer> {
    return at < 0 || at > size
      ? fault("a number in it leads out of its section")
      : this.#source.read(offset + at, Math.min(most, size - at));
  }

  /** The functions of these names, of those that the file has and tells of: also those that other files cannot use. */
  async functions(names: readonly string[]): Promise<Map<string, FoundFunction>> {
    const found = new Map<string, FoundFunction>();
    for (const wanted of [dynamicSymbols, symbolTable]) {
      const section = this.#sections.find(({ type }) => type === wanted);
      if (section !== undefined) {
        await this.#search(section, names, found);
      }
    }
    return found;
  }

  /** Code of the file, less than asked for where the segment ends; empty outside of it. */
  async code({ offset, size }: FoundFunction, most: number): Promise<Buffer> {
    const segment = this.#code.find((one) => offset >= one.offset && offset < one.offset + one.size);
    const left = segment === undefined ? 0 : segment.offset + segment.size - offset;
    const length = Math.min(left, most, size === 0 ? most : size, this.#source.size - offset);
    return length > 0 ? this.#source.read(offset, length) : Buffer.alloc(0);
  }

  async #search(section: Section, names: readonly string[], found: Map<string, FoundFunction>): Promise<void> {
    const { offset, size } = this.#sections[section.link] ?? fault("its symbols have no names");
    if (size > mostNames || section.size / symbolSize > mostSymbols) {
      fault("it has too many symbols");
    }
    const wanted = await this.#placesOf(names, offset, size);
    if (wanted.size === 0) {
      return;
    }
    const end = section.size - (section.size % symbolSize);
    for (let at = 0; at < end; at += symbolsAtOnce * symbolSize) {
      const symbols = await this.#source.read(section.offset + at, Math.min(symbolsAtOnce * symbolSize, end - at));
      for (let n = 0; n < symbols.length; n += symbolSize) {
        const name = wanted.get(symbols.readUInt32LE(n));
        // An undefined one is of another file.
        const isDefined = symbols.readUInt16LE(n + 6) !== 0 && ((symbols[n + 4] as number) & 15) === functionType;
        if (name !== undefined && isDefined && !found.has(name)) {
          found.set(name, { offset: this.offsetOf(word(symbols, n + 8)), size: word(symbols, n + 16) });
        }
      }
    }
  }

  /** Where these names are among those of symbols. One may be the end of a longer one. */
  async #placesOf(names: readonly string[], offset: number, size: number): Promise<Map<number, string>> {
    const places = new Map<number, string>();
    const wanted = names.map((name) => [name, Buffer.from(`${name}\0`, "latin1")] as const);
    const overlap = Math.max(...names.map((name) => name.length));
    for (let from = 0; from < size; from += namesAtOnce) {
      const text = await this.#source.read(offset + from, Math.min(namesAtOnce + overlap, size - from));
      for (const [name, bytes] of wanted) {
        for (let at = text.indexOf(bytes); at >= 0; at = text.indexOf(bytes, at + 1)) {
          places.set(from + at, name);
          if (places.size > mostPlaces) {
            fault("it has a name too often");
          }
        }
      }
    }
    return places;
  }

  /** Where in the file the code of an address is. */
  offsetOf(address: number): number {
    const segment = this.#code.find((one) => address >= one.address && address < one.address + one.size);
    return segment === undefined
      ? fault("a function is outside of its code")
      : address - segment.address + segment.offset;
  }
}
