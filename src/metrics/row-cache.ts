/** Finding the rows of several tables by one look. */

/** Pairs that have room, as a power of two: 256 KiB. */
const placesPower = 13;

/** Words of a place: the pair, then up to six rows. One place lies in one cache line. */
const placeWords = 8;

/** Where no pair is: an id that is never given out. */
const nothing = 0xffffffff;

/**
 * Remembers, for pairs of small numbers seen lately, where their rows are in tables that are updated together. A pair displaces
 * another one that happens to have the same place. Rows hold only until the next removal: {@link clear} then.
 *
 * @example
 * let at = cache.find(actor, call);
 * if (at < 0) {
 *   at = cache.enter(actor, call);
 *   cache.rows[at] = total.row(subject, detail);
 * }
 * total.addAt(cache.rows[at] as number, 1);
 */
export class RowCache {
  /** What {@link find} and {@link enter} return is an index of it: six numbers from there on are the pair's. */
  readonly rows = new Uint32Array(placeWords << placesPower).fill(nothing);

  /** Where the rows of a pair are; -1 when they are not remembered. */
  find(first: number, second: number): number {
    const { rows } = this;
    const place = this.#place(first, second);
    return rows[place] === first && rows[place + 1] === second ? place + 2 : -1;
  }

  /** Makes room for the rows of a pair, which the caller then writes; returns where. */
  enter(first: number, second: number): number {
    const place = this.#place(first, second);
    this.rows[place] = first;
    this.rows[place + 1] = second;
    return place + 2;
  }

  /** Forgets the pair whose rows are at `at`. What is written there stays readable until another pair enters. */
  forget(at: number): void {
    this.rows[at - 2] = nothing;
  }

  clear(): void {
    this.rows.fill(nothing);
  }

  #place(first: number, second: number): number {
    return ((Math.imul(first, 0x9e3779b1) + Math.imul(second, 0x85ebca6b)) >>> (32 - placesPower)) * placeWords;
  }
}
