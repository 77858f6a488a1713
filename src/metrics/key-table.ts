/** A set of fixed-length keys with small ids: open addressing over typed arrays, so that finding one allocates nothing. */
import { log2Ceil } from "./log2.js";

/** Bytes that a table of so many keys takes at the most, of so many words each. */
export function keyTableMemory(words: number, keys: number): number {
  const slots = 8;
  const hashes = 4;
  const freeList = 8;
  return 2 ** log2Ceil(keys) * (4 * words + slots + hashes + freeList);
}

/**
 * Words spread over 32 bits: multiply and xor-shift word by word, after murmur3's finalizer. Signed, as V8 returns it without a box
 * where it does not inline the call.
 */
function hash(words: Uint32Array, count: number): number {
  let h = 0x9e3779b9;
  for (let at = 0; at < count; at++) {
    h = Math.imul((h ^ (words[at] as number) ^ (h >>> 15)) | 0, 0x85ebca77);
  }
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae3d);
  return h ^ (h >>> 16);
}

/** Keys of `words` 32-bit words. Ids are dense; that of a removed key is given out again. */
export class KeyTable {
  readonly #words: number;
  /** Key words by id. */
  #keys: Uint32Array;
  /** Their hashes by id: removing a key moves others, which would have to be hashed anew. */
  #hashes = new Int32Array(64);
  /** Id + 1 by slot, 0 for empty; a power of two, at most half full. */
  #slots = new Uint32Array(128);
  readonly #free: number[] = [];
  #end = 0;
  #size = 0;

  constructor(words: number) {
    this.#words = words;
    this.#keys = new Uint32Array(64 * words);
  }

  /** Keys in the table. */
  get size(): number {
    return this.#size;
  }

  /** Ids given out so far are below this. */
  get end(): number {
    return this.#end;
  }

  /** A word of the key that an id stands for. */
  word(id: number, index: number): number {
    return this.#keys[id * this.#words + index] as number;
  }

  /** The id of a key, -1 when it is not there. */
  find(key: Uint32Array): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = hash(key, this.#words) & mask; ; slot = (slot + 1) & mask) {
      const id = (slots[slot] as number) - 1;
      if (id < 0 || this.#equals(id, key)) {
        return id;
      }
    }
  }

  /** Adds a key that is not there; returns its id. */
  add(key: Uint32Array): number {
    if ((this.#size + 1) * 2 > this.#slots.length) {
      this.#rehash(this.#slots.length * 2);
    }
    const id = this.#free.pop() ?? this.#end++;
    if ((id + 1) * this.#words > this.#keys.length) {
      const keys = new Uint32Array(this.#keys.length * 2);
      keys.set(this.#keys);
      this.#keys = keys;
      const hashes = new Int32Array(this.#hashes.length * 2);
      hashes.set(this.#hashes);
      this.#hashes = hashes;
    }
    this.#hashes[id] = hash(key, this.#words);
    // A loop: TypedArray's own set costs several times as much for so few.
    for (let index = 0; index < this.#words; index++) {
      this.#keys[id * this.#words + index] = key[index] as number;
    }
    this.#place(id);
    this.#size++;
    return id;
  }

  /** Removes an id that is there, and closes the gap that it leaves in its run of slots. */
  remove(id: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let gap = this.#home(id);
    while (slots[gap] !== id + 1) {
      gap = (gap + 1) & mask;
    }
    for (let slot = (gap + 1) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const home = this.#home((slots[slot] as number) - 1);
      if (((slot - home) & mask) >= ((slot - gap) & mask)) {
        slots[gap] = slots[slot] as number;
        gap = slot;
      }
    }
    slots[gap] = 0;
    this.#free.push(id);
    this.#size--;
  }

  #equals(id: number, key: Uint32Array): boolean {
    const base = id * this.#words;
    for (let index = 0; index < this.#words; index++) {
      if (this.#keys[base + index] !== key[index]) {
        return false;
      }
    }
    return true;
  }

  #home(id: number): number {
    return (this.#hashes[id] as number) & (this.#slots.length - 1);
  }

  #place(id: number): void {
    const mask = this.#slots.length - 1;
    let slot = this.#home(id);
    while (this.#slots[slot] !== 0) {
      slot = (slot + 1) & mask;
    }
    this.#slots[slot] = id + 1;
  }

  #rehash(length: number): void {
    const taken = this.#slots.filter((slot) => slot !== 0);
    this.#slots = new Uint32Array(length);
    for (const slot of taken) {
      this.#place(slot - 1);
    }
  }
}
