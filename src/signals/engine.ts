/** All running signals together: what drains them, and what the agent knows about itself. */
import type { Identity } from "../identity/identity.js";
import { DrainSchedule } from "./drain-schedule.js";
import type { RunningSignal } from "./running.js";

/** How long records wait in a ring at the most while it does not fill up, milliseconds. */
const pauses = { active: 50, idle: 200 };

/** How often kernel maps are relieved, scraped or not, and series that are over are looked for, milliseconds. */
const upkeepInterval = 1_000;

/** Label sets that are removed at a stretch, which takes some milliseconds; the rest follows a little later. */
const sweepLimit = 500;
const sweepPause = 20;

/** Drains every ring on time, and collects before a scrape. */
export class Engine {
  readonly signals: readonly RunningSignal[];
  readonly #identity: Identity;
  readonly #schedule: DrainSchedule;
  #upkeep: NodeJS.Timeout | undefined;
  #collecting: Promise<unknown> = Promise.resolve();
  #nextSweep: NodeJS.Timeout | undefined;

  constructor(signals: readonly RunningSignal[], identity: Identity) {
    this.signals = signals;
    this.#identity = identity;
    const rings = signals.map(({ ring }) => ring);
    this.#schedule = new DrainSchedule(rings, () => this.drain(), pauses);
  }

  /** Begins to drain. */
  start(): void {
    this.#schedule.start();
    this.#upkeep = setInterval(() => {
      this.#keepUp();
    }, upkeepInterval);
  }

  /** Takes in what waits in all rings. Returns how many records that was. */
  drain(): number {
    let drained = 0;
    for (const signal of this.signals) {
      drained += signal.drain();
    }
    return drained;
  }

  /** Brings every table up to date: drains the rings and reads the maps. Who asks while that goes on gets their turn afterwards. */
  collect(): Promise<void> {
    const done = this.#collecting.then(() => this.#collectAll());
    this.#collecting = done.catch(() => undefined);
    return done;
  }

  async #collectAll(): Promise<void> {
    this.drain();
    for (const signal of this.signals) {
      await signal.collect();
    }
  }

  #keepUp(): void {
    this.drain();
    for (const signal of this.signals) {
      signal.relieve();
    }
    this.#sweep();
  }

  /** Removes series that are over, in small steps. */
  readonly #sweep = (): void => {
    clearTimeout(this.#nextSweep);
    for (const signal of this.signals) {
      signal.settle();
    }
    if (this.#identity.sweep(sweepLimit) === sweepLimit) {
      this.#nextSweep = setTimeout(this.#sweep, sweepPause);
    }
  };

  /** Takes in what is left, detaches and unmaps everything. */
  close(): void {
    this.#schedule.stop();
    clearInterval(this.#upkeep);
    clearTimeout(this.#nextSweep);
    this.drain();
    for (const signal of this.signals) {
      signal.close();
    }
  }
}
