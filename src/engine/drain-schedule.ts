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
  /** After a drain that found something; less, but not below 50, where a ring would be an eighth full by then. */
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
  readonly #drain: () => unknown;
  readonly #pauses: () => Pauses;
  readonly #now: () => number;
  /** When rings were drained last. */
  #drainedAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #step = longestStep;
  #isWatching = false;

  /** `drain` takes in what is in the rings; `pauses` is asked before each; `now` is a monotonic clock, milliseconds. */
  constructor(
    rings: readonly WatchedRing[],
    drain: () => unknown,
    pauses: () => Pauses,
    now: () => number = () => performance.now(),
  ) {
    this.#rings = rings;
    this.#drain = drain;
    this.#pauses = pauses;
    this.#now = now;
  }

  start(): void {
    this.#drainedAt = this.#now();
    this.#watch();
    this.#wait(this.#shortestPause);
  }

  /** The pauses may be shorter from now on. */
  hurry(): void {
    if (this.#isWatching) {
      this.#wait(this.#shortestPause);
    }
  }

  /** Someone else is about to drain all rings: the slow timer, if it is that one's turn, begins anew. */
  drains(): void {
    const pause = this.#nextPause();
    if (this.#isWatching) {
      this.#wait(pause);
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

  /** The slow timer's pause behind the drain that comes now, by how fast rings have filled up since the last one. */
  #nextPause(): number {
    const fill = this.#fill;
    const now = this.#now();
    const passed = now - this.#drainedAt;
    this.#drainedAt = now;
    const { active, idle } = this.#pauses();
    return fill === 0 ? idle : Math.min(active, Math.max(shortestPause, (passed * wakeupFill) / 2 / fill));
  }

  /** Has the slow timer drain after so many milliseconds. */
  #wait(pause: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#drainAndWait, pause);
  }

  readonly #wake = (): void => {
    clearTimeout(this.#timer);
    this.#unwatch();
    this.#drainedAt = this.#now();
    this.#drain();
    this.#step = longestStep;
    this.#timer = setTimeout(this.#workOff, this.#step);
  };

  /** The slow timer. */
  readonly #drainAndWait = (): void => {
    const pause = this.#nextPause();
    this.#drain();
    this.#wait(pause);
  };

  readonly #workOff = (): void => {
    const fill = this.#fill;
    this.#drainedAt = this.#now();
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
