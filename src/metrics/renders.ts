/** Which renders of the tables there have been: what one has shown may be removed. */

/** Counts renders, which may overlap. */
export class Renders {
  #begun = 0;
  #running = 0;
  #epoch = 0;
  #lastCompleted = 0;

  /** How many have begun: only a later one is sure to show what is counted now. */
  get begun(): number {
    return this.#begun;
  }

  /** Does one run? */
  get isRunning(): boolean {
    return this.#running > 0;
  }

  /** The number of the latest begun among those that were completed; 0 before the first. */
  get lastCompleted(): number {
    return this.#lastCompleted;
  }

  /** Changes with each render that begins, and with {@link nextEpoch}. */
  get epoch(): number {
    return this.#epoch;
  }

  nextEpoch(): void {
    this.#epoch++;
  }

  /** Call before the first row is read for a render; returns what {@link ended} wants. */
  began(): number {
    this.#running++;
    this.#epoch++;
    return ++this.#begun;
  }

  /** Call once for each {@link began}; `completed` says whether every row was read. */
  ended(render: number, completed: boolean): void {
    this.#running--;
    if (completed) {
      this.#lastCompleted = Math.max(this.#lastCompleted, render);
    }
  }
}
