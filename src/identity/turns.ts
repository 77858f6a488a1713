/** Long work in turns of the event loop, between which rings are drained and requests answered. */
import { setImmediate as nextTurn } from "node:timers/promises";

/** So many things are handled in a turn: some hundred microseconds of work. */
export const turnSize = 128;

/** Calls `handle` for each of `things`, with a turn of the event loop after each {@link turnSize}. The first ones are handled at once. */
export async function forEachInTurns<T>(things: Iterable<T>, handle: (thing: T) => void): Promise<void> {
  let handled = 0;
  for (const thing of things) {
    if (handled === turnSize) {
      handled = 0;
      await nextTurn();
    }
    handled++;
    handle(thing);
  }
}

/** Things to be handled soon: at once while this turn of the event loop has handled fewer than {@link turnSize}, else in the next ones. */
export class TurnQueue<T extends number> {
  readonly #handle: (thing: T) => void;
  readonly #waiting = new Set<T>();
  #all: Iterator<T> | undefined;
  /** How many more this turn may handle. */
  #left = turnSize;
  #isScheduled = false;

  /** `handle` must not throw. */
  constructor(handle: (thing: T) => void) {
    this.#handle = handle;
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

  #run(): void {
    while (this.#left > 0) {
      const thing = this.#next();
      if (thing === undefined) {
        break;
      }
      this.#left--;
      this.#handle(thing);
    }
    if (this.#left < turnSize && !this.#isScheduled) {
      this.#isScheduled = true;
      setImmediate(() => {
        this.#isScheduled = false;
        this.#left = turnSize;
        this.#run();
      });
    }
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
