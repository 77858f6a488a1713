/** Long work in turns of the event loop, between which rings are drained and requests answered. */

/** A turn of long work ends after so much time, milliseconds. */
const turnMs = 2;

/**
 * The time that long work may take of each turn of the event loop, however much of it there is: all work that is given the same object
 * shares it, and waits in one line for its next turn. What begins in a turn may always do a small step, so that all work comes to
 * an end.
 */
export class Turns {
  readonly #now: () => number;
  /** Those who wait for a turn of their own, the first one first. */
  readonly #waiting: (() => void)[] = [];
  #isBegun = false;
  #ends = 0;

  /** `now` is a clock in milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Is time left in this turn of the event loop? The first call of a turn begins its time. */
  hasTime(): boolean {
    const now = this.#now();
    if (!this.#isBegun) {
      this.#begin(now);
    }
    return now < this.#ends;
  }

  /** Resolves in a later turn, which no one else who waits gets. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (!this.#isBegun) {
        this.#begin(this.#now());
      }
    });
  }

  #begin(now: number): void {
    this.#isBegun = true;
    this.#ends = now + turnMs;
    setImmediate(this.#end);
  }

  readonly #end = (): void => {
    this.#isBegun = false;
    const first = this.#waiting.shift();
    if (first !== undefined) {
      this.#begin(this.#now());
      first();
    }
  };
}

/** The turns of all long work in this process. */
export const sharedTurns = new Turns();

/** Calls `handle` for each of `things`, in turns of the event loop. The first ones are handled at once. */
export async function forEachInTurns<T>(
  things: Iterable<T>,
  handle: (thing: T) => void,
  turns = sharedTurns,
): Promise<void> {
  let isFirst = true;
  for (const thing of things) {
    if (!turns.hasTime() && !isFirst) {
      await turns.next();
    }
    isFirst = false;
    handle(thing);
  }
}

/** Things to be handled soon: at once while this turn of the event loop has time for long work, else in the next ones. */
export class TurnQueue<T extends number> {
  readonly #handle: (thing: T) => void;
  readonly #turns: Turns;
  readonly #waiting = new Set<T>();
  #all: Iterator<T> | undefined;
  #isScheduled = false;

  /** `handle` must not throw. */
  constructor(handle: (thing: T) => void, turns = sharedTurns) {
    this.#handle = handle;
    this.#turns = turns;
  }

  /** Handles one thing soon, once however often it is added before that. */
  add(thing: T): void {
    this.#waiting.add(thing);
    this.#run();
  }

  /** Handles all of `things` soon, which are read when their turn comes. They replace an earlier `all` that is not finished. */
  addAll(things: Iterable<T>): void {
    this.#all = things[Symbol.iterator]();
    this.#run();
  }

  /** Handles what the time of this turn suffices for, unless a later turn is waited for. */
  #run(): void {
    if (!this.#isScheduled && this.#turns.hasTime()) {
      this.#work();
    } else if (!this.#isScheduled) {
      this.#schedule();
    }
  }

  /** Handles things until the time of this turn is used up: at least one, if there is any. */
  #work(): void {
    for (let thing = this.#next(); thing !== undefined; thing = this.#next()) {
      this.#handle(thing);
      if (!this.#turns.hasTime()) {
        this.#schedule();
        return;
      }
    }
  }

  #schedule(): void {
    this.#isScheduled = true;
    void this.#turns.next().then(() => {
      this.#isScheduled = false;
      this.#work();
    });
  }

  #next(): T | undefined {
    for (const thing of this.#waiting) {
      this.#waiting.delete(thing);
      return thing;
    }
    const next = this.#all?.next();
    if (next?.done !== false) {
      this.#all = undefined;
      return undefined;
    }
    return next.value;
  }
}
