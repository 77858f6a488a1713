/**
 * The time that something has taken, of which only some spans are measured: what it took in them counts as it is, and between two of them
 * the share of the one before is taken to have gone on.
 */
export class Estimate {
  #seconds = 0;
  #share = 0;
  #countedTo: number;

  /** From `begin` on: a time in seconds. */
  constructor(begin: number) {
    this.#countedTo = begin;
  }

  /** Adds a span that has been measured, and what was taken in it, in seconds. Spans come in their order. */
  add(from: number, to: number, taken: number): void {
    this.#goTo(from);
    this.#seconds += taken;
    this.#countedTo = Math.max(this.#countedTo, to);
    this.#share = to > from ? taken / (to - from) : 0;
  }

  /** Seconds taken until `now`: never less than before. */
  at(now: number): number {
    this.#goTo(now);
    return this.#seconds;
  }

  #goTo(time: number): void {
    if (time > this.#countedTo) {
      this.#seconds += (time - this.#countedTo) * this.#share;
      this.#countedTo = time;
    }
  }
}
