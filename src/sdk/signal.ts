/** What a signal is: the one interface that built-in signals and a user's own are written against. */
import type { CgroupHierarchy } from "../host/cgroup-hierarchy.js";
import type { BpfIterator, BpfMap } from "../binding/native.js";
import type { ActorRecord, RecordClass, RecordView } from "../binding/record.js";
import type { Identity } from "../identity/identity.js";
import type { Catalog } from "../metrics/catalog.js";
import type { PeerDirectory } from "./peers.js";

/** One way of hooking a signal into the kernel. */
export interface HookSet {
  /** How it is called in `ringtap_signal_info{hook}`. */
  readonly name: string;
  /** Programs and maps of the object that it does without. */
  readonly without: readonly string[];
}

/**
 * What is to be set in the kernel for a signal. `variables` and `sets` follow the options while the signal runs (see
 * setup-changes.ts); the rest is settled when it is loaded.
 */
export interface Setup {
  /** `const volatile` variables by name. */
  readonly constants?: Readonly<Record<string, number | bigint | Uint8Array>>;
  /** Global variables that programs find changed at their next run, by name, in the order in which they are to be written. */
  readonly variables?: Readonly<Record<string, number | bigint | Uint8Array>>;
  /** Keys to put into hash maps used as sets, by map name; each value is zero bytes. */
  readonly sets?: Readonly<Record<string, readonly Uint8Array[]>>;
  /** Entries of maps, by name, where they are not to be as many as the object says. */
  readonly sizes?: Readonly<Record<string, number>>;
  /** Programs and maps that this mode does without. */
  readonly without?: readonly string[];
  /** Bytes of the ring unless --ring.size says otherwise; 0 when this mode makes no use of it. Default 1 MiB. */
  readonly ringSize?: number;
}

/** What a loaded signal has at hand. */
export interface SignalContext {
  readonly catalog: Catalog;
  readonly identity: Identity;
  /** A map of the object. */
  map(name: string): BpfMap;
  /** An iterator program of the object; `map` is what an `iter/bpf_map_elem` program walks. */
  iterator(program: string, map?: string): BpfIterator;
}

/** The records of a drain, one after the other. */
export interface Batch<T extends RecordView = RecordView> {
  /** The record in hand: always the same view. */
  readonly record: T;
  /** Moves to the next one; false when there is none left. */
  next(): boolean;
}

/** Looks at each record beside the handlers, before they do. May not keep it either. */
export type Watcher<T extends RecordView = RecordView> = (record: T) => void;

/** Looks at all that a signal finds to be there, such as open connections, when `collect` asks the kernel for it. */
export interface CensusWatcher {
  began(): void;
  saw(record: RecordView): void;
  ended(): void;
}

/** What a running signal does. None of it may keep a record: it is the kernel's again when the call returns. */
export interface Handlers<T extends RecordView = RecordView> {
  /**
   * Takes the records of a batch, until there is none left; the loop is the signal's own, so that V8 compiles it for this signal
   * alone. What it throws costs the record in hand; it is called again for the rest. A mode without records has none.
   */
  records?(batch: Batch<T>): void;
  /** Called once, when everything is attached. */
  attached?(): void;
  /**
   * Called before each scrape: reads maps, walks iterators. Records are taken meanwhile where it gives the event loop a turn, but no
   * process is forgotten.
   */
  collect?(): void | Promise<void>;
  /** Shows `watcher` each census that `collect` takes, until the returned function is called. */
  watchCensus?(watcher: CensusWatcher): () => void;
  /** Called before processes are forgotten: adds to the tables what the handlers still keep to themselves. */
  settle?(): void;
  /**
   * Called every second, scraped or not, but never while `collect` or itself is at work: empties kernel maps that fill up. No process is
   * forgotten meanwhile.
   */
  relieve?(): void | Promise<void>;
  /** Events of the kernel maps that `collect` has taken in so far, where they are not records of the ring. */
  collected?(): number;
  /** Bytes that the handlers' own tables take at the most, where kernel maps are mirrored in them. */
  memoryAtLimit?(): number;
  /** Kernel maps that fill up with use, and how many entries each had at the last `collect`. */
  mapEntries?(): readonly (readonly [map: string, entries: number])[];
}

/** One value of a traced record. Names and meanings are documented in docs/trace.md and do not change. */
export type TraceValue = string | number | boolean | undefined;

/** What the values of a traced field are: a kind, or the words that there are. Fields named `…_seconds` are durations. */
export type TraceType = "string" | "integer" | "number" | "boolean" | readonly string[];

/** How `ringtap trace` shows a record. */
export interface Trace<T extends RecordView = RecordView> {
  /** Every field that {@link fields} may have. */
  readonly types: Readonly<Record<string, TraceType>>;
  /** The fields by which the summary counts: what became of it. */
  readonly outcome: readonly string[];
  /** Did it go wrong? Shown in red, and never sampled. Default: nothing does. */
  failed?(record: T): boolean;
  /** The columns of the table, in order: a field's name, its heading, its width (the last is as wide as it needs). */
  readonly columns: readonly { readonly field: string; readonly heading: string; readonly width: number }[];
  /** The fields that a JSON line has besides `time`, `signal`, `pid`, `tid`, `comm` and `thread_comm`. */
  fields(record: T): Readonly<Record<string, TraceValue>>;
}

/** A record as it lies in every signal's ring: a time stamp and an actor. */
export interface EventRecord extends RecordView, ActorRecord {
  /** CLOCK_MONOTONIC, nanoseconds. */
  readonly time: number;
  readonly tid: number;
  readonly threadComm: string;
}

/** How a signal is to run. */
export type Mode = "run" | "trace";

/** How much the kernel maps may hold that fill up with use. */
export interface MapLimits {
  /** TCP connections that are remembered. */
  readonly connections: number;
  /** Pairs of a process and a system call that are counted apart; rounded up to a power of two. */
  readonly counts: number;
  /** Threads that can be in the middle of a system call while another one has their CPU. */
  readonly threads: number;
}

/** What the command line says that signals may want to know. */
export interface SignalOptions {
  readonly mode: Mode;
  readonly syscall: {
    readonly mode: "aggregate" | "stream";
    /** Nanoseconds; stream mode leaves shorter calls out. */
    readonly minDuration: number;
    readonly errorsOnly: boolean;
    /** Names as `ringtap_syscalls_total{syscall}` shows them; empty for all. */
    readonly names: readonly string[];
  };
  readonly cgroup: {
    /** The hierarchy that tells containers apart. */
    readonly hierarchy: CgroupHierarchy;
    /** Do records say in which control group the process was? */
    readonly inRecords: boolean;
  };
  /** Default: as the objects have it. */
  readonly limits?: MapLimits;
  /** Processes to keep, in the kernel; empty for all. */
  readonly pids: readonly number[];
  /** Names of processes to keep, in the kernel; empty for all. */
  readonly comms: readonly string[];
  /** Who is at the other end of a connection, where series shall tell it. */
  readonly peers?: PeerDirectory | undefined;
}

/** A signal: one BPF file, one TypeScript file, one test, one row of the README. */
export interface Signal<T extends EventRecord = EventRecord> {
  /** As in `--signals`, `bpf/<name>.bpf.c` and the label `signal`. */
  readonly name: string;
  /** One line for `--help`, `check` and the page. */
  readonly summary: string;
  /** The decoder of the ring's records. */
  readonly record: RecordClass<T>;
  /** Bytes of the shortest record that the ring may hold, where some are only the head of the struct; else all of it. */
  readonly shortestRecord?: number;
  /** Decoders of other exported records, such as those an iterator writes. */
  readonly otherRecords?: readonly RecordClass[];
  /** Ways to hook it, best first; the first that loads is used. */
  readonly hooks: readonly HookSet[];
  /**
   * Programs that a kernel may refuse, most likely because their hook is not there, and what the signal then does without, in the
   * words of `ringtap_signal_info{without}`. The refusal of any other program refuses the hook set.
   */
  readonly optional?: Readonly<Record<string, string>>;
  /** What to set for these options. Called before loading, and again for each change of the options. */
  setup(options: SignalOptions): Setup;
  /** Declares the metrics and returns what to do with events. Called once, after loading and before attaching. */
  start(context: SignalContext, options: SignalOptions): Handlers<T>;
  readonly trace: Trace<T>;
}
