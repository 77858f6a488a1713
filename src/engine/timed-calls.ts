/** Calls into a signal that take time: the agent waits for them, but not for ever. */
import type { Guard, Phase } from "./guard.js";
import { completesWithin } from "./time-limit.js";

/** How long the agent waits for a call into a signal, milliseconds: less than Prometheus waits for a scrape. */
const callTimeoutMs = 8_000;

/** The same for the one that reads what was there before, which a busy machine has much of. */
const attachedTimeoutMs = 30_000;

/** For so long no process expires while a call is under way that the agent no longer waits for, milliseconds. */
const expiryDelayMs = 60_000;

/** The calls into one signal that may return promises. */
export class TimedCalls {
  readonly #guard: Guard;
  readonly #closing: AbortSignal;
  /** The call that has not come to an end in time, until it does, and when that was. */
  #overdue: { readonly phase: Phase; readonly since: number } | undefined;

  /** `closing` is aborted when the signal is closed. */
  constructor(guard: Guard, closing: AbortSignal) {
    this.#guard = guard;
    this.#closing = closing;
  }

  #isClosed(): boolean {
    return this.#closing.aborted;
  }

  /** Is a call under way that the agent no longer waits for? */
  get isOverdue(): boolean {
    return this.#overdue !== undefined;
  }

  /** Is a call under way that may use processes which would expire? A call that never ends does not hold them for ever. */
  get isBusy(): boolean {
    return this.#overdue !== undefined && performance.now() - this.#overdue.since < expiryDelayMs;
  }

  /**
   * Waits for a call. One that takes too long is a failure, and until it has come to an end none is made. What is under way when the
   * signal is closed has nothing left to read: that is no error.
   */
  async wait(phase: Phase, work: () => unknown): Promise<void> {
    if (this.#isClosed()) {
      return;
    }
    if (this.#overdue !== undefined) {
      this.#guard.failed(
        phase,
        new Error(`not called: an earlier call of ${this.#overdue.phase} has not come to an end`),
      );
      return;
    }
    const timeoutMs = phase === "attached" ? attachedTimeoutMs : callTimeoutMs;
    try {
      const done = Promise.resolve(work());
      if ((await completesWithin(done, timeoutMs, this.#closing)) || this.#isClosed()) {
        done.catch(() => undefined);
        return;
      }
      this.#overdue = { phase, since: performance.now() };
      this.#guard.failed(phase, new Error(`has not come to an end within ${timeoutMs / 1000} s`));
      void this.#awaitOverdue(phase, done);
    } catch (error) {
      if (!this.#isClosed()) {
        this.#guard.failed(phase, error);
      }
    }
  }

  async #awaitOverdue(phase: Phase, done: Promise<unknown>): Promise<void> {
    try {
      await done;
    } catch (error) {
      if (!this.#isClosed()) {
        this.#guard.failed(phase, error);
      }
    } finally {
      this.#overdue = undefined;
    }
  }
}
