/** Counters that BPF programs keep in maps. */
import type { Identity } from "../identity/identity.js";

/** What is known of the owner that a key counts for. */
export type Owner = "alive" | "ended" | "unknown";

/** By the state of a process. */
const owners = { active: "alive", ended: "ended", unknown: "unknown" } as const;

/** The owner of counters whose keys begin with a tgid: that process. It can count before the record of its fork has been read. */
export function processOwner(identity: Identity): (key: Uint32Array) => Owner {
  return ([tgid = 0]) => owners[identity.stateOf(tgid) ?? "unknown"];
}

/** How counters are laid out, and when they are freed. */
export interface CounterOptions {
  /** The map whose values are the keys of the lines, where the counters lie in an mmapable array. Default: a hash map, by its own keys. */
  readonly keys?: string;
  /**
   * Says whether a key's owner is there. Entries of an owner that has `ended` are read a last time and freed; new entries of one that
   * is `unknown` are left for the next reading. Without it no entry is freed.
   */
  readonly owner?: (key: Uint32Array) => Owner;
}

/** The counters of a map, as what they have grown by since they were last read. */
export interface Counters {
  /**
   * Reads the next entries, as many as there is time for in this turn of the event loop, and some in any case; false when there are
   * none left, and the next call begins with the first again: call it in a turn of its own until then. `take` gets each key that has grown and its differences; neither array is valid after it returns.
   */
  readSome(take: (key: Uint32Array, differences: Float64Array) => void): boolean;
  readonly name: string;
  /** Entries that were left in the kernel when all were read last. */
  readonly size: number;
  /** Entries that the map can hold. */
  readonly capacity: number;
  /** Bytes that reading takes at most. */
  readonly memoryAtLimit: number;
}
