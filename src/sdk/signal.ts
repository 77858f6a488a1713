/**
 * The public interface of signals, `ringtap/signal`: the one that the built-in signals and a user's own are written against. A signal
 * is a folder or an npm package with a BPF object, decoders generated from the object's BTF, and a module that exports a
 * {@link Signal}. docs/signals.md is the tutorial and the reference.
 */
import type { BpfMap } from "../binding/native.js";
import type { ActorRecord, RecordClass, RecordView } from "../binding/record.js";
import type { CgroupHierarchy } from "../host/cgroup-hierarchy.js";
import type { Identity } from "../identity/identity.js";
import type { CounterOptions, Counters } from "./counters.js";
import type { FlagTable, FlagValues } from "./flags.js";
import type { LinkWatch } from "./links.js";
import type { MetricScope } from "./metrics.js";
import type { PeerDirectory } from "./peers.js";
import type { Views } from "./views.js";

/** The version of this interface. A signal of another version is refused. */
export const signalApi = 1;

/** One way of hooking a signal into the kernel. */
export interface HookSet {
  /** What `ringtap_signal_info{hook}` calls it. */
  readonly name: string;
  /** Programs and maps of the object that it does without. A name with a slash is the beginning of sections: all their programs. */
  readonly without: readonly string[];
  /**
   * Programs for 32-bit callers, by the beginning of their sections: left out where the kernel has no such callers. Elsewhere the
   * refusal of one refuses the hook set.
   */
  readonly compat?: readonly string[];
}

/** The hook set of a signal that declares none: every program of the object. */
export const defaultHooks: readonly HookSet[] = [{ name: "tp_btf", without: [] }];

/**
 * What is set in the kernel for a signal. `variables` and `sets` follow the flags, and {@link SignalHost.watched}, while the signal runs; a
 * change of anything else needs the signal to be loaded again.
 */
export interface Setup {
  /** `const volatile` variables by name. */
  readonly constants?: Readonly<Record<string, number | bigint | Uint8Array>>;
  /** Global variables that programs read at each run, by name, in the order in which they are written. */
  readonly variables?: Readonly<Record<string, number | bigint | Uint8Array>>;
  /**
   * Keys of hash maps that are used as sets, by map name; each value is zero bytes. A variable `set_changes` of the object, a `volatile
   * __u64`, is counted up behind each change of variables and sets: a program that keeps what it has found reads it first, and again.
   */
  readonly sets?: Readonly<Record<string, readonly Uint8Array[]>>;
  /** Entries of maps, by name, where the number differs from the object's. */
  readonly sizes?: Readonly<Record<string, number>>;
  /** Programs and maps that are left out. */
  readonly without?: readonly string[];
  /** Bytes of the ring unless --ring.size says otherwise: a power of two; 0 when no program writes to it. Default 1 MiB. */
  readonly ringSize?: number;
}

/** What a signal runs for: metrics (`run`, `top`, the library) or printed events (`trace`). */
export type Mode = "run" | "trace";

/** Which records of a signal someone watches, in `trace`, on the page or through the library: none, those that have failed, or all. */
export type Watched = "none" | "failures" | "all";

/** Facts about the agent and the machine that {@link Signal.setup} may depend on. */
export interface SignalHost {
  readonly mode: Mode;
  /**
   * It changes while the signal runs, so that only `variables` and `sets` of the {@link Setup} may depend on it. A signal that counts in
   * the kernel and leaves out records that no one watches needs them for nothing else.
   */
  readonly watched: Watched;
  /**
   * Which of its {@link Signal.depths} the signal is at; undefined where the agent keeps to what the flags say. While it is defined it
   * changes as `watched` does.
   */
  readonly depth?: string | undefined;
  /** Do metrics tell the peers of connections apart ({@link SignalContext.peers})? */
  readonly byPeer: boolean;
  readonly cgroups: {
    /** The hierarchy of control groups that identifies containers. */
    readonly hierarchy: CgroupHierarchy;
    /** Does each actor carry the id of its control group? */
    readonly inRecords: boolean;
  };
  /** What `trace` selects by `--pid` and `--comm`, or `--where`; empty for everything. A signal that cannot filter in the kernel ignores it. */
  readonly only: {
    /** Thread-group ids as the initial pid namespace has them. */
    readonly pids: readonly number[];
    readonly comms: readonly string[];
  };
}

/** What every record begins with. Its actor is optional: a packet drop or a disk's request may have none. */
export interface EventRecord extends RecordView {
  /** CLOCK_MONOTONIC, nanoseconds. */
  readonly time: number;
}

/** A record that has a `struct actor` (bpf/include/ringtap/task.h). */
export interface ActorEvent extends EventRecord, ActorRecord {
  readonly tid: number;
  readonly threadComm: string;
}

/** Does a record say who did it? True or false for all records of a class. */
export function hasActor(record: RecordView): record is ActorEvent {
  return "copyActor" in record && "tid" in record;
}

/** The records of a drain, one after the other. */
export interface Batch<R extends RecordView = RecordView> {
  /** The current record: always the same view. */
  readonly record: R;
  /** Moves to the next record; false when there is none left. */
  next(): boolean;
}

/** Sees each record before the signal does. It may not keep the record. */
export type Watcher<R extends RecordView = RecordView> = (record: R) => void;

/** The log of a signal: its lines carry the signal's name. */
export interface SignalLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

/** A program of the object that iterates over things of the kernel and writes a record for each. */
export interface Scan<R extends RecordView> {
  /**
   * Iterates once and gives each record to `take`, with a turn of the event loop each two milliseconds, so that
   * rings are drained and requests answered meanwhile. The record may not be kept. Resolves to the number of records; rejects when
   * the kernel refuses, when `take` throws, and when the signal is closed.
   */
  run(take: (record: R) => void): Promise<number>;
}

/** Another ring of the object than `events`, of which the signal decides when it is read. */
export interface SideRing {
  /** Takes what is complete by now. Returns how many records that was; none when called for a record of this ring. */
  drain(): number;
  /** Is a record in it, or being written? */
  readonly isUsed: boolean;
}

/** A place in a file of machine code: where it is in the file, below 4 GiB, and a number that the program gets there. */
export interface UprobePlace {
  readonly offset: number;
  readonly cookie: number;
}

/** A program that is attached to places of a file. */
export interface Uprobes {
  /** Also done when the signal is closed. Idempotent. */
  detach(): void;
}

/** What a loaded signal has at hand. */
export interface SignalContext {
  /** Where the signal declares its metrics. They are removed again when the signal does not start, and when it is closed. */
  readonly metrics: MetricScope;
  /** Who an event belongs to. */
  readonly identity: Identity;
  readonly host: SignalHost;
  /** The name of the hook set in use. */
  readonly hook: string;
  /** The peers of connections, where series are to name them. */
  readonly peers?: PeerDirectory | undefined;
  /** A map of the object. */
  map(name: string): BpfMap;
  /** Counters that BPF programs keep in a map, as differences since they were last read. */
  counters(map: string, options?: CounterOptions): Counters;
  /** Is a program of the object in the kernel? Not when {@link Setup.without} leaves it out, nor when it is {@link Signal.optional} and refused. */
  isLoaded(program: string): boolean;
  /** An iterator program of the object; `map` is the map that an `iter/bpf_map_elem` program iterates over. */
  scan<R extends RecordView>(program: string, record: RecordClass<R>, map?: string): Scan<R>;
  /**
   * Attaches a program of the section `uprobe.multi` to places of a file of machine code, in every process that maps it, or with
   * `atReturn` to the returns of the functions that begin there. The path may be `/proc/self/fd/N`: what is attached to is the file.
   * Throws when the kernel refuses.
   */
  attachUprobes(
    program: string,
    path: string,
    places: readonly UprobePlace[],
    options?: { readonly atReturn?: boolean },
  ): Uprobes;
  /**
   * Another ring of the object than `events`: `take` gets its records, which may not be kept, when the signal drains it, and when the
   * kernel wakes userspace for it. They are no events, are not counted as such, and may be a head of the struct.
   */
  sideRing<R extends RecordView>(map: string, record: RecordClass<R>, take: (record: R) => void): SideRing;
  readonly log: SignalLog;
  /** Aborted when the signal is closed. */
  readonly signal: AbortSignal;
  readonly clock: {
    /** CLOCK_MONOTONIC of the host, nanoseconds: the clock of records, in whatever time namespace the agent runs. */
    monotonic(): number;
    /** Milliseconds since 1970. */
    wall(): number;
  };
}

/** What a signal says of itself. */
export interface SignalStats {
  /**
   * Events that were counted in kernel maps, not as records of the ring, and have been collected. Not those that were to be records and
   * were left out or found the ring full (reserve_sampled() of bpf/include/ringtap/ring.h): these have been dropped as records.
   */
  readonly collected?: number;
  /** Bytes that the signal's own tables take at most. */
  readonly memoryAtLimit?: number;
  /** Kernel maps that fill up with use, and the entries that each had when it was last read. */
  readonly mapEntries?: readonly (readonly [map: string, entries: number])[];
}

/**
 * What a running signal does. Each call is guarded, timed and counted: what it throws is logged, counted in
 * `ringtap_signal_errors_total{signal,phase}` and costs that call only. No call may keep a record.
 */
export interface Running<R extends RecordView = RecordView, F extends FlagTable = FlagTable> {
  /**
   * Takes the records of a batch until there is none left; the loop is the signal's own, so that V8 compiles it for this signal
   * alone. An error costs the current record; the call is repeated for the rest.
   */
  records?(batch: Batch<R>): void;
  /**
   * Called once, when everything is attached: reads what was there before. A variable `all_attached` of the object, a `volatile bool`, has been
   * set by then: programs whose counts have to agree count nothing before.
   */
  attached?(): void | Promise<void>;
  /** Called before each scrape: reads maps and runs scans. No process expires meanwhile. */
  collect?(): void | Promise<void>;
  /**
   * Called every second, scraped or not, but never during `collect` or itself: empties kernel maps that fill up. See
   * {@link Running.maintainMayWait}.
   */
  maintain?(): void | Promise<void>;
  /**
   * Is it enough to call `maintain` every five seconds while few records come, of all signals, none of the maps in
   * {@link SignalStats.mapEntries} is more than half full, and no one watches records? So it is where the maps fill up with processes
   * that begin, each of which is a record of signal `process`. Reading them is most of what an idle agent does. Asked before each.
   */
  readonly maintainMayWait?: boolean;
  /** Called before processes expire: adds to the tables what the signal has counted elsewhere. */
  flush?(): void;
  stats?(): SignalStats;
  /** Called when flags have changed on reload and the kernel side follows them already. Without it, flags that setup() ignores need a restart. */
  reconfigure?(flags: FlagValues<F>): void;
  /** Called when programs follow another {@link SignalHost.depth}, never during `collect` and `maintain`: what is counted from now on may mean something else. */
  atDepth?(depth: string): void;
  /** Called once, before programs are detached. */
  close?(): void;
  /** Begins to observe who talks to whom; costs nothing before. */
  watchLinks?(): LinkWatch;
  /** What is shown instead of {@link Signal.views}, where that depends on flags. */
  readonly views?: Views;
}

/** One value of a traced record. Names and meanings are documented in docs/trace.md and do not change. */
export type TraceValue = string | number | boolean | undefined;

/** The type of a traced field, or its possible words. Fields named `…_seconds` are durations. */
export type TraceType = "string" | "integer" | "number" | "boolean" | readonly string[];

/** How `ringtap trace`, the page and the library show a record. */
export interface Trace<R extends RecordView = RecordView> {
  /** Every field that {@link fields} may have. */
  readonly types: Readonly<Record<string, TraceType>>;
  /** Short names for `--where`, by alias: `{ dport: "remote_port" }`. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** The fields by which the summary counts: the outcome. */
  readonly outcome: readonly string[];
  /** Did it fail? The only definition of failure: shown in red, never sampled, kept by `failures` filters. Default: nothing fails. */
  failed?(record: R): boolean;
  /** The columns of the table, in order: a field's name, its heading, its width (the last is as wide as it needs). */
  readonly columns: readonly { readonly field: string; readonly heading: string; readonly width: number }[];
  /** The fields that a JSON line has besides `time`, `signal` and those of the actor. */
  fields(record: R): Readonly<Record<string, TraceValue>>;
}

/** The ring of a signal, and what its records are. */
export interface Ring<R extends EventRecord> {
  /** The decoder. */
  readonly record: RecordClass<R>;
  /** Bytes of the shortest record, where some records are only the head of the struct; else the whole struct. */
  readonly shortest?: number;
}

/** A signal. */
export interface Signal<R extends EventRecord = EventRecord, F extends FlagTable = FlagTable> {
  /** {@link signalApi}. */
  readonly api: typeof signalApi;
  /** As in `--signals` and the label `signal`: a lower-case letter, then letters, digits and `_`. */
  readonly name: string;
  /** One line for `--help`, `check` and the page. */
  readonly summary: string;
  /** The BPF object: a file, see {@link objectFile}, the object's bytes, or a function that makes these when the signal is loaded. */
  readonly object: URL | Uint8Array | (() => Uint8Array);
  /**
   * The system calls that the object's handlers want (SYSCALL_ENTER() and SYSCALL_EXIT() of bpf/include/ringtap/dispatch.h), by name, of
   * native and 32-bit callers alike. A name that only another architecture has is no error. Default: every call.
   */
  readonly syscalls?: readonly string[];
  /** What identity learns from this signal. Such a signal runs whenever identity needs it, with or without its metrics. */
  readonly provides?: "processes" | "cgroups";
  /** It runs only where it is asked for by name. Default: it runs by default. */
  readonly optIn?: boolean;
  readonly flags?: F;
  /** Absent in a signal whose object has maps only. */
  readonly ring?: Ring<R>;
  /** Decoders of other exported records, such as those that iterators write: their layouts are checked as well. */
  readonly records?: readonly RecordClass[];
  /** Ways to hook it, best first; the first that loads is used. Default {@link defaultHooks}. */
  readonly hooks?: readonly HookSet[];
  /**
   * Programs that a kernel may refuse, most likely because their hook does not exist, and what the signal lacks then, as
   * `ringtap_signal_info{without}` shows it. The refusal of any other program refuses the hook set.
   */
  readonly optional?: Readonly<Record<string, string>>;
  /** Says what is wrong with flags that are right one by one; undefined when they go together. */
  validate?(flags: FlagValues<F>): { readonly flag: keyof F & string; readonly problem: string } | undefined;
  /** What to set for these flags. A pure function, called before loading and again for each change of the flags or of what is watched. */
  setup?(flags: FlagValues<F>, host: SignalHost): Setup;
  /**
   * Does it attach programs to files of other processes while it runs ({@link SignalContext.attachUprobes})? Then the agent keeps what
   * capabilities that takes: CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE and CAP_CHECKPOINT_RESTORE.
   */
  attachesLater?(flags: FlagValues<F>): boolean;
  /**
   * How deep it can go with these flags without counting less, the deepest first: words for people and labels, such as `all`, `sampled`.
   * With `--overhead.limit` the agent takes a signal that costs too much to the next one, and back: see {@link SignalHost.depth}. A
   * signal with fewer than two stays as it is.
   */
  depths?(flags: FlagValues<F>): readonly string[];
  /** Declares the metrics and returns what to do with events. Called once, after loading and before attaching. */
  start(context: SignalContext, flags: FlagValues<F>): Running<R, NoInfer<F>>;
  readonly trace?: Trace<R>;
  /** What `top` and the page show of it. */
  readonly views?: Views;
}

/** Any signal, whatever its records and flags: what lists of signals hold. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- each signal's methods take its own records and flags only
export type AnySignal = Signal<any, any>;

/** Members of a signal that are there when it has been declared with them. */
type Declared<S, K extends keyof Signal> = { readonly [Key in K & keyof S]-?: NonNullable<S[Key]> };

/** Declares a signal: gives its flags and records their types. */
export function defineSignal<R extends EventRecord, F extends FlagTable, S extends Signal<R, F>>(
  signal: S & Signal<R, F>,
): Signal<R, F> & Declared<S, "flags" | "ring" | "setup" | "trace"> {
  return signal as Signal<R, F> & Declared<S, "flags" | "ring" | "setup" | "trace">;
}

/** The file of a signal's object for this machine's architecture, beside the module whose `import.meta.url` is given. */
export function objectFile(module: string, name: string): URL {
  return new URL(`./${process.arch}/${name}.bpf.o`, module);
}
