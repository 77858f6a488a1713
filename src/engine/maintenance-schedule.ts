/** When maintenance comes, and when it may leave something for later: while little happens. */

/** From the end of one maintenance to the next, milliseconds. */
const intervalMs = 1_000;

/** The same while little happens, and how long what may wait is left for later at the most: well before an ended process expires. */
const longestMs = 5_000;

/**
 * So many records in that time are little: each process that begins is two or three, and makes some sixty calls that have lines of their own, in
 * a map for 32,768 of them.
 */
const few = 256;

/** What a schedule asks. */
export interface MaintenanceNeeds {
  /** Does anyone watch records? Then all is maintained each time. */
  readonly isWatched: () => boolean;
  /** Is there nothing that has to be maintained each second? */
  readonly mayWait: () => boolean;
}

/**
 * Calls `maintain` each second. While few records come, no one watches any and nothing has to be maintained sooner, it waits five seconds: each
 * time that a sleeping process wakes up costs more than what it finds then. Records wait in their rings meanwhile; one that fills up wakes
 * the agent, and when many records have come by that, maintenance does not wait any longer.
 */
export class MaintenanceSchedule {
  readonly #maintain: () => Promise<void>;
  readonly #needs: MaintenanceNeeds;
  readonly #late: (milliseconds: number) => void;
  #timer: NodeJS.Timeout | undefined;
  #due = 0;
  /** What is being waited for, milliseconds. */
  #pause = intervalMs;
  /** Until maintenance has to be whole. */
  #wholeInMs = longestMs;
  /** Records since it was, and had many come by then? */
  #records = 0;
  #wasBusy = false;
  #isStopped = false;

  /** `late` is called before each maintenance: so late does its timer come. */
  constructor(maintain: () => Promise<void>, needs: MaintenanceNeeds, late: (milliseconds: number) => void) {
    this.#maintain = maintain;
    this.#needs = needs;
    this.#late = late;
  }

  start(): void {
    this.#wait(intervalMs);
  }

  /** So many records have been drained. */
  drained(records: number): void {
    this.#records += records;
    if (this.#records >= few) {
      this.#hurry();
    }
  }

  /** What the schedule asks may have another answer now. */
  reconsider(): void {
    if (!this.#isQuiet) {
      this.#hurry();
    }
  }

  /** To be asked once by each maintenance, when it has drained the rings: has it to be whole? Then the count begins anew. */
  isWhole(): boolean {
    this.#wholeInMs -= this.#pause;
    this.#wasBusy = this.#records >= few;
    if (!this.#wasBusy && this.#wholeInMs > 0 && !this.#needs.isWatched()) {
      return false;
    }
    this.#records = 0;
    this.#wholeInMs = longestMs;
    return true;
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  get #isQuiet(): boolean {
    return this.#needs.mayWait() && !this.#needs.isWatched();
  }

  /** Ends a pause that is longer than a second. */
  #hurry(): void {
    if (this.#timer !== undefined && this.#pause > intervalMs) {
      this.#wholeInMs = 0;
      this.#wait(0);
    }
  }

  #wait(pause: number): void {
    clearTimeout(this.#timer);
    this.#pause = pause;
    this.#due = performance.now() + pause;
    this.#timer = setTimeout(this.#tick, pause);
  }

  readonly #tick = (): void => {
    this.#timer = undefined;
    this.#late(Math.max(0, performance.now() - this.#due));
    void this.#maintainAndWait();
  };

  async #maintainAndWait(): Promise<void> {
    try {
      await this.#maintain();
    } finally {
      if (!this.#isStopped) {
        this.#wait(this.#wasBusy || !this.#isQuiet ? intervalMs : Math.max(intervalMs, this.#wholeInMs));
      }
    }
  }
}
