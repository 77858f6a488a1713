/** How the kernel times the calls that it counts, and as what their durations count: see `bpf/syscall/call_timing.h`. */
import type { Timing } from "./metrics.js";

/** One way for good, or one of several, from the deepest on. */
export class CallTiming {
  readonly possible: readonly [Timing, ...Timing[]];
  #now: Timing;
  /** Changes so far, and those before what was read last. */
  #changes = 0;
  #readBehind = 0;

  /** It is the first one until {@link change}. */
  constructor(possible: readonly [Timing, ...Timing[]]) {
    this.possible = possible;
    this.#now = possible[0];
  }

  get now(): Timing {
    return this.#now;
  }

  /** Can it change? Then the kernel counts calls apart from their durations. */
  get canChange(): boolean {
    return this.possible.length > 1;
  }

  /** From now on calls are timed like that. */
  change(to: Timing): void {
    this.#now = to;
    this.#changes++;
  }

  /**
   * Begins to read what the kernel has counted since the last reading; the returned `end` is called when all of it has been read. `as` says what the
   * durations are: only where each call was timed all the while they are exact.
   */
  beginRead(): { readonly as: Timing; readonly end: () => void } {
    const changes = this.#changes;
    const isPure = this.#readBehind === changes;
    return {
      as: this.canChange && !(isPure && this.#now === "all") ? "sampled" : this.#now,
      end: () => {
        this.#readBehind = changes;
      },
    };
  }
}
