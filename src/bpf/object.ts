/** A BPF object: one program, its maps and constants, and the types by which libbpf and the loader know them. */
import type { Symbol } from "./assembler.js";
import { elfFile, type ElfSymbol } from "./elf.js";
import type { Code, Relocation } from "./encoder.js";
import { type TypesWriter } from "./types-writer.js";

/** Types of maps: enum bpf_map_type of include/uapi/linux/bpf.h. */
export const mapTypes = { hash: 1, array: 2, perCpuArray: 6, ring: 27 } as const;

/** A map of the object. */
export interface ObjectMap {
  readonly name: string;
  readonly type: number;
  /** Entries; of a ring, bytes. */
  readonly entries: number;
  /** Ids of types; absent for a ring. */
  readonly key?: number;
  readonly value?: number;
}

/** A constant, in .rodata. */
export interface ObjectConstant {
  readonly name: string;
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** The licence that the helpers ask for. */
const licence = "Dual BSD/GPL";

/** Writes the definition of a map as libbpf reads it, by BTF alone; returns its type and bytes. */
function definitionOf(
  types: TypesWriter,
  { type, entries, key, value }: ObjectMap,
): readonly [id: number, bytes: number] {
  const int = types.int("int", 4, true);
  const number = (count: number): number => types.pointer(types.array(int, count));
  const members = [
    ["type", number(type)] as const,
    ["max_entries", number(entries)] as const,
    ...(key === undefined ? [] : [["key", types.pointer(key)] as const]),
    ...(value === undefined ? [] : [["value", types.pointer(value)] as const]),
  ];
  const struct = types.struct(
    "",
    8 * members.length,
    members.map(([name, id], index) => ({ name, type: id, offset: 8 * index })),
  );
  return [struct, 8 * members.length];
}

interface Placed {
  readonly name: string;
  readonly type: number;
  readonly offset: number;
  readonly bytes: number;
}

/** Puts things behind each other, at multiples of 8 bytes. */
function placed(items: readonly (readonly [name: string, type: number, bytes: number])[]): Placed[] {
  let end = 0;
  return items.map(([name, type, bytes]) => {
    const offset = end;
    end += Math.ceil(bytes / 8) * 8;
    return { name, type, offset, bytes };
  });
}

function writeSection(types: TypesWriter, name: string, variables: readonly Placed[]): number {
  const last = variables.at(-1);
  const bytes = last === undefined ? 0 : last.offset + Math.ceil(last.bytes / 8) * 8;
  types.section(
    name,
    bytes,
    variables.map((each) => [types.variable(each.name, each.type), each.offset, each.bytes] as const),
  );
  return bytes;
}

function symbolName(symbol: Symbol): string {
  return "map" in symbol ? symbol.map : symbol.constant;
}

/** A program, and where it is attached, as `tp_btf/sched_process_exit`: no two of an object's are attached to the same. */
export interface ObjectProgram {
  readonly name: string;
  readonly section: string;
  readonly code: Code;
}

/** The bytes of an object, for {@link Signal.object}. */
export function objectBytes(
  programs: readonly ObjectProgram[],
  types: TypesWriter,
  maps: readonly ObjectMap[],
  constants: readonly ObjectConstant[],
): Uint8Array {
  const placedMaps = placed(maps.map((map) => [map.name, ...definitionOf(types, map)] as const));
  const placedConstants = placed(constants.map(({ name, type, bytes }) => [name, type, bytes.length] as const));
  const mapsBytes = writeSection(types, ".maps", placedMaps);
  const values = new Uint8Array(writeSection(types, ".rodata", placedConstants));
  placedConstants.forEach(({ offset }, index) => {
    values.set(constants[index]?.bytes ?? [], offset);
  });
  const symbolsIn = (section: string, all: readonly Placed[]): ElfSymbol[] =>
    all.map(({ name, offset, bytes }) => ({ name, section, offset, bytes, isFunction: false }));
  const sections = sectionsOf(programs);
  return elfFile(
    [
      ...[...sections].map(([name, { bytes }]) => ({ name, bytes: Buffer.concat(bytes), use: "code" as const })),
      { name: "license", bytes: Buffer.from(`${licence}\0`), use: "writable" },
      { name: ".maps", bytes: new Uint8Array(mapsBytes), use: "writable" },
      { name: ".rodata", bytes: values, use: "constant" },
      { name: ".BTF", bytes: types.bytes(), use: "none" },
    ],
    [
      ...[...sections.values()].flatMap(({ symbols }) => symbols),
      ...symbolsIn(".maps", placedMaps),
      ...symbolsIn(".rodata", placedConstants),
    ],
    [...sections].flatMap(([section, { relocations }]) =>
      relocations.map(({ offset, symbol }) => ({ section, offset, symbol: symbolName(symbol) })),
    ),
  );
}

/** Programs of one section: what they consist of, one behind the other. */
interface CodeSection {
  readonly bytes: Uint8Array[];
  readonly symbols: ElfSymbol[];
  readonly relocations: Relocation[];
}

/** Puts the programs of a tracepoint into one section. */
function sectionsOf(programs: readonly ObjectProgram[]): Map<string, CodeSection> {
  const sections = new Map<string, CodeSection>();
  for (const { name, section, code } of programs) {
    const found = sections.get(section) ?? { bytes: [], symbols: [], relocations: [] };
    sections.set(section, found);
    const offset = found.bytes.reduce((sum, { length }) => sum + length, 0);
    found.bytes.push(code.bytes);
    found.symbols.push({ name, section, offset, bytes: code.bytes.length, isFunction: true });
    found.relocations.push(...code.relocations.map((each) => ({ ...each, offset: offset + each.offset })));
  }
  return sections;
}
