/** Words that programs know by number, and by nothing else: sets of them for bpf/l7/words.h. */

/** WORDS, WORD_PROBES and WORD_LEN there. */
const slots = 1024;
const probes = 16;
const wordLength = 16;

/** Statuses that are no words: STATUS_OK and STATUS_OTHER there. */
export const statusOk = 1;
export const statusOther = 2;

/** Numbers that no word has: what is not known, these statuses, and OTHER_OPERATION of bpf/l7/request_counts.h. */
const reserved = [0, statusOk, statusOther, slots - 1];

/** What stands in a slot that no word has: the program's search goes on behind it. */
const barrier = 0xff;

/** Multipliers of the two halves of a word. */
const factors = [0x9e3779b97f4a7c15n, 0xc2b2ae3d27d4eb4fn] as const;

/** Where a word's search begins. */
function homeOf(halves: DataView): number {
  const sum = halves.getBigUint64(0, true) * factors[0] + halves.getBigUint64(8, true) * factors[1];
  return Number(BigInt.asUintN(64, sum) >> 54n);
}

export class WordSet {
  /** The hash table, as the program reads it: 16 bytes for each slot. */
  readonly table = new Uint8Array(slots * wordLength);
  readonly #words = new Map<number, string>();
  readonly #numbers = new Map<string, number>();

  /** @throws RangeError for a word that is not in upper case, is too long, or is met twice, or when there are too many. */
  constructor(words: readonly string[]) {
    for (const slot of reserved) {
      this.table.fill(barrier, slot * wordLength, (slot + 1) * wordLength);
    }
    for (const word of words) {
      this.#insert(word);
    }
  }

  /** The word that a number stands for; undefined for one that stands for none. */
  word(number: number): string | undefined {
    return this.#words.get(number);
  }

  /** The number of a word; 0 when it has none. */
  number(word: string): number {
    return this.#numbers.get(word) ?? 0;
  }

  #insert(word: string): void {
    const bytes = Buffer.alloc(wordLength, word, "latin1");
    if (word.length === 0 || word.length > wordLength || word !== word.toUpperCase()) {
      throw new RangeError(`"${word}" is not a word of up to ${wordLength} bytes in upper case`);
    }
    bytes.fill(0, word.length);
    if (this.#numbers.has(word)) {
      throw new RangeError(`"${word}" is there twice`);
    }
    const home = homeOf(new DataView(bytes.buffer, bytes.byteOffset, wordLength));
    for (let probe = 0; probe < probes; probe++) {
      const slot = (home + probe) % slots;
      if (!this.#words.has(slot) && !reserved.includes(slot)) {
        this.table.set(bytes, slot * wordLength);
        this.#words.set(slot, word);
        this.#numbers.set(word, slot);
        return;
      }
    }
    throw new RangeError(`"${word}" finds no place among ${this.#words.size} words`);
  }
}
