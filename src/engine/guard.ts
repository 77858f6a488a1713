/** Calls into a signal: what they throw is counted by phase and logged, and ends nothing else. */
import type { SignalLog } from "../sdk/signal.js";

/** The calls of the interface that are guarded; `watcher` stands for the agent's user who watches a signal's records. */
export const phases = [
  "records",
  "attached",
  "collect",
  "maintain",
  "flush",
  "stats",
  "reconfigure",
  "links",
  "trace",
  "watcher",
  "close",
] as const;
export type Phase = (typeof phases)[number];

/** At most one log line about each phase of a signal in this time, milliseconds. */
const logIntervalMs = 60_000;

/** The guard of one signal. */
export class Guard {
  /** Calls that have thrown. */
  readonly errors: Readonly<Record<Phase, number>>;
  readonly #errors = Object.fromEntries(phases.map((phase) => [phase, 0])) as Record<Phase, number>;
  readonly #log: SignalLog;
  readonly #silentUntil = new Map<Phase, number>();
  readonly #unlogged = new Map<Phase, number>();

  constructor(log: SignalLog) {
    this.#log = log;
    this.errors = this.#errors;
  }

  /** The result of a call; `otherwise` when it throws. */
  call<T>(phase: Phase, work: () => T, otherwise: T): T {
    try {
      const result = work();
      if (!(result instanceof Promise)) {
        return result;
      }
      this.promised(phase, result);
      return otherwise;
    } catch (error) {
      this.failed(phase, error);
      return otherwise;
    }
  }

  /** A call has returned a promise that no one waits for: that is an error, and so is what the promise rejects with. */
  promised(phase: Phase, promise: Promise<unknown>): void {
    this.failed(phase, new Error(`${phase} returns a promise: it must have done its work when it returns`));
    promise.catch((error: unknown) => {
      this.failed(phase, error);
    });
  }

  /** Counts and logs an error: the first one of a phase, then one a minute with the number of those between. */
  failed(phase: Phase, err: unknown): void {
    this.#errors[phase]++;
    const now = performance.now();
    if (now < (this.#silentUntil.get(phase) ?? -Infinity)) {
      this.#unlogged.set(phase, (this.#unlogged.get(phase) ?? 0) + 1);
      return;
    }
    this.#log.error({ phase, err, unlogged: this.#unlogged.get(phase) ?? 0 }, "a call into the signal failed");
    this.#silentUntil.set(phase, now + logIntervalMs);
    this.#unlogged.delete(phase);
  }
}
