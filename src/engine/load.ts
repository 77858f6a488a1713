/** From a signal's object file to programs in the kernel. */
import { join } from "node:path";
import { cgroupSources } from "../host/cgroup-hierarchy.js";
import { lockedMemory } from "../host/features.js";
import { layoutOf, layoutText } from "../binding/layout.js";
import { native, type BpfObject, type NativeError } from "../binding/native.js";
import type { RecordClass } from "../binding/record.js";
import { changeSetup } from "./setup-changes.js";
import type { HookSet, Setup, Signal, SignalOptions } from "../sdk/signal.js";

/** How a signal got into the kernel: loaded, nothing attached yet. */
export interface Loaded {
  readonly object: BpfObject;
  readonly hook: HookSet;
  /** What was set for it. */
  readonly setup: Setup;
  /** Better ways that this kernel refused, and why. */
  readonly refused: readonly { readonly hook: HookSet; readonly error: Error }[];
  /** What this kernel does not give of it. */
  readonly lost: readonly Loss[];
  /** Programs to attach: all that were loaded, iterators left out. */
  readonly attachable: readonly string[];
}

/** A program that the kernel refuses and the signal runs without. */
export interface Loss {
  readonly program: string;
  /** What goes with it: see {@link Signal.optional}. */
  readonly detail: string;
  readonly error: Error;
}

/** Bytes of a ring. */
const leastRingSize = 4096;
const defaultRingSize = 2 ** 20;

/** Where and how large. */
export interface LoadOptions {
  /** The folder with the `.bpf.o` files. */
  readonly folder: string;
  /** Bytes of each ring that is used: a power of two, at least a page. Default: what the signal's {@link Setup} says. */
  readonly ringSize?: number | undefined;
}

/** No way of hooking a signal was accepted. */
class LoadError extends Error {
  readonly signal: string;
  readonly refused: Loaded["refused"];

  constructor(signal: Signal, refused: Loaded["refused"]) {
    const hooks = new Map<string, string[]>();
    for (const { hook, error } of refused) {
      hooks.set(error.message, [...(hooks.get(error.message) ?? []), hook.name]);
    }
    const reasons = [...hooks].map(([message, names]) => `${names.join(" and ")}: ${message}`);
    super(`loading signal ${signal.name}: ${reasons.join("; ")}`, { cause: refused.at(-1)?.error });
    this.name = "LoadError";
    this.signal = signal.name;
    this.refused = refused;
  }
}

/** Refuses an object whose records do not lie as the decoder reads them: it is of another build. */
function checkLayout(object: BpfObject, record: RecordClass, path: string): void {
  const found = layoutText(layoutOf(object, record.struct));
  if (found !== record.layout) {
    throw new Error(
      `${path}: struct ${record.struct} is not what this build of ringtap decodes; ` +
        `reinstall ringtap, or run scripts/setup and npm run generate in a checkout (object: ${found}; decoder: ${record.layout})`,
    );
  }
}

function leaveOut(object: BpfObject, names: readonly string[]): void {
  const programs = new Set(object.programs.map((program) => program.name));
  for (const name of names) {
    if (programs.has(name)) {
      object.setAutoload(name, false);
    } else {
      object.setAutocreate(name, false);
    }
  }
}

function ringSizeOf(setup: Setup, options: LoadOptions): number {
  // Libbpf makes a whole page of the least size.
  return setup.ringSize === 0 ? leastRingSize : (options.ringSize ?? setup.ringSize ?? defaultRingSize);
}

function attempt(
  signal: Signal,
  hook: HookSet,
  setup: Setup,
  options: LoadOptions,
  lost: readonly Loss[],
): Omit<Loaded, "refused"> {
  const path = join(options.folder, `${signal.name}.bpf.o`);
  const object = native.open(path);
  try {
    for (const record of [signal.record, ...(signal.otherRecords ?? [])]) {
      checkLayout(object, record, path);
    }
    const without = [...hook.without, ...(setup.without ?? []), ...lost.map(({ program }) => program)];
    leaveOut(object, without);
    const ringSize = ringSizeOf(setup, options);
    object.setMaxEntries("events", ringSize);
    object.setConstant("wakeup_bytes", ringSize / 4);
    for (const [name, entries] of Object.entries(setup.sizes ?? {})) {
      object.setMaxEntries(name, entries);
    }
    for (const [name, value] of Object.entries(setup.constants ?? {})) {
      object.setConstant(name, value);
    }
    object.load();
    changeSetup(object, {}, setup);
    const attachable = object.programs
      .filter((program) => !without.includes(program.name) && !program.section.startsWith("iter/"))
      .map((program) => program.name);
    return { object, hook, lost, setup, attachable };
  } catch (error) {
    object.close();
    throw error;
  }
}

/** Privileges have been looked at by now: before Linux 5.11, EPERM is what the limit of locked memory makes of a map. */
function explain(error: NativeError): Error {
  if (error.code !== "EPERM") {
    return error;
  }
  try {
    const { detail, mend } = lockedMemory();
    return mend === undefined ? error : new Error(`${error.message}: ${detail}: ${mend}`, { cause: error });
  } catch {
    return error;
  }
}

/** What a signal asks for, and what all have in common. */
function setUp(signal: Signal, options: SignalOptions): Setup {
  const { hierarchy, inRecords } = options.cgroup;
  const setup = signal.setup(options);
  return { ...setup, constants: { cgroup_source: inRecords ? cgroupSources[hierarchy] : 0, ...setup.constants } };
}

/** What is lost when the kernel refuses the program that `error` is about; undefined when the signal cannot do without. */
function lossOf(signal: Signal, error: NativeError): Loss | undefined {
  const program = error.subject;
  const detail = signal.optional?.[program];
  return detail === undefined ? undefined : { program, detail, error };
}

/** Loads what the kernel takes: an attempt names only the first program that is refused. */
function tryHook(
  signal: Signal,
  hook: HookSet,
  setup: Setup,
  options: LoadOptions,
  lost: readonly Loss[] = [],
): Omit<Loaded, "refused"> {
  try {
    return attempt(signal, hook, setup, options, lost);
  } catch (error) {
    const loss = lossOf(signal, error as NativeError);
    if (loss === undefined) {
      throw error;
    }
    return tryHook(signal, hook, setup, options, [...lost, loss]);
  }
}

/** How a signal is hooked in, and what it does without, in a few words. */
export function hookText({ hook, lost }: Loaded): string {
  return [hook.name, ...lost.map(({ detail }) => `without ${detail}`)].join(", ");
}

/** Loads a signal by the best way that the kernel takes. Throws a {@link LoadError} that gives the reason for each. */
export function loadSignal(signal: Signal, signalOptions: SignalOptions, options: LoadOptions): Loaded {
  const refused: { hook: HookSet; error: Error }[] = [];
  const setup = setUp(signal, signalOptions);
  for (const hook of signal.hooks) {
    try {
      return { ...tryHook(signal, hook, setup, options), refused };
    } catch (error) {
      refused.push({ hook, error: explain(error as NativeError) });
    }
  }
  throw new LoadError(signal, refused);
}
