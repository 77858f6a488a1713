/** The states of what series are about. */

/**
 * The state machine of processes, of actors (a process under one name in one control group), of label sets and of control groups:
 *
 *                begin                  end                     expire
 *     (unknown) ───────▶  active  ───────────────▶  ended  ───────────────▶  expired
 *                           ▲                         │
 *                           └─────────────────────────┘
 *                                      begin
 *
 * What is *active* exists: the process runs, the label set is one of an active actor. What has *ended* may still be in records and in
 * counts that are read late, so it is kept for a retention time. What has *expired* is deleted, and its number is free for another.
 *
 * Only what has ended is stored here; `E` is what the owner wants to know of the end. Ends are given in the order of time.
 */
export class LifeCycle<T, E = number> {
  /** Oldest first. */
  readonly #ended = new Map<T, E>();

  /** How many have ended and not expired. */
  get ended(): number {
    return this.#ended.size;
  }

  /** The end of what ended first; undefined when there is none. */
  get oldest(): E | undefined {
    const [first] = this.#ended.values();
    return first;
  }

  /** Has it ended, and not expired since? */
  hasEnded(thing: T): boolean {
    return this.#ended.has(thing);
  }

  /** It is active, whatever it was before. */
  begin(thing: T): void {
    this.#ended.delete(thing);
  }

  /** It has ended; a second end changes nothing. */
  end(thing: T, ended: E): void {
    if (!this.#ended.has(thing)) {
      this.#ended.set(thing, ended);
    }
  }

  /**
   * Lets expire what ended first, as long as `isDue` says so. `remove` deletes one and returns how many steps of work that took;
   * expiry stops after `limit` steps. Returns the steps.
   */
  expire(limit: number, isDue: (ended: E) => boolean, remove: (thing: T, ended: E) => number): number {
    let steps = 0;
    for (const [thing, ended] of this.#ended) {
      if (steps >= limit || !isDue(ended)) {
        break;
      }
      this.#ended.delete(thing);
      steps += remove(thing, ended);
    }
    return steps;
  }

  /** What ended first, as long as `isDue` says so. */
  *due(isDue: (ended: E) => boolean): Generator<T> {
    for (const [thing, ended] of this.#ended) {
      if (!isDue(ended)) {
        return;
      }
      yield thing;
    }
  }
}
