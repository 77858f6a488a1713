/** Names of system calls, by the marked numbers that bpf/syscall/syscall.bpf.c counts under, and the other way round. */
import { arm, arm64, ia32, x32, x64 } from "./syscall-numbers.js";
import { readNames } from "./numbered-names.js";

/** COMPAT_BIT, X32_SYSCALL_BIT and NR_UNKNOWN of bpf/include/ringtap/syscall.h. */
export const compatBit = 0x80000000;
const x32Bit = 0x40000000;
const unknownNumber = 1023;

/** What all numbers beyond the kernel's tables are counted as: a program can ask for any number it likes. */
const unknownName = "syscall_unknown";

/** Numbers that have an index: see {@link syscallIndex}. */
export const indexCount = 3 * 1024;

/** One of the tables of numbers that programs of an architecture can use. */
interface Table {
  /** What tells its numbers from those of the native table, and how its names show it. */
  readonly mark: number;
  readonly prefix: string;
  readonly names: readonly (string | undefined)[];
  readonly numbers: ReadonlyMap<string, number>;
}

function table(mark: number, prefix: string, text: string): Table {
  const names = readNames(text);
  return {
    mark,
    prefix,
    names,
    numbers: new Map(names.flatMap((name, nr) => (name === undefined ? [] : [[name, nr]]))),
  };
}

const tables: Readonly<Record<string, readonly Table[]>> = {
  x64: [table(0, "", x64), table(compatBit, "compat_", ia32), table(x32Bit, "x32_", x32)],
  arm64: [table(0, "", arm64), table(compatBit, "compat_", arm)],
};

function tablesOf(arch: string): readonly Table[] {
  const found = tables[arch];
  if (found === undefined) {
    throw new Error(
      `architecture ${arch}: no table of system calls; there is one for ${Object.keys(tables).join(", ")}`,
    );
  }
  return found;
}

/**
 * `openat`; `compat_openat` for a 32-bit caller's, `x32_openat` for x32's; `syscall_600` (`compat_syscall_600`, …) for a number
 * without a name. `arch` is as in `process.arch`; throws for one that has no tables.
 */
export function syscallName(nr: number, arch: string = process.arch): string {
  const index = nr & 1023;
  if (index === unknownNumber) {
    return unknownName;
  }
  const mark = nr - index;
  const found = tablesOf(arch).find((candidate) => candidate.mark === mark);
  return `${found?.prefix ?? ""}${found?.names[index] ?? `syscall_${index}`}`;
}

/** The marked number that {@link syscallName} gives this name; undefined when none has it. */
export function syscallNumber(name: string, arch: string = process.arch): number | undefined {
  if (name === unknownName) {
    return unknownNumber;
  }
  for (const { mark, prefix, names, numbers } of tablesOf(arch)) {
    const bare = name.startsWith(prefix) ? name.slice(prefix.length) : "";
    const unnamed = Number(/^syscall_(\d{1,4})$/.exec(bare)?.[1] ?? NaN);
    const number = unnamed < unknownNumber && names[unnamed] === undefined ? unnamed : numbers.get(bare);
    if (number !== undefined) {
      return mark + number;
    }
  }
  return undefined;
}

/** The names of all system calls of this machine's own programs. */
export function syscallNames(arch: string = process.arch): string[] {
  const [native] = tablesOf(arch);
  return native === undefined ? [] : [...native.numbers.keys()];
}

/** A number below {@link indexCount} for each marked number: number_index() of bpf/syscall/syscall.bpf.c. */
export function syscallIndex(nr: number): number {
  const index = nr & 1023;
  return nr >= compatBit ? index + 1024 : nr >= x32Bit ? index + 2048 : index;
}

/**
 * The {@link syscallIndex} of a name in each table that has it: of native, 32-bit and x32 callers. None where only other architectures
 * have it; throws for a name that no system call has.
 */
export function syscallIndexes(name: string): number[] {
  const indexes = tablesOf(process.arch).flatMap(({ mark, numbers }) => {
    const number = numbers.get(name);
    return number === undefined ? [] : [syscallIndex(mark + number)];
  });
  const isKnown = Object.values(tables).some((all) => all.some(({ numbers }) => numbers.has(name)));
  if (!isKnown) {
    throw new Error(`system call ${JSON.stringify(name)}: there is none of this name`);
  }
  return indexes;
}
