/** All running signals together: what drains them, and what the agent knows about itself. */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { BpfRing } from "../binding/native.js";
import type { Identity } from "../identity/identity.js";
import { Turns } from "../identity/turns.js";
import { DrainSchedule } from "./drain-schedule.js";
import { DrainTurns } from "./drain-turns.js";
import { MaintenanceSchedule } from "./maintenance-schedule.js";
import type { RunningSignal } from "./running.js";

/**
 * How long records wait in a ring at the most while it does not fill up, milliseconds. Maintenance drains as well, sooner, so that an agent with
 * little to do has one timer; where a signal holds that up, the other one comes.
 */
const pauses = { active: 10_000, idle: 10_000 };

/** The same while someone watches records as they come. */
const watchedPauses = { active: 50, idle: 200 };

/** Processes, actors, label sets and rows that are removed at a stretch, which takes a millisecond; the rest follows a little later. */
const sweepLimit = 2_000;
const sweepPauseMs = 20;

/** Bytes of a record at least, with its header: as many fit into a ring. */
const leastRecordBytes = 16;

function ringsOf(signals: readonly RunningSignal[]): BpfRing[] {
  return signals.flatMap(({ ring }) => ring ?? []);
}

/** Drains every ring on time, and collects before a scrape. */
export class Engine {
  #signals: readonly RunningSignal[];
  readonly #identity: Identity;
  readonly #maintained: () => void;
  readonly #schedule: DrainSchedule;
  readonly #drains = new DrainTurns();
  /** The time that drains may take of a turn of the event loop. */
  readonly #drainTime = new Turns();
  readonly #maintenance: MaintenanceSchedule;
  #nextDrain: NodeJS.Immediate | undefined;
  #working: Promise<unknown> = Promise.resolve();
  #isClosed = false;
  #nextSweep: NodeJS.Timeout | undefined;

  /** `maintained` is called after each maintenance, `late` before it: so late does its timer come. */
  constructor(
    signals: readonly RunningSignal[],
    identity: Identity,
    maintained: () => void = () => undefined,
    late: (milliseconds: number) => void = () => undefined,
  ) {
    this.#maintained = maintained;
    this.#signals = signals;
    this.#identity = identity;
    this.#schedule = new DrainSchedule(
      ringsOf(signals),
      () => this.drain(),
      () => (this.#isWatched ? watchedPauses : pauses),
    );
    this.#maintenance = new MaintenanceSchedule(
      () => this.#maintain(),
      {
        isWatched: () => this.#isWatched,
        mayWait: () => this.#signals.every(({ maintainMayWait }) => maintainMayWait),
      },
      late,
    );
    signals.forEach(this.#hurryWhenWatched);
  }

  /** Does anyone watch records? */
  get #isWatched(): boolean {
    return this.#signals.some(({ isWatched }) => isWatched);
  }

  readonly #hurryWhenWatched = (signal: RunningSignal): void => {
    signal.onWatched(() => {
      this.#schedule.hurry();
      this.#maintenance.reconsider();
    });
  };

  /** The signals that are drained and collected, in this order. */
  get signals(): readonly RunningSignal[] {
    return this.#signals;
  }

  /**
   * Puts what `start` returns, which drains and counts already, in the place of `old`, or behind all others, and closes `old`: between
   * two turns of work on the tables, and in one turn of the event loop. When `start` throws, everything is as before.
   */
  replace(old: RunningSignal | undefined, start: () => RunningSignal): Promise<void> {
    return this.#afterOthers(async () => {
      if (this.#isClosed) {
        return;
      }
      // Those who watch its records get what it has.
      old?.drain();
      const next = start();
      this.#hurryWhenWatched(next);
      this.#signals =
        old === undefined ? [...this.#signals, next] : this.#signals.map((signal) => (signal === old ? next : signal));
      this.#schedule.follow(ringsOf(this.#signals));
      old?.close();
      await next.attached();
      this.#maintenance.reconsider();
    });
  }

  /** Takes a signal to another of its depths, between two readings of its maps. */
  goTo(signal: RunningSignal, depth: string): Promise<void> {
    return this.#afterOthers(() => {
      signal.goTo(depth);
    });
  }

  /** Begins to drain. */
  start(): void {
    this.#schedule.start();
    // Each reads its first piece at once; the rest is read in turns, before anything else reads maps.
    const attached = this.signals.map((signal) => signal.attached());
    void this.#afterOthers(async () => {
      await Promise.all(attached);
    });
    this.#maintenance.start();
  }

  /**
   * Takes in what waits in all rings, as far as this turn of the event loop has time for it; the rest follows in the next turns.
   * Returns how many records it was.
   */
  drain(): number {
    const drained = this.#drains.drain(this.#signals, this.#hasDrainTime);
    this.#maintenance.drained(drained);
    if (this.#drains.hasMore) {
      this.#nextDrain ??= setImmediate(() => {
        this.#nextDrain = undefined;
        this.drain();
      });
    }
    return drained;
  }

  readonly #hasDrainTime = (): boolean => this.#drainTime.hasTime();

  /** Takes in all that waits in the rings now, in turns. It ends even while more comes than it can take in. */
  async #drainAll(): Promise<void> {
    const most = ringsOf(this.#signals).reduce((records, { size }) => records + size / leastRecordBytes, 0);
    this.#schedule.drains();
    let drained = this.drain();
    for (; drained < most && this.#drains.hasMore; drained += this.drain()) {
      await nextTurn();
    }
  }

  /** Brings every table up to date: drains the rings and reads the maps. Calls are served one after the other. */
  collect(): Promise<void> {
    return this.#afterOthers(async () => {
      await this.#drainAll();
      for (const signal of this.#signals) {
        await signal.collect();
      }
      this.#maintenance.reconsider();
    });
  }

  /**
   * Work that reads maps in turns of the event loop, and work that lets processes expire, run one after the other. What has not begun
   * when the engine is closed is left out.
   */
  #afterOthers(work: () => void | Promise<void>): Promise<void> {
    const done = this.#working.then(() => (this.#isClosed ? undefined : work()));
    this.#working = done.catch(() => undefined);
    return done;
  }

  /** Empties the kernel maps, then lets processes expire. While little happens and no one watches, most times only drains the rings. */
  #maintain(): Promise<void> {
    return this.#afterOthers(async () => {
      await this.#drainAll();
      const isWhole = this.#maintenance.isWhole();
      for (const signal of this.#signals) {
        if (isWhole || !signal.maintainMayWait) {
          await signal.maintain();
        }
      }
      if (!isWhole) {
        return;
      }
      this.#sweep();
      if (!this.#isClosed) {
        this.#maintained();
      }
    });
  }

  /** Removes expired series, in small steps, and between renders: the next maintenance may be five seconds away. */
  #sweep(): void {
    clearTimeout(this.#nextSweep);
    if (this.#isClosed) {
      return;
    }
    if (this.#signals.some(({ isBusy }) => isBusy)) {
      return;
    }
    const { isRendering } = this.#identity;
    if (!isRendering) {
      for (const signal of this.#signals) {
        signal.flush();
      }
    }
    if (isRendering || this.#identity.expire(sweepLimit) >= sweepLimit) {
      this.#nextSweep = setTimeout(() => {
        void this.#afterOthers(() => {
          this.#sweep();
        });
      }, sweepPauseMs);
    }
  }

  /** Takes in what is left, detaches and unmaps everything. Idempotent. */
  close(): void {
    if (this.#isClosed) {
      return;
    }
    this.#isClosed = true;
    this.#schedule.stop();
    this.#maintenance.stop();
    clearTimeout(this.#nextSweep);
    clearImmediate(this.#nextDrain);
    for (const signal of this.#signals) {
      signal.drain();
    }
    for (const signal of this.#signals) {
      signal.close();
    }
  }
}
