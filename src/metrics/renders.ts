/** Which renders of the tables there have been: what one has shown may be removed. */

/** A render that was asked for. */
export interface RenderRequest {
  /** When, milliseconds since 1970. */
  readonly at: number;
}

/** The longest time from an event to the insertion of its row, milliseconds: so seldom are counts in the kernel read, scraped or not. */
const maxDelayMs = 5_000;

/** Counts renders, which may overlap. */
export class Renders {
  readonly #clock: () => number;
  /** In the order in which they came. */
  readonly #requests = new Set<RenderRequest>();
  /** When the last reading of everything that is counted elsewhere began. */
  #readAt = -Infinity;
  #begun = 0;
  #running = 0;
  #epoch = 0;
  #lastCompleted = 0;

  /** `clock` tells milliseconds since 1970. */
  constructor(clock: () => number = Date.now) {
    this.#clock = clock;
  }

  /**
   * A time at which nothing had been counted of what is inserted now, milliseconds since 1970. It is not before the last reading of
   * everything that is counted elsewhere, and before any request for a render that is still to be answered: to a scraper, what a
   * render shows is of the time of its request.
   */
  get zeroAt(): number {
    const [oldest] = this.#requests;
    const unseen = Math.min(this.#clock(), oldest?.at ?? Infinity);
    return Math.min(unseen, Math.max(unseen - maxDelayMs, this.#readAt));
  }

  /** All that is counted elsewhere has been read into the tables; that began at this time, milliseconds since 1970. */
  haveRead(began: number): void {
    this.#readAt = began;
  }

  /** A render is asked for, which may have to wait; {@link answered} wants what this returns. */
  asked(): RenderRequest {
    const request = { at: this.#clock() };
    this.#requests.add(request);
    return request;
  }

  /** The render that was asked for has ended, or will not come. */
  answered(request: RenderRequest): void {
    this.#requests.delete(request);
  }

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
