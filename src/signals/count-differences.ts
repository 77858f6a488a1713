/** Counts that BPF programs keep in a hash map: what each has grown by since it was last read. */
import type { BpfMap } from "../kernel/native.js";
import { KeyTable } from "../metrics/key-table.js";

const twoTo32 = 2 ** 32;

/** What is known of whoever a key counts for. */
export type Owner = "here" | "gone" | "unknown";

/** Follows a map whose keys are 32-bit words, and whose values are 64-bit counts that only grow. */
export class CountDifferences {
  /** The map's. */
  readonly name: string;
  /** Entries that the last read has left in the map. */
  size = 0;
  readonly #map: BpfMap;
  readonly #keyWords: number;
  /** Counts in a value. */
  readonly #width: number;
  readonly #known: KeyTable;
  /** What was read last, by the key's id in `#known`: `#width` numbers each. */
  #last: Float64Array;
  readonly #key: Uint32Array;
  readonly #differences: Float64Array;

  constructor(map: BpfMap) {
    const { name, keySize, valueSize } = map.info;
    this.name = name;
    this.#map = map;
    this.#keyWords = keySize / 4;
    this.#width = valueSize / 8;
    this.#known = new KeyTable(this.#keyWords);
    this.#last = new Float64Array(64 * this.#width);
    this.#key = new Uint32Array(this.#keyWords);
    this.#differences = new Float64Array(this.#width);
  }

  /**
   * Reads the map. `take` gets each key that has grown and by how much; neither array is good after it returns. `owner` tells
   * about a key's first word: the keys of an owner that has `gone`, so that nothing counts under them any more, are taken and
   * deleted; those of one that is `unknown` are left for the next read when they are new, and are taken then in any case.
   */
  read(take: (key: Uint32Array, differences: Float64Array) => void, owner: (firstWord: number) => Owner): void {
    const size = this.#map.readAll();
    const keyWords = this.#keyWords;
    const keys = new Uint32Array(this.#map.keys, 0, size * keyWords);
    const values = new Uint32Array(this.#map.values, 0, size * this.#width * 2);
    const key = this.#key;
    let over = 0;
    for (let entry = 0; entry < size; entry++) {
      const from = entry * keyWords;
      for (let word = 0; word < keyWords; word++) {
        key[word] = keys[from + word] as number;
      }
      const state = owner(key[0] as number);
      const found = this.#known.find(key);
      const id = found < 0 && state !== "gone" ? this.#add(key) : found;
      const postponed = found < 0 && state === "unknown";
      if (!postponed && this.#subtract(values, entry, id)) {
        take(key, this.#differences);
      }
      if (state === "gone") {
        if (id >= 0) {
          this.#known.remove(id);
        }
        keys.copyWithin(over * keyWords, from, from + keyWords);
        over++;
      }
    }
    this.size = size - over;
    if (over > 0) {
      this.#map.deleteKeys(new Uint8Array(keys.buffer, 0, over * keyWords * 4), over);
    }
  }

  /** The id of a key that is new. */
  #add(key: Uint32Array): number {
    const id = this.#known.add(key);
    const from = id * this.#width;
    if (from >= this.#last.length) {
      const grown = new Float64Array(2 * this.#last.length);
      grown.set(this.#last);
      this.#last = grown;
    }
    this.#last.fill(0, from, from + this.#width);
    return id;
  }

  /** Leaves in `#differences` what an entry has grown by, all of it for id -1; false when by nothing. */
  #subtract(values: Uint32Array, entry: number, id: number): boolean {
    const width = this.#width;
    const last = this.#last;
    let grown = false;
    for (let index = 0; index < width; index++) {
      const at = 2 * (entry * width + index);
      const value = (values[at] as number) + (values[at + 1] as number) * twoTo32;
      const difference = id < 0 ? value : value - (last[id * width + index] as number);
      this.#differences[index] = difference;
      if (difference !== 0) {
        grown = true;
        if (id >= 0) {
          last[id * width + index] = value;
        }
      }
    }
    return grown;
  }
}
