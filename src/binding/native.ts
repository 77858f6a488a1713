/**
 * The typed twin of `native/`: the only file that loads the addon, and the only declaration of what it offers.
 *
 * The addon is a generic libbpf binding. It knows no signal. Every method throws a {@link NativeError} when libbpf or the
 * kernel refuses, when a name is unknown, and when its object is closed or not yet loaded. Arguments of a wrong type, and a
 * `this` of another class, throw a TypeError; numbers and lengths out of range a RangeError.
 */
import { createRequire } from "node:module";

import { findAddon } from "./installation.js";

/** The form of every failure inside the addon. */
export interface NativeError extends Error {
  /** The errno's name (`EPERM`, `EINVAL`, …), or `ERINGTAP` where no system call failed. */
  readonly code: string;
  /** The positive errno, 0 where no system call failed. */
  readonly errno: number;
  /** The program, map or file that the call was about. */
  readonly subject: string;
  /** What libbpf and the verifier printed during the call; empty when they were silent. */
  readonly log: string;
}

/** One program of an object, as libbpf sees it before loading. */
export interface ProgramInfo {
  readonly name: string;
  /** The ELF section, such as `tp_btf/sys_enter`. */
  readonly section: string;
}

/** One map of an object. */
export interface MapInfo {
  readonly name: string;
  /** `enum bpf_map_type` of the kernel's uapi. */
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
}

/** A map as its object lists it. */
export interface ObjectMap extends MapInfo {
  /** The file descriptor of a map that has been created, which stays the object's own; else -1. */
  readonly descriptor: number;
}

/** Run statistics of a loaded program (`struct bpf_prog_info`); the first two stay 0 unless {@link Native.enableStats} holds. */
export interface ProgramStats {
  readonly runs: number;
  /** Total time inside the program, nanoseconds. */
  readonly nanoseconds: number;
  /** Runs that the kernel left out because the program was running on that CPU already; 0 before Linux 5.12. */
  readonly misses: number;
  /** Instructions the verifier walked; 0 before Linux 5.16. */
  readonly verifiedInstructions: number;
}

/** One member of a struct as BTF tells it; nested structs are not flattened. */
export interface BtfMember {
  readonly name: string;
  /** Bytes from the start of the struct. */
  readonly offset: number;
  /** Bytes; for an array, of the whole array. */
  readonly size: number;
  /** What it is after typedefs and qualifiers are peeled; `unsupported` covers bitfields, unions, pointers and the like. */
  readonly kind: "int" | "enum" | "array" | "struct" | "unsupported";
  readonly signed: boolean;
  /** Elements of an array, else 1. */
  readonly count: number;
  /** Size of one element, bytes; equal to `size` when not an array. */
  readonly elementSize: number;
  /** Name of the enum, struct or int (element) type; empty when anonymous. */
  readonly typeName: string;
}

/** A struct of an object's BTF. */
export interface BtfStruct {
  readonly name: string;
  readonly size: number;
  readonly members: readonly BtfMember[];
}

/** An enum of an object's BTF, in declaration order; values beyond 2^53 lose precision. */
export interface BtfEnum {
  readonly name: string;
  readonly values: readonly { readonly name: string; readonly value: number }[];
}

/** A BPF object file: opened, adjusted, loaded, attached, closed, in this order. */
export interface BpfObject {
  /** Programs and maps in file order, listed anew by each access. Valid from open to close. */
  readonly programs: readonly ProgramInfo[];
  readonly maps: readonly ObjectMap[];
  /** A struct of the object's BTF, by its name. Works before load. */
  struct(name: string): BtfStruct;
  /** Names of all BTF variables (global variables of the BPF program) that start with `prefix`. */
  variables(prefix: string): string[];
  /** Every named enum of the object's own BTF. Works before load. */
  enums(): BtfEnum[];
  /**
   * Sets a `const volatile` (.rodata) variable before load. A number or bigint is written at the variable's size, little
   * endian (size 1, 2, 4 or 8; out of range throws); bytes must fit and the rest is zeroed.
   */
  setConstant(name: string, value: number | bigint | Uint8Array): void;
  /**
   * Sets a global variable (.data, .bss) of a loaded object, attached or not. Values are as for {@link setConstant}. A program that
   * runs meanwhile finds each aligned word of up to 8 bytes either as it was or as it will be.
   */
  setVariable(name: string, value: number | bigint | Uint8Array): void;
  /** Leaves a program out of the load, or puts it back. Before load only. */
  setAutoload(program: string, on: boolean): void;
  /** Leaves a map out of the load, or puts it back. Before load only. */
  setAutocreate(map: string, on: boolean): void;
  /** Resizes a map. Libbpf rounds a ring buffer's bytes up to a power of two times the page size. Before load only. */
  setMaxEntries(map: string, entries: number): void;
  /**
   * Takes another object's map, by its {@link ObjectMap.descriptor}, in place of its own, with that one's shape and size. The map lives as
   * long as any object that has it. Before load only.
   */
  reuseMap(map: string, descriptor: number): void;
  /**
   * Loads maps and programs into the kernel. Raises RLIMIT_MEMLOCK first where the kernel still charges it. An object that
   * failed to load stays failed: open the file again. `subject` of the error is the program or map that libbpf named.
   */
  load(): void;
  /**
   * Begins to load in a thread of its own, where libbpf and the verifier take the time of another processor: {@link load} waits for its end, and
   * throws what it has come to. Meanwhile nothing of the object can be changed; what reads it waits, and so does {@link close}.
   */
  beginLoad(): void;
  /**
   * Attaches one loaded program where its section says; it stays attached until {@link detach} or {@link close}, or until the object
   * and all that came from it have been collected. Not for iterators; not twice.
   */
  attach(program: string): void;
  /** Detaches a program that is attached. */
  detach(program: string): void;
  /**
   * Attaches a program of the section `uprobe.multi` to places of a file of machine code, in whatever process maps it: by their offsets
   * in the file, with a number for each that the program gets (`bpf_get_attach_cookie()`). `atReturn`: the functions that begin there
   * are to have returned. The file is found by its path, and is the same whatever becomes of that. Returns a number for
   * {@link detachUprobes}.
   */
  attachUprobes(program: string, path: string, offsets: Uint32Array, cookies: Uint32Array, atReturn: boolean): number;
  /** Detaches what such a call has attached. Not an error when it is detached already. */
  detachUprobes(number: number): void;
  /** The file descriptor of a loaded program, which stays the object's own: the value of a BPF_MAP_TYPE_PROG_ARRAY. */
  programDescriptor(program: string): number;
  /** Prepares an iterator program; `map` is the map that an `iter/bpf_map_elem` program walks. */
  iterator(program: string, map?: string): BpfIterator;
  /** Maps a BPF_MAP_TYPE_RINGBUF. Once per map: a second call throws while the first ring is open. */
  ring(map: string): BpfRing;
  /** Opens a map for reading and updating from userspace. */
  map(name: string): BpfMap;
  /** Statistics of one loaded program. */
  stats(program: string): ProgramStats;
  /** Detaches, unmaps and frees everything that came from this object. Idempotent. */
  close(): void;
}

/**
 * A ring buffer, mapped once. `data` holds the kernel's data pages twice in a row, so no record wraps. It is read-only
 * memory: a JavaScript write to it is a SIGSEGV, so it stays inside `src/kernel/` and signals get readers only.
 */
export interface BpfRing {
  /** Bytes of the ring (the data area once, not twice). */
  readonly size: number;
  /** The data area, mapped twice: `2 * size` bytes, external, never copied. Detached by close. */
  readonly data: ArrayBuffer;
  /**
   * Where `peek` leaves its batch: pairs of (byte offset into `data`, byte length) for each complete record. Fixed capacity;
   * detached by close.
   */
  readonly index: Uint32Array;
  /**
   * Finds complete records from the consumer position on, stops at the first busy one, skips discarded ones, fills `index`.
   * Returns how many it found. Does not publish the consumer position, so a second call without {@link release} finds the
   * same records (and those that came since) again; only when all it saw was discarded, it releases that at once.
   */
  peek(): number;
  /**
   * Publishes the consumer position behind the last peeked batch: its records are the kernel's again. The kernel wakes the
   * poll only for a record that lands exactly there, so {@link peek} once more after the release before going to sleep. With
   * `records`, the same for the first ones of the batch alone: the next peek finds the others again.
   */
  release(records?: number): void;
  /** Bytes between consumer and producer position: waiting or being written. */
  used(): number;
  /**
   * Calls `onReady` on the loop's thread each time the kernel wakes the ring's poll. Level-triggered: it is called again while
   * records wait. `undefined` stops it. An open watch does not keep the process alive. What `onReady` throws becomes an
   * uncaughtException. Records submitted with BPF_RB_NO_WAKEUP cause no wake-up: a timer has to drain them.
   */
  watch(onReady: (() => void) | undefined): void;
  /** Unwatches, detaches `data` and `index`, unmaps. Idempotent. */
  close(): void;
}

/** An iterator program: each `open` starts a fresh walk. */
export interface BpfIterator {
  /** Where `read` leaves what the program wrote; native memory of fixed size, reused. Detached by close. */
  readonly buffer: ArrayBuffer;
  /**
   * Reads the next piece of the walk in progress, or begins one. Returns the bytes in `buffer`, a whole number of records of
   * `recordSize` bytes: at most `records` of them (default: as many as fit), and fewer, perhaps none, when the program has ended the
   * piece (`piece_ends()`, bpf/include/ringtap/iter.h); -1 when the walk is over, and the next call begins another. Keep to one
   * `recordSize` during a walk.
   */
  read(recordSize: number, records?: number): number;
  /** Ends a walk early. */
  rewind(): void;
  /** Detaches. Idempotent. */
  close(): void;
}

/** A map seen from userspace. */
export interface BpfMap {
  readonly info: MapInfo;
  /**
   * Keys of the last read, packed at the key's size; valid until the next call. Grows, so fetch it anew after each call; what
   * follows the last entry read is undefined.
   */
  readonly keys: ArrayBuffer;
  /** Values of the last read, packed at the value's size. For per-CPU maps, each 8-byte word is summed over all CPUs. */
  readonly values: ArrayBuffer;
  /**
   * Copies every entry out with the kernel's batch calls (one by one where a map type has none), sums per-CPU values and
   * returns the number of entries. Value sizes of per-CPU maps must be multiples of 8 ({@link BpfObject.map} throws).
   */
  readAll(): number;
  /**
   * Copies the next entries out in place of those before, about `most` (from 1), and returns how many: none at the end, and after
   * that the first ones again. What is put in or deleted meanwhile may be among them or not; nothing else is left out. A map type
   * without batch calls is copied whole. {@link readAll} begins anew.
   */
  readSome(most: number): number;
  /**
   * Copies elements of an array made with BPF_F_MMAPABLE into `values`, in the order of `indexes`, without a system call; each
   * 8-byte word is read in one piece. Values lie at multiples of 8 bytes.
   */
  gather(indexes: Uint32Array): void;
  /** Zeroes elements of such an array. */
  clear(indexes: Uint32Array): void;
  /** Sets the first 8-byte word of elements of such an array to all ones. */
  seal(indexes: Uint32Array): void;
  /** Writes one entry (`BPF_ANY`); key and value of exactly the map's sizes. For per-CPU maps the value goes to every CPU. */
  set(key: Uint8Array, value: Uint8Array): void;
  /** Deletes `count` keys packed in `keys`; keys that are gone already are no error. Returns how many were deleted. */
  deleteKeys(keys: Uint8Array, count: number): number;
}

/** What the addon exports. */
export interface Native {
  /** Opens a BPF object file. `btf` is a kernel BTF file other than `/sys/kernel/btf/vmlinux`. */
  open(path: string, btf?: string): BpfObject;
  /** Opens a BPF object that lies in memory; `name` names it in messages. The bytes are copied. */
  openBytes(bytes: Uint8Array, name: string): BpfObject;
  /** The libbpf that the addon runs with, such as `1.1`. */
  readonly libbpfVersion: string;
  /** Turns on the kernel's program statistics until the returned function is called or collected (BPF_ENABLE_STATS). */
  enableStats(): () => void;
  /** Does the running kernel know the map type (number of `enum bpf_map_type`)? */
  probeMapType(type: number): boolean;
  /** Does the running kernel offer the helper (number of `enum bpf_func_id`) to the program type? */
  probeHelper(programType: number, helper: number): boolean;
  /** Begins to read the kernel's types in another thread: what is opened next needs them. */
  beginReadingTypes(): void;
  /** Can programs call the kernel's bpf_rdonly_cast(), with which READ() of bpf/include/ringtap/read.h needs no helper? */
  canCast(): boolean;
  /** Whether the kernel takes a program on many places of a file as one link, since Linux 6.6. False also for want of CAP_BPF. */
  hasUprobeMulti(): boolean;
  /**
   * Does a policy of the running kernel refuse programs of this type and attach type (numbers of `enum bpf_prog_type` and
   * `bpf_attach_type`) before it looks at them? So it does to a process that may load none.
   */
  forbidsAttachType(programType: number, attachType: number): boolean;
  /**
   * Leaves every thread of the process, and those made later, at most the capabilities whose bits (include/uapi/linux/capability.h)
   * are set in two 32-bit halves; sets no_new_privs; and takes the others from the bounding set where CAP_SETPCAP allows it. For
   * good. An error names the thread that could not be reached; others may have given theirs up by then.
   */
  dropCapabilities(low: number, high: number): void;
  /**
   * Would a process without capabilities be refused the calls that read maps, walk iterators and ask for statistics, on
   * descriptors it has open? Tries it, in a thread of its own.
   */
  bpfNeedsCapability(): boolean;
  /**
   * Gives back memory that is free, and unmaps the clean pages of program files: what is used of them is mapped again, from the page
   * cache, when it is. For once, after a start: it takes some milliseconds.
   */
  trimMemory(): void;
  /**
   * Has the C library give back free memory from 128 KiB on, for good, in this process and all of its threads: else it keeps as much as
   * the largest block that was ever freed, for each thread. For a program of its own, before it does anything else.
   */
  keepLittleFree(): void;
  /** CLOCK_MONOTONIC of this process's time namespace, in nanoseconds. In the host's it is the clock of `bpf_ktime_get_ns`. */
  monotonicNow(): bigint;
}

function loadAddon(): Native {
  const addon = findAddon();
  try {
    return createRequire(import.meta.url)(addon) as Native;
  } catch (cause) {
    throw new Error(`loading ${addon}`, { cause });
  }
}

/** The addon, loaded once per thread. Where it cannot be, importing this module fails with an error that says why. */
export const native = loadAddon();
