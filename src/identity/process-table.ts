/** Which processes there are. */
import type { ActorRecord } from "../binding/record.js";
import { type Actors, otherActor } from "./actors.js";

/** What the process table is told by: the members that every record of the process signal has. */
export interface ProcessRecord extends ActorRecord {
  /** Start of the process, nanoseconds of CLOCK_MONOTONIC. */
  readonly start: number;
}

/** A process that runs, or did until a moment ago. */
interface Process {
  /** Start, nanoseconds of CLOCK_MONOTONIC: with the tgid it names the process for ever. */
  readonly start: number;
  /** The actor that it is now, or was when it exited. */
  actor: number;
  running: boolean;
  /** The last census that has shown it, or the one that was due when it came. */
  census: number;
}

/** The processes that run, and those that have exited until they are forgotten, by tgid. */
export class ProcessTable {
  readonly #processes = new Map<number, Process>();
  readonly #actors: Actors;
  #running = 0;
  #census = 0;
  /** When the census in progress began, nanoseconds of CLOCK_MONOTONIC. */
  #censusBegan = 0;

  constructor(actors: Actors) {
    this.#actors = actors;
  }

  /** How many run. */
  get running(): number {
    return this.#running;
  }

  /** The present actor of a process, or the last one of a process that has exited; undefined when it is not known. */
  actorOf(tgid: number): number | undefined {
    return this.#processes.get(tgid)?.actor;
  }

  /** Has this process exited, and no other taken its pid since? False for one that is not known. */
  hasExited(tgid: number): boolean {
    return this.#processes.get(tgid)?.running === false;
  }

  /** Has this process been announced, and not been forgotten since? */
  isKnown(tgid: number): boolean {
    return this.#processes.has(tgid);
  }

  /** A process is there, as this actor. */
  lives({ tgid, start }: ProcessRecord, actor: number): void {
    const process = this.#processes.get(tgid);
    if (process?.running === true && process.start === start) {
      process.census = this.#census;
      if (process.actor !== actor) {
        this.#actors.end(process.actor);
        process.actor = actor;
        this.#actors.begin(actor);
      }
      return;
    }
    if (process?.running === true) {
      this.#actors.end(process.actor);
      this.#running--;
    }
    this.#processes.set(tgid, { start, actor, running: true, census: this.#census });
    this.#running++;
    this.#actors.begin(actor);
  }

  /** A process has exited. */
  exits({ tgid, start }: ProcessRecord): void {
    const process = this.#processes.get(tgid);
    if (process?.running === true && process.start === start) {
      this.#exit(tgid, process);
    }
  }

  /** A census begins at this time, nanoseconds of CLOCK_MONOTONIC: {@link lives} is then called for each process there is. */
  beginCensus(now: number): void {
    this.#census++;
    this.#censusBegan = now;
  }

  /** It is over: processes that it has not shown have exited unseen, those aside that are younger. */
  endCensus(): void {
    for (const [tgid, process] of this.#processes) {
      if (process.running && process.census !== this.#census && process.start < this.#censusBegan) {
        this.#exit(tgid, process);
      }
    }
  }

  /** Forgets a process that has exited as this actor. */
  forget(tgid: number, actor: number): void {
    const process = this.#processes.get(tgid);
    if (process?.running === false && process.actor === actor) {
      this.#processes.delete(tgid);
    }
  }

  #exit(tgid: number, process: Process): void {
    process.running = false;
    this.#running--;
    this.#actors.end(process.actor);
    if (process.actor === otherActor) {
      this.#processes.delete(tgid);
    }
  }
}
