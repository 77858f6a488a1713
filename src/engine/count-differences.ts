/** Counts that BPF programs keep: what each has grown by since it was last read. */
import { sharedTurns, type Turns } from "../identity/turns.js";
import { KeyTable, keyTableMemory } from "../metrics/key-table.js";
import { log2Ceil } from "../metrics/log2.js";
import type { Counters, Owner } from "../sdk/counters.js";
import type { CountSource } from "./count-source.js";

const twoTo32 = 2 ** 32;

/** Fills `to` from `from`; TypedArray's own ways cost several times as much for so few. */
function copyWords(from: Uint32Array, at: number, to: Uint32Array): void {
  for (let word = 0; word < to.length; word++) {
    to[word] = from[at + word] as number;
  }
}

/** A program is at a line for some microseconds, or longer where it is preempted: after this time none is at one that was sealed. */
const sealedForMs = 500;

export interface DifferenceOptions {
  /** See {@link CounterOptions.outlivesOwner}. */
  readonly outlivesOwner?: boolean;
  readonly turns?: Turns;
  /** Milliseconds of a monotonic clock. */
  readonly now?: () => number;
}

/** Follows counts that only grow. */
export class CountDifferences implements Counters {
  /** Entries that were left in the kernel when all were read last. */
  size = 0;
  /** Those of the pieces read since. */
  #left = 0;
  readonly #source: CountSource;
  readonly #owner: (key: Uint32Array, firstRead: number) => Owner;
  readonly #turns: Turns;
  readonly #now: () => number;
  readonly #seals: boolean;
  readonly #known: KeyTable;
  /** When the entry was first read, by its number: milliseconds of `performance.now()`. */
  readonly #firstRead: number[] = [];
  /** What was read last, by the entry's number in `#known`: `width` numbers each. */
  #last: Float64Array;
  /** By the entry's number: had it grown at the last read? */
  readonly #grew: boolean[] = [];
  /** By the entry's number: when it was sealed, milliseconds; Infinity while it is not. */
  readonly #sealedAt: number[] = [];
  readonly #id: Uint32Array;
  readonly #key: Uint32Array;
  readonly #differences: Float64Array;

  /** Throws when entries of a source that cannot be sealed are to outlive their owners. */
  constructor(
    source: CountSource,
    owner: (key: Uint32Array, firstRead: number) => Owner = () => "alive",
    { outlivesOwner = false, turns = sharedTurns, now = () => performance.now() }: DifferenceOptions = {},
  ) {
    if (outlivesOwner && source.seal === undefined) {
      throw new Error(`counters of map ${source.name}: only lines, in a map with keys, can outlive their owners`);
    }
    const { idWords, keyWords, width } = source;
    this.#source = source;
    this.#owner = owner;
    this.#turns = turns;
    this.#now = now;
    this.#seals = outlivesOwner;
    this.#known = new KeyTable(idWords);
    this.#last = new Float64Array(64 * width);
    this.#id = new Uint32Array(idWords);
    this.#key = new Uint32Array(keyWords);
    this.#differences = new Float64Array(width);
  }

  /** Bytes that the counts read last and the buffers that they are read into take at the most; the former grow by doubling. */
  get memoryAtLimit(): number {
    const { capacity, idWords, width, bufferBytes } = this.#source;
    return keyTableMemory(idWords, capacity) + 2 ** log2Ceil(capacity) * (width + 2) * 8 + bufferBytes;
  }

  /** Entries that there can be. */
  get capacity(): number {
    return this.#source.capacity;
  }

  /** The map's. */
  get name(): string {
    return this.#source.name;
  }

  /** See {@link Counters.readSome}. */
  readSome(take: (key: Uint32Array, differences: Float64Array) => void): boolean {
    while (this.#readPiece(take)) {
      if (!this.#turns.hasTime()) {
        return true;
      }
    }
    return false;
  }

  #readPiece(take: (key: Uint32Array, differences: Float64Array) => void): boolean {
    const source = this.#source;
    const { idWords, keyWords } = source;
    const size = source.read();
    if (size === 0) {
      this.size = this.#left;
      this.#left = 0;
      return false;
    }
    const ids = new Uint32Array(source.ids, 0, size * idWords);
    const keys = new Uint32Array(source.keys, 0, size * keyWords);
    const counts = new Uint32Array(source.counts, 0, 2 * size * source.stride);
    const now = this.#now();
    const toSeal: number[] = [];
    let over = 0;
    for (let entry = 0; entry < size; entry++) {
      copyWords(ids, entry * idWords, this.#id);
      copyWords(keys, entry * keyWords, this.#key);
      const found = this.#known.find(this.#id);
      const state = this.#owner(this.#key, found < 0 ? now : (this.#firstRead[found] as number));
      const number = found < 0 && (state !== "ended" || this.#seals) ? this.#add(now) : found;
      const postponed = found < 0 && state === "unknown";
      if (!postponed && this.#subtract(counts, entry, number)) {
        take(this.#key, this.#differences);
      }
      const isSealed = number >= 0 && this.#sealedAt[number] !== Infinity;
      if (!isSealed && state !== "ended") {
        continue;
      }
      if (!this.#seals || (isSealed && now - (this.#sealedAt[number] as number) >= sealedForMs)) {
        if (number >= 0) {
          this.#known.remove(number);
        }
        ids.copyWithin(over * idWords, entry * idWords, (entry + 1) * idWords);
        over++;
      } else if (!isSealed && this.#hasKey(counts, entry)) {
        toSeal.push(ids[entry * idWords] as number);
        this.#sealedAt[number] = now;
      }
    }
    this.#left += size - over;
    if (toSeal.length > 0) {
      source.seal?.(Uint32Array.from(toSeal));
    }
    if (over > 0) {
      source.free(ids.subarray(0, over * idWords));
    }
    return true;
  }

  /** Does a line have its key, which a program writes after it has taken the line? */
  #hasKey(lines: Uint32Array, entry: number): boolean {
    const at = 2 * entry * this.#source.stride;
    return lines[at] === this.#key[0] && lines[at + 1] === this.#key[1];
  }

  /** The number of an entry that is new, in `#id`, and read `now`. */
  #add(now: number): number {
    const { width } = this.#source;
    const number = this.#known.add(this.#id);
    const from = number * width;
    if (from >= this.#last.length) {
      const grown = new Float64Array(2 * this.#last.length);
      grown.set(this.#last);
      this.#last = grown;
    }
    this.#last.fill(0, from, from + width);
    this.#grew[number] = true;
    this.#sealedAt[number] = Infinity;
    this.#firstRead[number] = now;
    return number;
  }

  /** Leaves in `#differences` what an entry has grown by, all of it for number -1; false when by nothing. */
  #subtract(counts: Uint32Array, entry: number, number: number): boolean {
    const { width, telling, stride, offset } = this.#source;
    const last = this.#last;
    // What had grown may have been read in the middle of an addition, so the whole entry is read once more.
    const every = number < 0 || this.#grew[number] === true;
    let grown = false;
    for (let index = 0; index < width && (every || grown || index < telling); index++) {
      const at = 2 * (entry * stride + offset + index);
      const count = (counts[at] as number) + (counts[at + 1] as number) * twoTo32;
      const difference = number < 0 ? count : count - (last[number * width + index] as number);
      this.#differences[index] = difference;
      if (difference !== 0) {
        grown = true;
        if (number >= 0) {
          last[number * width + index] = count;
        }
      }
    }
    if (number >= 0) {
      this.#grew[number] = grown;
    }
    return grown;
  }
}
