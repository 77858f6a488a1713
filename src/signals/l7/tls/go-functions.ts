/**
 * Functions of a program of Go, by name. They are in a table that Go itself needs, also where a file has been stripped: src/runtime/
 * symtab.go of Go, `pcHeader`, `functab` and `_func`. The owner of a container may have written the file, so that what is read is bounded.
 */
import { type Elf, type FoundFunction, type Part, TlsFault, word } from "./elf.js";

/** What the table begins with, of Go 1.16, 1.18 and 1.20; the newer ones have entries of 32 bits, behind the beginning of the code. */
const magics = new Map([
  [0xfffffffa, { isRelative: false }],
  [0xfffffff0, { isRelative: true }],
  [0xfffffff1, { isRelative: true }],
]);

/** As much as is read of a table: that of a program of 200 MB has 300,000 functions and 30 MB of names. */
const mostFunctions = 4_000_000;
const mostNames = 256 * 2 ** 20;
/** Read at once, so that the agent does other things between one piece and the next. */
const piece = 2 ** 20;
const entriesAtOnce = 8192;
/** Functions of one name. */
const mostOfName = 8;

interface Table {
  readonly section: Part;
  readonly functions: number;
  readonly isRelative: boolean;
  /** In the section. */
  readonly names: Part;
  readonly entries: number;
  /** The address that relative entries count from; 0: the header does not say. */
  readonly text: number;
}

async function readHeader(elf: Elf, section: Part): Promise<Table> {
  const header = await elf.read(section, 0, 72);
  const format = header.length === 72 ? magics.get(header.readUInt32LE(0)) : undefined;
  if (format === undefined || header[7] !== 8) {
    throw new TlsFault("its table of functions is of a version of Go that is not known");
  }
  const [functions, , text, first, second] = Array.from({ length: 5 }, (_, n) => word(header, 8 + n * 8)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const names = format.isRelative ? first : text;
  const behindNames = format.isRelative ? second : first;
  if (functions > mostFunctions || behindNames < names || behindNames - names > mostNames) {
    throw new TlsFault("its table of functions is too large");
  }
  return {
    section,
    functions,
    isRelative: format.isRelative,
    names: { offset: names, size: behindNames - names },
    entries: word(header, format.isRelative ? 64 : 56),
    text: format.isRelative ? text : 0,
  };
}

/** Where names are, in those of the table. */
async function placesOf(elf: Elf, { section, names }: Table, wanted: readonly string[]): Promise<Map<number, string>> {
  const places = new Map<number, string>();
  const longest = Math.max(...wanted.map((name) => name.length)) + 2;
  for (let at = 0; at < names.size && places.size < wanted.length; at += piece) {
    // Each name follows the end of another one.
    const from = Math.max(at - 1, 0);
    const text = await elf.read(section, names.offset + from, Math.min(piece + longest, names.size - from));
    for (const name of wanted) {
      const found = text.indexOf(`\0${name}\0`, 0, "latin1");
      if (found >= 0) {
        places.set(from + found + 1, name);
      }
    }
  }
  return places;
}

/** The address that relative entries count from: since Go 1.26, only Go's `moduledata` tells it, after 22 words. */
async function beginningOfCode(elf: Elf, { text, isRelative }: Table): Promise<number> {
  if (!isRelative || text !== 0) {
    return text;
  }
  const data = await elf.section(".go.module");
  const bytes = data === undefined ? undefined : await elf.read(data, 22 * 8, 8);
  const told = bytes?.length === 8 ? word(bytes, 0) : 0;
  return told === 0 ? ((await elf.section(".text"))?.address ?? 0) : told;
}

/** Calls `take` with the entry, the end and the place of the name of each function. */
async function eachFunction(
  elf: Elf,
  { section, functions, isRelative, entries }: Table,
  take: (entry: number, end: number, name: number) => void,
): Promise<void> {
  const width = isRelative ? 4 : 8;
  const number = (bytes: Buffer, at: number): number => (isRelative ? bytes.readUInt32LE(at) : word(bytes, at));
  let details: Buffer = Buffer.alloc(0);
  let detailsAt = 0;
  for (let first = 0; first < functions; first += entriesAtOnce) {
    const count = Math.min(entriesAtOnce, functions - first);
    const table = await elf.read(section, entries + first * 2 * width, (count * 2 + 1) * width);
    if (table.length < (count * 2 + 1) * width) {
      throw new TlsFault("its table of functions is cut");
    }
    for (let n = 0; n < count; n++) {
      const detail = number(table, (n * 2 + 1) * width);
      if (detail < detailsAt) {
        throw new TlsFault("its functions are not in their order");
      }
      if (detail + width + 4 > detailsAt + details.length) {
        details = await elf.read(section, entries + detail, piece);
        detailsAt = detail;
      }
      if (details.length < width + 4) {
        throw new TlsFault("its table of functions is cut");
      }
      take(
        number(table, n * 2 * width),
        number(table, (n * 2 + 2) * width),
        details.readUInt32LE(detail - detailsAt + width),
      );
    }
  }
}

/** Where the table is; undefined in a file that is no program of Go. */
async function findTable(elf: Elf): Promise<Part | undefined> {
  const own = (await elf.section(".gopclntab")) ?? (await elf.section(".data.rel.ro.gopclntab"));
  if (own !== undefined || (await elf.section(".go.buildinfo")) === undefined) {
    return own;
  }
  // Other linkers than Go's make it a part of another section, where it begins at a multiple of 32.
  const merged = await elf.section(".data.rel.ro");
  for (let at = 0; merged !== undefined && at < merged.size; at += piece) {
    const bytes = await elf.read(merged, at, piece);
    for (let n = 0; n + 8 <= bytes.length; n += 32) {
      if (magics.has(bytes.readUInt32LE(n)) && bytes.readUInt16LE(n + 4) === 0 && bytes[n + 7] === 8) {
        return { offset: merged.offset + at + n, size: merged.size - at - n };
      }
    }
  }
  throw new TlsFault("its table of functions is not found");
}

/**
 * The functions of these names; several of a name where assembly has wrappers. Undefined for a file that is no program of Go.
 *
 * @throws TlsFault for a table that cannot be read
 */
export async function goFunctions(
  elf: Elf,
  wanted: readonly string[],
): Promise<ReadonlyMap<string, readonly FoundFunction[]> | undefined> {
  const section = await findTable(elf);
  if (section === undefined) {
    return undefined;
  }
  const table = await readHeader(elf, section);
  const places = await placesOf(elf, table, wanted);
  const found = new Map<string, FoundFunction[]>();
  if (places.size === 0) {
    return found;
  }
  const beginning = await beginningOfCode(elf, table);
  await eachFunction(elf, table, (entry, end, place) => {
    const name = places.get(place);
    if (name !== undefined && end > entry) {
      const one = { offset: elf.offsetOf(beginning + entry), size: end - entry };
      found.set(name, [...(found.get(name) ?? []), one].slice(0, mostOfName));
    }
  });
  return found;
}
