/** From a signal's object file to programs in the kernel. */
import { fileURLToPath } from "node:url";
import { cgroupSources } from "../host/cgroup-hierarchy.js";
import { hasCompatCallers } from "../host/compat-callers.js";
import { kernelReads } from "../binding/kernel-reads.js";
import { lockedMemory, readsNeedCasts } from "../host/features.js";
import { layoutOf, layoutText } from "../binding/layout.js";
import { native, type BpfObject, type NativeError } from "../binding/native.js";
import type { RecordClass } from "../binding/record.js";
import { SyscallHandlers } from "./dispatch/handlers.js";
import { foreignError } from "../log/error-text.js";
import { checkDepths, checkSetup } from "./running-shape.js";
import { prepareSetup } from "./setup-changes.js";
import { defaultValues, type FlagTable, type FlagValues } from "../sdk/flags.js";
import { defaultHost } from "../sdk/host.js";
import { type AnySignal, defaultHooks, type HookSet, type Setup, type SignalHost } from "../sdk/signal.js";

/** How a signal got into the kernel: loaded, nothing attached yet. */
export interface Loaded {
  readonly signal: AnySignal;
  readonly object: BpfObject;
  readonly hook: HookSet;
  /** The flags and the host that it was loaded for. */
  readonly flags: FlagValues<FlagTable>;
  readonly host: SignalHost;
  /** What was set for it. */
  readonly setup: Setup;
  /** The depths that it can be taken to, the one that it is loaded at first; empty where it stays at that. */
  readonly depths: readonly string[];
  /** Has it a ring, and does it count what it produces and drops? See bpf/include/ringtap/ring.h. */
  readonly hasRing: boolean;
  readonly hasAccount: boolean;
  /** Better ways that this kernel refused, and why. */
  readonly refused: readonly Refusal[];
  /** What this kernel does not give of it. */
  readonly lost: readonly Loss[];
  /** Programs and maps of the object that are left out. */
  readonly without: readonly string[];
  /** Programs to attach: all that were loaded, but for iterators and for those that the signal attaches to files that it finds. */
  readonly attachable: readonly string[];
  /** Those of its programs that run for system calls; attaches all of them. */
  readonly handlers: SyscallHandlers;
  /** Takes everything out of the kernel. Idempotent. */
  close(): void;
}

/** A way to hook a signal that the kernel refuses: programs are not loaded, or not attached. */
export interface Refusal {
  readonly hook: HookSet;
  readonly error: Error;
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

/** How a signal is loaded. */
export interface LoadOptions {
  /** Values of the signal's own flags. Default: the flags' defaults. */
  readonly flags?: FlagValues<FlagTable> | undefined;
  /** Default {@link defaultHost}. */
  readonly host?: SignalHost;
  /** Bytes of each ring that is used: a power of two, at least a page. Default: what the signal's {@link Setup} says. */
  readonly ringSize?: number | undefined;
  /** Are runs of programs and their time asked for? The kernel counts them with {@link Native.enableStats}, handlers of calls themselves. */
  readonly countRuns?: boolean | undefined;
  /** May the signal be taken to another of its depths while it runs? It begins at the deepest. */
  readonly changesDepth?: boolean | undefined;
}

/** No way of hooking a signal was accepted. The message has the reason of the last one, which asks for least. */
export class LoadError extends Error {
  readonly signal: string;
  readonly refused: Loaded["refused"];

  constructor(signal: AnySignal, refused: Loaded["refused"]) {
    const last = refused.at(-1);
    super(`loading signal ${signal.name}: ${last?.hook.name}: ${last?.error.message}`, { cause: last?.error });
    this.name = "LoadError";
    this.signal = signal.name;
    this.refused = refused;
  }
}

/** The values of a signal's flags when nothing is asked for. */
export function defaultFlags(signal: AnySignal): FlagValues<FlagTable> {
  return defaultValues((signal.flags ?? {}) as FlagTable);
}

/** What a signal asks for, checked by the loader alone. Throws when the signal's function does. */
export function setupOf(signal: AnySignal, flags: FlagValues<FlagTable>, host: SignalHost): Setup {
  try {
    return checkSetup(signal.setup?.(flags, host) ?? {});
  } catch (error) {
    throw foreignError(`signal ${signal.name}: setup`, error);
  }
}

/** How deep a signal can go with these flags, the deepest first; empty where it stays as it is. Throws when the signal's function does. */
function depthsOf(signal: AnySignal, flags: FlagValues<FlagTable>): readonly string[] {
  try {
    const depths = checkDepths(signal.depths?.(flags) ?? []);
    return depths.length > 1 ? depths : [];
  } catch (error) {
    throw foreignError(`signal ${signal.name}: depths`, error);
  }
}

/** How messages call an object. */
function objectName({ object, name }: AnySignal): string {
  return object instanceof URL ? fileURLToPath(object) : `${name}.bpf.o`;
}

/** The types of the kernel itself. */
const kernelTypes = "/sys/kernel/btf/vmlinux";

/**
 * Does an object ask for a struct that the kernel itself does not have? Libbpf searches the types of modules for it then, which takes
 * CAP_SYS_ADMIN (load_module_btfs() of its libbpf.c; later releases search none without). With types that it has been given it does not.
 */
function searchesModules({ code, log }: Partial<NativeError>): boolean {
  return code === "EPERM" && log?.includes("failed to iterate BTF objects") === true;
}

/** `types`: a file with types that are taken for those of the kernel and its modules. */
function openObject(signal: AnySignal, types?: string): BpfObject {
  const { object } = signal;
  if (object instanceof URL) {
    return native.open(fileURLToPath(object), types);
  }
  return native.openBytes(object instanceof Uint8Array ? object : object(), objectName(signal));
}

/** Refuses an object whose records do not lie as the decoder reads them: it is of another build. */
function checkLayout(object: BpfObject, record: RecordClass, path: string): void {
  const found = layoutText(layoutOf(object, record.struct));
  if (found !== record.layout) {
    throw new Error(
      `${path}: struct ${record.struct} is not what this build of ringtap decodes; ` +
        `reinstall ringtap, run scripts/setup and npm run generate in a checkout, or build a signal of your own again ` +
        `(object: ${found}; decoder: ${record.layout})`,
    );
  }
}

/** The names of programs and maps: see {@link HookSet.without}. */
function namesOf(object: BpfObject, names: readonly string[]): string[] {
  return names.flatMap((each) =>
    each.includes("/")
      ? object.programs.filter(({ section }) => section.startsWith(each)).map(({ name }) => name)
      : [each],
  );
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

/** BPF_PROG_TYPE_TRACING and attach types of include/uapi/linux/bpf.h, by the beginning of sections. */
const tracing = 26;
const functionHooks = { "fentry/": 24, "fexit/": 25 } as const;

/** Refuses programs that a policy forbids, at the cost of a system call: libbpf would first read the types of the whole kernel. */
function checkAllowed({ programs }: BpfObject, without: readonly string[]): void {
  for (const [hook, attachType] of Object.entries(functionHooks)) {
    const found = programs.find(({ name, section }) => section.startsWith(hook) && !without.includes(name));
    if (found !== undefined && native.forbidsAttachType(tracing, attachType)) {
      throw new Error(`program "${found.name}": a policy of this kernel forbids ${found.section} (EPERM)`);
    }
  }
}

function ringSizeOf(setup: Setup, options: LoadOptions): number {
  // Libbpf makes a whole page of the least size.
  return setup.ringSize === 0 ? leastRingSize : (options.ringSize ?? setup.ringSize ?? defaultRingSize);
}

/** What an attempt depends on. */
interface Attempt {
  readonly signal: AnySignal;
  readonly setup: Setup;
  readonly flags: FlagValues<FlagTable>;
  readonly host: SignalHost;
  readonly ringSize: number;
  readonly countRuns: boolean;
}

/** Loading, up to each object that is ready for {@link BpfObject.load}: the next step does that. */
type Steps<T> = Generator<BpfObject, T, undefined>;

/** `alone` is the reason why handlers of system calls are to be attached alone, where an attempt with slots has been refused. */
function* attempt(
  what: Attempt,
  hook: HookSet,
  lost: readonly Loss[],
  alone?: string,
  types?: string,
): Steps<Omit<Loaded, "refused" | "depths">> {
  const { signal, setup, flags, host, ringSize, countRuns } = what;
  const path = objectName(signal);
  const object = openObject(signal, types);
  let handlers: SyscallHandlers | undefined;
  const close = (): void => {
    handlers?.close();
    object.close();
  };
  try {
    const records: readonly RecordClass[] = [
      ...(signal.ring === undefined ? [] : [signal.ring.record]),
      ...(signal.records ?? []),
    ];
    for (const record of records) {
      checkLayout(object, record, path);
    }
    const without = namesOf(object, [...hook.without, ...(setup.without ?? []), ...lost.map(({ program }) => program)]);
    leaveOut(object, without);
    checkAllowed(object, without);
    const maps = new Set(object.maps.map(({ name }) => name));
    const hasRing = maps.has("events");
    if (signal.ring !== undefined && !hasRing) {
      throw new Error(
        `${path}: no ring map "events", but signal ${signal.name} declares a ring: include <ringtap/ring.h>`,
      );
    }
    if (hasRing) {
      object.setMaxEntries("events", ringSize);
      object.setConstant("wakeup_bytes", ringSize / 4);
    }
    if (host.cgroups.inRecords && object.variables("cgroup_source").includes("cgroup_source")) {
      object.setConstant("cgroup_source", cgroupSources[host.cgroups.hierarchy]);
    }
    if (kernelReads() !== "by helper" && object.variables("kernel_reads_forbidden").length > 0) {
      object.setConstant("kernel_reads_forbidden", 1);
    }
    for (const [name, entries] of Object.entries(setup.sizes ?? {})) {
      object.setMaxEntries(name, entries);
    }
    for (const [name, value] of Object.entries(setup.constants ?? {})) {
      object.setConstant(name, value);
    }
    handlers = new SyscallHandlers(object, { syscalls: signal.syscalls, without, countRuns, alone });
    yield object;
    object.load();
    handlers.loaded();
    prepareSetup(object, {}, setup).commit();
    const attachable = object.programs
      .filter(({ name, section }) => !without.includes(name) && !/^iter\/|^uprobe/.test(section))
      .map((program) => program.name);
    const hasAccount = maps.has("account");
    return {
      signal,
      object,
      hook,
      lost,
      setup,
      flags,
      host,
      hasRing,
      hasAccount,
      without,
      attachable,
      handlers,
      close,
    };
  } catch (error) {
    const { subject, message } = error as NativeError;
    const isOfSlot = handlers?.has(subject) === true;
    const { compat = [], without } = hook;
    const isCompat = namesOf(object, compat).includes(subject);
    close();
    if (types === undefined && searchesModules(error as Partial<NativeError>)) {
      return yield* attempt(what, hook, lost, alone, kernelTypes);
    }
    if (isOfSlot) {
      return yield* attempt(what, hook, lost, message, types);
    }
    if (isCompat && !hasCompatCallers()) {
      return yield* attempt(what, { ...hook, without: [...without, ...compat], compat: [] }, lost, alone, types);
    }
    throw error;
  }
}

/**
 * Privileges have been checked by now: before Linux 5.11, EPERM is what the limit of locked memory makes of a map. A helper that the
 * kernel forbids is EINVAL.
 */
function explain(error: NativeError): Error {
  if (error.code === "EINVAL" && kernelReads() === "not at all") {
    return new Error(`${error.message}: ${readsNeedCasts}`, { cause: error });
  }
  if (error.code !== "EPERM") {
    return error;
  }
  try {
    const { detail, fix } = lockedMemory();
    return fix === undefined ? error : new Error(`${error.message}: ${detail}: ${fix}`, { cause: error });
  } catch {
    return error;
  }
}

/** What is lost when the kernel refuses the program that `error` is about; undefined when the signal cannot do without. */
function lossOf(signal: AnySignal, error: NativeError): Loss | undefined {
  const program = error.subject;
  const detail = signal.optional?.[program];
  return detail === undefined ? undefined : { program, detail, error };
}

/** Loads what the kernel takes: an attempt names only the first program that is refused. */
function* tryHook(what: Attempt, hook: HookSet, lost: readonly Loss[] = []): Steps<Omit<Loaded, "refused" | "depths">> {
  try {
    return yield* attempt(what, hook, lost);
  } catch (error) {
    const loss = lossOf(what.signal, error as NativeError);
    if (loss === undefined) {
      throw error;
    }
    return yield* tryHook(what, hook, [...lost, loss]);
  }
}

/** The ways to hook a signal, best first. */
export function hooksOf({ hooks = defaultHooks }: AnySignal): readonly HookSet[] {
  return hooks;
}

/** How a signal is hooked in, and what it does without, in a few words. */
export function hookText({ hook, lost }: Loaded): string {
  return [hook.name, ...lost.map(({ detail }) => `without ${detail}`)].join(", ");
}

function* loadingOf(signal: AnySignal, options: LoadOptions, unattached: readonly Refusal[]): Steps<Loaded> {
  const refused = [...unattached];
  const { flags = defaultFlags(signal), countRuns = false, changesDepth = false } = options;
  const depths = changesDepth ? depthsOf(signal, flags) : [];
  const host = { ...(options.host ?? defaultHost), ...(depths.length > 0 && { depth: depths[0] }) };
  const setup = setupOf(signal, flags, host);
  const what = { signal, setup, flags, host, ringSize: ringSizeOf(setup, options), countRuns };
  for (const hook of hooksOf(signal).filter(({ name }) => !unattached.some(({ hook }) => hook.name === name))) {
    try {
      return { ...(yield* tryHook(what, hook)), refused, depths };
    } catch (error) {
      refused.push({ hook, error: explain(error as NativeError) });
    }
  }
  throw new LoadError(signal, refused);
}

function ended(loading: Steps<Loaded>): Loaded {
  let step = loading.next();
  while (step.done !== true) {
    step = loading.next();
  }
  return step.value;
}

/**
 * Loads a signal by the best way that the kernel takes, but for those that it has refused to attach. Throws a {@link LoadError} when it
 * takes none.
 */
export function loadSignal(signal: AnySignal, options: LoadOptions = {}, unattached: readonly Refusal[] = []): Loaded {
  return ended(loadingOf(signal, options, unattached));
}

/**
 * Begins {@link loadSignal} in another thread, and returns what ends it, to be called once: it waits, returns what that would, and throws
 * what that would.
 */
export function beginLoading(signal: AnySignal, options: LoadOptions): () => Loaded {
  const loading = loadingOf(signal, options, []);
  try {
    const step = loading.next();
    if (step.done === true) {
      return () => step.value;
    }
    step.value.beginLoad();
    return () => ended(loading);
  } catch (error) {
    return () => {
      throw error;
    };
  }
}
