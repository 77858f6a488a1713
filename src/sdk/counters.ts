/** Counters that BPF programs keep in maps. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { type ActorRecord, actorWords, textOf } from "../binding/record.js";
import type { Identity } from "../identity/identity.js";

/** In place of a tgid: the processes that the map has no entry of their own for. OTHER_TGID of bpf/include/ringtap/counts.h. */
export const otherTgid = 0xffffffff;

/** What is known of the owner that a key counts for. */
export type Owner = "alive" | "ended" | "unknown";

/** By the state of a process. */
const owners = { active: "alive", ended: "ended" } as const;

/** The start of a process, nanoseconds of CLOCK_MONOTONIC, from two words of a key, as {@link ProcessRecord.start} is read. */
export function startInKey(key: Uint32Array, at: number): number {
  return (key[at] as number) + (key[at + 1] as number) * 2 ** 32;
}

/**
 * The owner of counters whose keys begin with a tgid: that process. Where keys have the start of the process too, which takes two words
 * from `startAt` on, a later one with the same tgid is another owner. A process can count before the record of its fork has been read.
 * One that no record has shown, nor a scan of all processes that began after its key was first read, has ended: a full ring has lost
 * its records.
 */
export function processOwner(identity: Identity, startAt?: number): (key: Uint32Array, firstRead: number) => Owner {
  return (key, firstRead) => {
    const tgid = key[0] as number;
    if (tgid === otherTgid) {
      return "alive";
    }
    const start = startAt === undefined ? undefined : startInKey(key, startAt);
    const state = identity.stateOf(tgid, start);
    return state !== undefined ? owners[state] : identity.scannedSince(firstRead) ? "ended" : "unknown";
  };
}

/** Where the members of a struct actor_key (bpf/include/ringtap/counts.h) are, in words. */
export const actorKeyAt = { tgid: 0, number: 1, start: 2, comm: 4, cgroup: 8 } as const;

/** The words of a comm, and of the id of a control group. */
const commWords = 4;

/** Clears what follows the end of the text in four bytes of it. */
function untilEnd(word: number): number {
  const bytes = [0xff, 0xff00, 0xff0000].findIndex((mask) => (word & mask) === 0);
  return bytes < 0 ? word : word & (2 ** (8 * bytes) - 1);
}

/** The actor that a line counts for whose key is a struct actor_key. Moved from key to key, it is given to {@link Identity.of}. */
export class CountedActor implements ActorRecord {
  readonly #words = new Uint32Array(actorWords);
  readonly #comm = new Uint8Array(
    this.#words.buffer,
    Uint32Array.BYTES_PER_ELEMENT,
    commWords * Uint32Array.BYTES_PER_ELEMENT,
  );

  /** Moves to the actor of another key, which is copied. Returns this. */
  moveTo(key: Uint32Array): this {
    const words = this.#words;
    words[0] = key[actorKeyAt.tgid] as number;
    let isEnded = false;
    for (let word = 0; word < commWords; word++) {
      const whole = key[actorKeyAt.comm + word] as number;
      const text: number = isEnded ? 0 : untilEnd(whole);
      words[1 + word] = text;
      isEnded ||= text >>> 24 === 0;
    }
    words[1 + commWords] = key[actorKeyAt.cgroup] as number;
    words[2 + commWords] = key[actorKeyAt.cgroup + 1] as number;
    return this;
  }

  get tgid(): number {
    return this.#words[0] as number;
  }

  get comm(): string {
    return textOf(this.#comm);
  }

  get cgroup(): number {
    return startInKey(this.#words, 1 + commWords);
  }

  copyActor(key: Uint32Array): void {
    key.set(this.#words);
  }

  isActor(keys: Uint32Array, from: number): boolean {
    return this.#words.every((word, index) => keys[from + index] === word);
  }
}

/** Calls {@link Counters.readSome} until all has been read, with a turn of the event loop after each piece. */
export async function readCounters(
  counters: Counters,
  take: (key: Uint32Array, differences: Float64Array) => void,
): Promise<void> {
  while (counters.readSome(take)) {
    await nextTurn();
  }
}

/** How counters are laid out, and when they are freed. */
export interface CounterOptions {
  /** The map whose values are the keys of the lines, where the counters lie in an mmapable array. Default: a hash map, by its own keys. */
  readonly keys?: string;
  /** When so many of the first counts of a line are what they were, the others are not read. Default: all are. */
  readonly telling?: number;
  /**
   * Says whether a key's owner is there. Entries of an owner that has `ended` are read a last time and freed; new entries of one that
   * is `unknown` are left for the next reading. `firstRead` is when the key was first read, milliseconds of `performance.now()`. Without
   * it no entry is freed.
   */
  readonly owner?: (key: Uint32Array, firstRead: number) => Owner;
  /**
   * Can programs still count for an owner that has ended, as for a connection that outlives its process? Then a line, for there have
   * to be `keys`, is first sealed: no program finds it any more, and what is counted from then on begins another line. It is freed some
   * time later, when no program can be at it.
   */
  readonly outlivesOwner?: boolean;
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
