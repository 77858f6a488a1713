/** When rings are drained: seldom while nothing comes, in short steps while they fill up. */
import type { BpfRing } from "../binding/native.js";

/** What a schedule needs of a ring. */
export type WatchedRing = Pick<BpfRing, "size" | "used" | "watch">;

/** Pauses between two drains of rings that fill up, milliseconds; timers make none that are shorter. */
const shortestStep = 1;
const longestStep = 5;

/** How full a ring is when the kernel wakes its watcher: wakeup_bytes of bpf/include/ringtap/ring.h, as load.ts sets it. */
const wakeupFill = 1 / 4;

/** How long records may wait, milliseconds. */
export interface Pauses {
  /** After a drain that found something. */
  readonly active: number;
  /** After one that found nothing. */
  readonly idle: number;
}

/**
 * Calls `drain` on time. A ring that is a quarter full wakes the agent; from then on it does not wait for wake-ups, which would come record by
 * record while the producer goes on, but all rings are drained every few milliseconds, until it is calm again.
 */
export class DrainSchedule {
  #rings: readonly WatchedRing[];
  readonly #drain: () => number;
  readonly #pauses: Pauses;
  #timer: NodeJS.Timeout | undefined;
  #step = longestStep;
  #isWatching = false;

  /** `drain` takes in what is in the rings and returns how many records that was. */
  constructor(rings: readonly WatchedRing[], drain: () => number, pauses: Pauses) {
    this.#rings = rings;
    this.#drain = drain;
    this.#pauses = pauses;
  }

  start(): void {
    this.#watch();
    this.#timer = setTimeout(this.#drainAndWait, this.#pauses.active);
  }

  /** Other rings from now on: a signal has been replaced. Nothing is called for those that are not among them. */
  follow(rings: readonly WatchedRing[]): void {
    const wasWatching = this.#isWatching;
    this.#unwatch();
    this.#rings = rings;
    if (wasWatching) {
      this.#watch();
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#unwatch();
  }

  readonly #wake = (): void => {
    clearTimeout(this.#timer);
    this.#unwatch();
    this.#drain();
    this.#step = longestStep;
    this.#timer = setTimeout(this.#workOff, this.#step);
  };

  /** The slow timer. */
  readonly #drainAndWait = (): void => {
    const { active, idle } = this.#pauses;
    this.#timer = setTimeout(this.#drainAndWait, this.#drain() > 0 ? active : idle);
  };

  readonly #workOff = (): void => {
    const fill = Math.max(...this.#rings.map((ring) => ring.used() / ring.size));
    this.#drain();
    // Would the slow timer come before the next wake-up?
    if (fill < (wakeupFill * this.#step) / this.#pauses.active) {
      this.#watch();
      this.#timer = setTimeout(this.#drainAndWait, this.#pauses.active);
      return;
    }
    if (fill > wakeupFill) {
      this.#step = Math.max(this.#step / 2, shortestStep);
    } else if (fill < wakeupFill / 4) {
      this.#step = Math.min(this.#step * 2, longestStep);
    }
    this.#timer = setTimeout(this.#workOff, this.#step);
  };

  #watch(): void {
    this.#isWatching = true;
    for (const ring of this.#rings) {
      ring.watch(this.#wake);
    }
  }

  #unwatch(): void {
    this.#isWatching = false;
    for (const ring of this.#rings) {
      ring.watch(undefined);
    }
  }
}
