/** Getting signals into the kernel, whole or in parts. */
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { native } from "../../../src/binding/native.js";
import { Identity } from "../../../src/identity/identity.js";
import { Catalog } from "../../../src/metrics/catalog.js";
import { attachBest } from "../../../src/engine/attach-best.js";
import { defaultFlags, type Loaded, type LoadOptions } from "../../../src/engine/load.js";
import { RunningSignal } from "../../../src/engine/running.js";
import type { FlagTable, FlagValues } from "../../../src/sdk/flags.js";
import { defaultHost } from "../../../src/sdk/host.js";
import type { AnySignal, SignalHost, SignalLog } from "../../../src/sdk/signal.js";
import { scratch } from "./program.js";
import type { Scope } from "./scope.js";

/** A way to load a signal. */
interface Way {
  readonly host: SignalHost;
  /** Values of flags that are not the defaults, of the signals that have such flags. */
  readonly flags: FlagValues<FlagTable>;
}

const asStream = { mode: "stream", pageCache: true };

/** The ways to load a signal: each leaves other programs out, and has other constants, which the verifier knows. */
export const ways = {
  run: { host: defaultHost, flags: {} },
  stream: { host: defaultHost, flags: asStream },
  trace: { host: { ...defaultHost, mode: "trace" }, flags: asStream },
  containers: { host: { ...defaultHost, cgroups: { hierarchy: "unified", inRecords: true } }, flags: asStream },
} satisfies Readonly<Record<string, Way>>;

/** How {@link loadSignal} loads a signal in this way. */
export function inWay(signal: AnySignal, { host, flags }: Way): LoadOptions & Way {
  const values = defaultFlags(signal);
  const own = Object.entries(flags).filter(([key]) => key in values);
  return { host, flags: { ...values, ...Object.fromEntries(own) } };
}

/** The path of a signal's object; one that is built is written to a file. */
export function objectPath({ object, name }: AnySignal): string {
  if (object instanceof URL) {
    return fileURLToPath(object);
  }
  const path = scratch(`${name}.bpf.o`);
  writeFileSync(path, typeof object === "function" ? object() : object);
  return path;
}

/** The log of a signal that must not fail: an error ends the test. */
export const strictLog: SignalLog = {
  info: () => undefined,
  warn: () => undefined,
  error(details, message) {
    throw new Error(message, { cause: (details as { err?: unknown }).err });
  },
};

/** A loaded signal at work without an agent, attached until the scope ends; its processes have these labels. */
export function startLoaded(
  scope: Scope,
  loaded: Loaded,
  labels: readonly string[] = [],
): { readonly running: RunningSignal; readonly catalog: Catalog } {
  const catalog = new Catalog();
  const running = new RunningSignal(loaded, { catalog, identity: new Identity(catalog, labels), log: strictLog });
  scope.after(() => {
    running.close();
  });
  running.attach();
  return { running, catalog };
}

/** What came of it. */
interface Loading {
  readonly hook: string;
  /** Better hooks and programs that the kernel refused, and why. */
  readonly refused: readonly string[];
  /** Programs that were loaded, iterators included, and how many instructions the verifier walked: 0 before Linux 5.16. */
  readonly instructions: ReadonlyMap<string, number>;
}

/** Loads a signal, attaches each program, walks its iterators and maps, and takes everything out again. */
export async function tryLoading(signal: AnySignal, way: Way): Promise<Loading> {
  const catalog = new Catalog();
  const running = attachBest(
    signal,
    { ...inWay(signal, way), ringSize: 2 ** 16 },
    (loaded) => new RunningSignal(loaded, { catalog, identity: new Identity(catalog, []), log: strictLog }),
  );
  const { object, hook, refused, lost, without, handlers } = running.loaded;
  try {
    await running.collect();
    const left = new Set(without);
    const names = object.programs.map(({ name }) => name).filter((name) => !left.has(name));
    return {
      hook: hook.name,
      refused: [
        ...refused.map(({ hook, error }) => `${hook.name}: ${error.message}`),
        ...lost.map(({ error }) => error.message),
        ...(handlers.alone === undefined ? [] : [handlers.alone]),
      ],
      instructions: new Map(names.map((name) => [name, object.stats(name).verifiedInstructions])),
    };
  } finally {
    running.loaded.close();
  }
}

/** Of elf.h: the type of a section that is a table of symbols, their size, and the type of a symbol that is a function. */
const symbolTable = 2;
const symbolBytes = 24;
const functionType = 2;

/** Calls `see` for each symbol of an object: its name, and where in the file its type is. */
function eachSymbol(bytes: Buffer, see: (name: string, typeAt: number) => void): void {
  const sectionsAt = Number(bytes.readBigUInt64LE(40));
  const [sectionBytes, sections] = [bytes.readUInt16LE(58), bytes.readUInt16LE(60)];
  const section = (index: number): number => sectionsAt + index * sectionBytes;
  const placeOf = (at: number): number => Number(bytes.readBigUInt64LE(at + 24));
  for (let index = 0; index < sections; index++) {
    const at = section(index);
    if (bytes.readUInt32LE(at + 4) !== symbolTable) {
      continue;
    }
    const names = placeOf(section(bytes.readUInt32LE(at + 40)));
    const end = placeOf(at) + Number(bytes.readBigUInt64LE(at + 32));
    for (let symbol = placeOf(at); symbol < end; symbol += symbolBytes) {
      const from = names + bytes.readUInt32LE(symbol);
      see(bytes.toString("latin1", from, bytes.indexOf(0, from)), symbol + 4);
    }
  }
}

/** A copy of an object in which libbpf leaves programs out: their symbols are functions no more. */
function copyWithout(object: string, without: readonly string[]): string {
  const opened = native.open(object);
  const names = opened.programs
    .filter(({ name, section }) =>
      without.some((each) => (each.includes("/") ? section.startsWith(each) : name === each)),
    )
    .map(({ name }) => name);
  opened.close();
  const bytes = readFileSync(object);
  eachSymbol(bytes, (name, typeAt) => {
    const info = bytes.readUInt8(typeAt);
    if (names.includes(name) && (info & 15) === functionType) {
      bytes.writeUInt8(info & ~15, typeAt);
    }
  });
  const copy = scratch("object.bpf.o");
  writeFileSync(copy, bytes);
  return copy;
}

/**
 * The same numbers for kernels before 5.16, out of the verifier's log: of all programs but those that the kernel refuses, as the object
 * has its constants.
 */
export function instructionsInLog(signal: AnySignal, without: readonly string[]): ReadonlyMap<string, number> {
  const pins = `/sys/fs/bpf/ringtap-test-${process.pid}`;
  try {
    const object = copyWithout(objectPath(signal), without);
    // That it cannot pin what it has not loaded is no matter.
    const { stdout: log } = spawnSync("sh", ["-c", 'exec bpftool -d prog loadall "$1" "$2" 2>&1', "sh", object, pins], {
      encoding: "utf8",
      maxBuffer: Infinity,
    });
    const found = log.matchAll(
      /^libbpf: prog '(\w+)': -- BEGIN PROG LOAD LOG --\n(?:(?!libbpf: ).*\n)*?processed (\d+) insns/gm,
    );
    return new Map(Array.from(found, ([, name = "", count]) => [name, Number(count)]));
  } finally {
    rmSync(pins, { recursive: true, force: true });
  }
}
