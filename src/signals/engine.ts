/** All running signals together: what drains them, and what the agent knows about itself. */
import type { Identity } from "../identity/identity.js";
import type { RunningSignal } from "./running.js";

/** How long a record waits in a ring at the most, milliseconds; sooner when a ring fills up (wakeup_bytes in bpf/lib/ring.h). */
const drainInterval = 50;

/** How long kernel maps may fill up when nobody scrapes, milliseconds. */
const relieveInterval = 2_000;

/** How often series that are over are looked for, milliseconds. */
const sweepInterval = 1_000;

/** Drains every ring on time, and collects before a scrape. */
export class Engine {
  readonly signals: readonly RunningSignal[];
  readonly #identity: Identity;
  #timers: NodeJS.Timeout[] = [];

  constructor(signals: readonly RunningSignal[], identity: Identity) {
    this.signals = signals;
    this.#identity = identity;
  }

  /** Begins to drain. */
  start(): void {
    for (const signal of this.signals) {
      signal.ring.watch(() => signal.drain());
    }
    this.#timers = [
      setInterval(() => {
        this.drain();
      }, drainInterval),
      setInterval(() => {
        this.#relieve();
      }, relieveInterval),
      setInterval(() => {
        this.#identity.sweep();
      }, sweepInterval),
    ];
  }

  /** Takes in what waits in all rings. */
  drain(): void {
    for (const signal of this.signals) {
      signal.drain();
    }
  }

  /** Brings every table up to date: drains the rings and reads the maps. */
  collect(): void {
    this.drain();
    for (const signal of this.signals) {
      signal.collect();
    }
  }

  #relieve(): void {
    this.drain();
    for (const signal of this.signals) {
      signal.relieve();
    }
  }

  /** Takes in what is left, detaches and unmaps everything. */
  close(): void {
    for (const timer of this.#timers) {
      clearInterval(timer);
    }
    this.drain();
    for (const signal of this.signals) {
      signal.close();
    }
  }
}
