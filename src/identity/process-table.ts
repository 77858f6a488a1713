/** Which processes there are. */
import type { ActorRecord } from "../binding/record.js";
import { LifeCycle } from "../metrics/life-cycle.js";
import type { Actors } from "./actors.js";
import { forEachInTurns, sharedTurns, type Turns } from "./turns.js";

/** What the process table is kept from: the members that every record of the process signal has. */
export interface ProcessRecord extends ActorRecord {
  /** When the record was made, nanoseconds of CLOCK_MONOTONIC. */
  readonly time: number;
  /** Start of the process, nanoseconds of CLOCK_MONOTONIC. */
  readonly start: number;
}

/** The state of a process that has not expired: see {@link LifeCycle}. */
export type ProcessState = "active" | "ended";

interface Process {
  readonly tgid: number;
  /** Start, nanoseconds of CLOCK_MONOTONIC: with the tgid it names the process for ever. */
  readonly start: number;
  /** Its actor now, or the last one. */
  actor: number;
  /** When the record was made that `actor` is from. */
  actorTime: number;
  /** The last scan that has shown it, or during which a record did. */
  scan: number;
  /** A record of its exit has come: it is never active again. */
  hasExited: boolean;
  /** The process that had its tgid before, as long as that has not expired. */
  earlier: Process | undefined;
}

/**
 * Active processes, and ended ones until they expire. Of the processes of one tgid only the latest can be active.
 *
 * A process ends by the record of its exit, by a later process with its tgid, or when a scan of all processes does not show it,
 * because a full ring has lost the record. In the last case alone it is active again when a record shows it.
 */
export class ProcessTable {
  /** By tgid, the latest. */
  readonly #latest = new Map<number, Process>();
  /** Ends in milliseconds. */
  readonly #life = new LifeCycle<Process>();
  readonly #actors: Actors;
  readonly #now: () => number;
  /** The most ended processes. */
  limit: number;
  readonly #turns: Turns;
  #active = 0;
  #scan = 0;

  /** `now` is the clock of ends, in milliseconds. */
  constructor(actors: Actors, limit: number, now: () => number, turns = sharedTurns) {
    this.#actors = actors;
    this.limit = limit;
    this.#now = now;
    this.#turns = turns;
  }

  /** How many are active. */
  get active(): number {
    return this.#active;
  }

  /** The last actor of the process that began at `start`, or of the latest one with this tgid; undefined when it is not known. */
  actorOf(tgid: number, start?: number): number | undefined {
    return this.#find(tgid, start)?.actor;
  }

  /** The state of the process that began at `start`, or of the latest one with this tgid; undefined when it is not known. */
  stateOf(tgid: number, start?: number): ProcessState | undefined {
    const process = this.#find(tgid, start);
    return process && (this.#life.hasEnded(process) ? "ended" : "active");
  }

  /** A record shows a process as this actor. Records may be older than what is known already. */
  activate({ tgid, start, time }: ProcessRecord, actor: number): void {
    const latest = this.#latest.get(tgid);
    if (latest === undefined || start > latest.start) {
      this.#insert(tgid, start, time, actor, latest);
    } else if (start === latest.start && !latest.hasExited) {
      this.#update(latest, time, actor);
    }
  }

  /** A process has exited. False when it is not known. */
  end({ tgid, start }: ProcessRecord): boolean {
    const process = this.#find(tgid, start);
    if (process === undefined) {
      return false;
    }
    this.#end(process);
    process.hasExited = true;
    return true;
  }

  /** A scan of all processes begins: {@link activate} is then called for each that it shows, and {@link endScan} after the last one. */
  beginScan(): void {
    this.#scan++;
  }

  /** The scan has shown all processes: those that neither it nor a record since its beginning has shown have ended. In turns. */
  endScan(): Promise<void> {
    const scan = this.#scan;
    const endMissed = (process: Process): void => {
      if (process.scan < scan) {
        this.#end(process);
      }
    };
    return forEachInTurns(this.#latest.values(), endMissed, this.#turns);
  }

  /** Deletes processes that ended at or before `time`, milliseconds, at most `limit`. Returns how many. */
  expire(time: number, limit: number): number {
    return this.#life.expire(
      limit,
      (ended) => ended <= time,
      (process) => this.#delete(process),
    );
  }

  #find(tgid: number, start?: number): Process | undefined {
    let process = this.#latest.get(tgid);
    while (start !== undefined && process !== undefined && process.start !== start) {
      process = process.earlier;
    }
    return process;
  }

  #insert(tgid: number, start: number, actorTime: number, actor: number, earlier: Process | undefined): void {
    if (earlier !== undefined) {
      this.#end(earlier);
    }
    this.#latest.set(tgid, { tgid, start, actor, actorTime, scan: this.#scan, hasExited: false, earlier });
    this.#active++;
    this.#actors.begin(actor);
  }

  #update(process: Process, time: number, actor: number): void {
    process.scan = this.#scan;
    const wasEnded = this.#life.hasEnded(process);
    if (wasEnded) {
      this.#life.begin(process);
      this.#active++;
    }
    const before = process.actor;
    if (time >= process.actorTime) {
      process.actor = actor;
      process.actorTime = time;
    }
    if (wasEnded) {
      this.#actors.begin(process.actor);
    } else if (process.actor !== before) {
      this.#actors.end(before);
      this.#actors.begin(process.actor);
    }
  }

  #end(process: Process): void {
    if (this.#life.hasEnded(process)) {
      return;
    }
    this.#life.end(process, this.#now());
    this.#active--;
    this.#actors.end(process.actor);
    if (this.#life.ended > this.limit) {
      this.expire(Infinity, 1);
    }
  }

  #delete(process: Process): number {
    let later = this.#latest.get(process.tgid);
    if (later === process) {
      // What had its tgid before ended before, and has expired.
      this.#latest.delete(process.tgid);
      return 1;
    }
    while (later !== undefined && later.earlier !== process) {
      later = later.earlier;
    }
    if (later !== undefined) {
      later.earlier = undefined;
    }
    return 1;
  }
}
