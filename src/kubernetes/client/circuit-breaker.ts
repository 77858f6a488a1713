/** A circuit breaker: makes no requests to a failing server for a while, and then lets one through as a probe. */

export const circuitStates = ["closed", "open", "half_open"] as const;

/** `closed`: requests flow; `open`: none is made; `half_open`: one is made, or may be, to see whether the server is back. */
export type CircuitState = (typeof circuitStates)[number];

export interface BreakerOptions {
  /** Failures in a row that open the circuit. */
  readonly threshold: number;
  /** Milliseconds that it stays open. */
  readonly openMs: number;
  /** Milliseconds of any clock that does not go back. */
  readonly now?: () => number;
}

/** One for all requests to a server. Each {@link tryEnter} that succeeds is followed by {@link succeeded} or {@link failed}. */
export class CircuitBreaker {
  readonly #options: BreakerOptions;
  readonly #now: () => number;
  #failures = 0;
  #openUntil = 0;
  #isProbing = false;

  constructor(options: BreakerOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  get state(): CircuitState {
    if (this.#failures < this.#options.threshold) {
      return "closed";
    }
    return this.#now() < this.#openUntil ? "open" : "half_open";
  }

  /** May a request be made now? */
  tryEnter(): boolean {
    const { state } = this;
    if (state === "closed") {
      return true;
    }
    if (state === "open" || this.#isProbing) {
      return false;
    }
    this.#isProbing = true;
    return true;
  }

  /** The server has answered, whatever it said. */
  succeeded(): void {
    this.#failures = 0;
    this.#isProbing = false;
  }

  /** The server has failed. */
  failed(): void {
    this.#failures++;
    this.#isProbing = false;
    this.#openUntil = this.#now() + this.#options.openMs;
  }
}
