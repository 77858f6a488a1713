/** When rings are drained: seldom while nothing comes, in short steps while they fill up. */
import type { BpfRing } from "../binding/native.js";

/** What a schedule needs of a ring. */
export type WatchedRing = Pick<BpfRing, "size" | "used" | "watch">;

/** Pauses between two drains of rings that fill up, milliseconds; timers make none that are shorter. */
const shortestStep = 1;
const longestStep = 5;

/** How full a ring is when the kernel wakes its watcher: wakeup_bytes of bpf/include/ringtap/ring.h, as load.ts sets it. */
const wakeupFill = 1 / 4;

/** The slow timer's pause while a ring would else wake the agent each time, milliseconds. */
const shortestPause = 50;

/** How long records may wait, milliseconds. */
export interface Pauses {
  /** After a drain that found something; less, but not below 50, while rings fill up. */
  readonly active: number;
  /** After one that found nothing. */
  readonly idle: number;
}

/**
 * Calls `drain` on time. A ring that is a quarter full wakes the agent; from then on it does not wait for wake-ups, which would come record by
 * record while the producer goes on, but all rings are drained every few milliseconds, until it is calm again. While it is calm, a slow
 * timer drains them: the seldomer, the less they fill up, since each time costs more than the records that it finds.
 */
export class DrainSchedule {
  #rings: readonly WatchedRing[];
  readonly #drain: () => number;
  readonly #pauses: () => Pauses;
  /** That of the slow timer after a drain that found something. */
  #pause = 0;
  #timer: NodeJS.Timeout | undefined;
  #step = longestStep;
  #isWatching = false;
  /** Did the slow timer's last drain find nothing? */
  #isIdle = false;

  /** `drain` takes in what is in the rings and returns how many records that was; `pauses` is asked after each. */
  constructor(rings: readonly WatchedRing[], drain: () => number, pauses: () => Pauses) {
    this.#rings = rings;
    this.#drain = drain;
    this.#pauses = pauses;
  }

  start(): void {
    this.#watch();
    this.#wait(this.#shortestPause);
  }

  /** The pauses may be shorter from now on. */
  hurry(): void {
    if (this.#isWatching) {
      this.#wait(this.#shortestPause);
    }
  }

  /** Someone else has drained all rings and found so many records: the slow timer, if it is that one's turn, begins anew. */
  drained(records: number): void {
    if (this.#isWatching && records === 0) {
      this.#wait(this.#pauses().idle);
    } else if (this.#isWatching && this.#isIdle) {
      this.#wait(this.#shortestPause);
    }
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

  get #shortestPause(): number {
    return Math.min(this.#pauses().active, shortestPause);
  }

  /** How full the fullest ring is. */
  get #fill(): number {
    return this.#rings.reduce((most, ring) => Math.max(most, ring.used() / ring.size), 0);
  }

  /** Has the slow timer drain after so many milliseconds. */
  #wait(pause: number): void {
    clearTimeout(this.#timer);
    this.#pause = pause;
    this.#timer = setTimeout(this.#drainAndWait, pause);
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
    const fill = this.#fill;
    const found = this.#drain();
    const { active, idle } = this.#pauses();
    const longest = fill < wakeupFill / 8 ? 2 * this.#pause : this.#pause;
    const pause = Math.min(active, fill > wakeupFill / 2 ? this.#pause / 2 : longest);
    this.#isIdle = found === 0;
    this.#wait(this.#isIdle ? idle : Math.max(pause, this.#shortestPause));
  };

  readonly #workOff = (): void => {
    const fill = this.#fill;
    this.#drain();
    // Would the slow timer come before the next wake-up?
    if (fill < (wakeupFill * this.#step) / this.#shortestPause) {
      this.#watch();
      this.#wait(this.#shortestPause);
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
