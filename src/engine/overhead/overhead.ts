/**
 * What ringtap costs the machine: the time that the programs of each signal run. Timing each run would cost more than many a run, so they
 * are timed in short windows, at random moments, and the rest is estimated.
 */
import type { RunningSignal } from "../running.js";
import { Estimate } from "./estimate.js";
import type { RunWindow } from "./run-time.js";

/** When programs are timed, milliseconds. */
export interface Windows {
  readonly openMs: number;
  /** From the end of one to the beginning of the next, on average: each gap is between half of it and one and a half. */
  readonly gapMs: number;
}

/** One hundredth of the time. Each window wakes the agent up twice. */
const defaultWindows: Windows = { openMs: 50, gapMs: 4950 };

/** The same where the cost is judged by some ten windows. */
export const judgedWindows: Windows = { openMs: 20, gapMs: 1980 };

/** A window that is open. */
interface Opened {
  readonly signal: RunningSignal;
  readonly window: RunWindow;
}

function secondsNow(): number {
  return performance.now() / 1000;
}

/** Times the programs of signals, from {@link start} to {@link stop}. */
export class Overhead {
  readonly #signals: () => readonly RunningSignal[];
  readonly #windows: Windows;
  #measured: () => void = () => undefined;
  readonly #estimates = new Map<string, Estimate>();
  /** What has been read of each, nanoseconds. */
  readonly #read = new WeakMap<RunningSignal, number>();
  #opened: readonly Opened[] = [];
  #openedAt = 0;
  #next: NodeJS.Timeout | undefined;

  /** `signals` are those that run at the time. */
  constructor(signals: () => readonly RunningSignal[], windows: Windows = defaultWindows) {
    this.#signals = signals;
    this.#windows = windows;
  }

  /** Opens the first window. `measured` is called after each. */
  start(measured: () => void = () => undefined): void {
    this.#measured = measured;
    this.#open();
  }

  readonly #open = (): void => {
    this.#opened = this.#signals().flatMap((signal) => {
      const { runWindow: window } = signal;
      return window === undefined ? [] : [{ signal, window }];
    });
    this.#openedAt = secondsNow();
    for (const { window } of this.#opened) {
      window.open();
    }
    this.#after(this.#windows.openMs, this.#close);
  };

  readonly #close = (): void => {
    const opened = this.#opened.filter(({ signal }) => signal.runWindow !== undefined);
    for (const { window } of opened) {
      window.close();
    }
    const [from, to] = [this.#openedAt, secondsNow()];
    for (const { signal, window } of opened) {
      const { nanoseconds } = window.read();
      // Of a run that ends after its window the time is found in the next one.
      const taken = Math.max(0, nanoseconds - (this.#read.get(signal) ?? 0));
      this.#read.set(signal, nanoseconds);
      this.#estimateOf(signal.signal.name, from).add(from, to, taken / 1e9);
    }
    this.#opened = [];
    this.#measured();
    this.#after(this.#windows.gapMs * (0.5 + Math.random()), this.#open);
  };

  #after(ms: number, step: () => void): void {
    this.#next = setTimeout(step, ms).unref();
  }

  #estimateOf(name: string, from: number): Estimate {
    let estimate = this.#estimates.get(name);
    if (estimate === undefined) {
      this.#estimates.set(name, (estimate = new Estimate(from)));
    }
    return estimate;
  }

  /** Seconds that a signal's programs have run since it was first timed; undefined where they are not timed. */
  secondsOf(name: string): number | undefined {
    return this.#estimates.get(name)?.at(secondsNow());
  }

  /** The same of all signals that have been timed. */
  seconds(): ReadonlyMap<string, number> {
    const now = secondsNow();
    return new Map([...this.#estimates].map(([name, estimate]) => [name, estimate.at(now)]));
  }

  /** No window is opened any more; one that is open is closed. Idempotent. */
  stop(): void {
    clearTimeout(this.#next);
    for (const { signal, window } of this.#opened) {
      if (signal.runWindow !== undefined) {
        window.close();
      }
    }
    this.#opened = [];
  }
}
