/** Who an event belongs to: from (tgid, comm) to the labels of its series. */
import { actorWords, type ActorRecord } from "../kernel/record.js";
import type { Catalog } from "../metrics/catalog.js";
import { Dimension } from "../metrics/dimension.js";
import { KeyTable } from "../metrics/key-table.js";
import { Cgroups, type Names } from "./cgroups.js";
import { defaultIdentityLimit } from "./defaults.js";

/** The comm of a process that nothing is known of. */
export const unknownComm = "~unknown";

/** It, as the kernel lays a comm out: little-endian words, filled up with zeros. */
const unknownWords = [0, 4, 8, 12].map((at) => Buffer.from(unknownComm.padEnd(16, "\0"), "latin1").readUInt32LE(at));

/** What a process has done may come to light this long after its end, milliseconds: kernel maps are read every second. */
const lateness = 10_000;

/** In place of an epoch. */
const never = -1;

/** The actor of all that find no room: its series are `~other`. */
const otherActor = 0;

/**
 * Actors that are found without hashing, by the low bits of their tgid; pids are given out one after the other, so that few of those
 * alive meet. Each has the words of its key and its id + 1; a place, 0 where it is empty, lies in one cache line.
 */
const recentActors = 16_384;
const recentWords = actorWords + 1;

/**
 * Bytes of an actor that has a name of its own, with its two label sets: by what resident memory has grown by when 32,768 of them
 * had come (test/cli/memory-budget.test.ts).
 */
const actorBytes = 3_072;

function recentPlace(tgid: number): number {
  return (tgid & (recentActors - 1)) * recentWords;
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

/** What the identity of a process is made from: the members that every record of the process signal has. */
export interface ProcessRecord extends ActorRecord {
  /** Start of the process, nanoseconds of CLOCK_MONOTONIC. */
  readonly start: number;
}

export interface IdentityOptions {
  /** The most actors remembered at once. Default 32,768. */
  readonly limit?: number;
  /** The clock of retirements, in milliseconds. Default: a monotonic one, so that a step of the system's time moves nothing. */
  readonly now?: () => number;
  /** The control groups that processes run in. */
  readonly cgroups?: Cgroups;
}

/**
 * The process table, and the actors seen in events. An *actor* is a process under one of its names, in one control group. It has an
 * id in two dimensions: `subjects` (the labels chosen by --labels) and `comms` (comm alone, for histograms).
 *
 * Every record carries the tgid, comm and control group of its moment, so its label is right however late it is read. The process table is fed
 * by the process signal and tells what records cannot: that an actor is over, because its process exited, moved or took another name.
 * Its series are then retired (see Catalog), unless a live actor shares them.
 */
export class Identity {
  readonly subjects: Dimension;
  readonly comms = new Dimension(["comm"]);
  /** Where processes run. What is learned of a group later on changes the labels of its actors. */
  readonly cgroups: Cgroups;
  /** The most actors remembered at once. Lowering it forgets none: further ones find no room. */
  limit: number;
  readonly #catalog: Catalog;
  readonly #now: () => number;
  readonly #processes = new Map<number, Process>();
  readonly #table = new KeyTable(actorWords);
  /** The key of the actor in question. */
  readonly #key = new Uint32Array(actorWords);
  readonly #recent = new Uint32Array(recentActors * recentWords);
  /** By actor. */
  readonly #subjectOf: number[] = [];
  readonly #commOf: number[] = [];
  readonly #live: boolean[] = [];
  /** By actor that is not live: the epoch of the catalog in which its wait began last. */
  readonly #seenIn: number[] = [];
  /** Actors that are not live, and since when (ms). */
  readonly #over = new Map<number, number>();
  /** How many live actors share an id. */
  readonly #subjectUsers: number[] = [];
  readonly #commUsers: number[] = [];
  #running = 0;
  #folded = 0;
  #census = 0;
  /** When the census in progress began, nanoseconds of CLOCK_MONOTONIC. */
  #censusBegan = 0;

  constructor(catalog: Catalog, labels: readonly string[], options: IdentityOptions = {}) {
    const { limit = defaultIdentityLimit, now = () => performance.now(), cgroups = new Cgroups() } = options;
    this.#catalog = catalog;
    this.limit = limit;
    this.#now = now;
    this.cgroups = cgroups;
    cgroups.onChange((id) => {
      this.#renameActors((actor) => this.#cgroup(actor) === id);
    });
    this.subjects = new Dimension(labels);
    this.#table.add(this.#key);
    this.#subjectOf.push(this.subjects.other);
    this.#commOf.push(this.comms.other);
    this.#live.push(true);
  }

  /** Bytes that all there is to remember takes at the limit. */
  get memoryAtLimit(): number {
    return this.limit * actorBytes;
  }

  /** Processes known to run. */
  get running(): number {
    return this.#running;
  }

  /** Actors remembered: the live ones, and those that are over until their series have gone. */
  get actors(): number {
    return this.#table.size - 1;
  }

  /** How often an actor found no room, so that its events went to `~other`. */
  get folded(): number {
    return this.#folded;
  }

  /** The subject of an actor: an id of `subjects`. */
  subject(actor: number): number {
    return this.#subjectOf[actor] as number;
  }

  /** The comm of an actor: an id of `comms`. */
  comm(actor: number): number {
    return this.#commOf[actor] as number;
  }

  /** The actor of a record. Allocates nothing for one that is known and live. */
  of(record: ActorRecord): number {
    const recent = this.#recent;
    const place = recentPlace(record.tgid);
    const entry = recent[place + actorWords] as number;
    return entry !== 0 && record.isActor(recent, place) ? this.seen(entry - 1) : this.#lookUp(record);
  }

  /** An actor has something to be counted. If it is over, its series stay for another scrape and grace time. Returns the actor. */
  seen(actor: number): number {
    const { epoch } = this.#catalog;
    if (this.#live[actor] === false && this.#seenIn[actor] !== epoch) {
      this.#seenIn[actor] = epoch;
      this.#retire(this.subjects, this.subject(actor), this.#subjectUsers);
      this.#retire(this.comms, this.comm(actor), this.#commUsers);
    }
    return actor;
  }

  /** The present actor of a process, or the last one of a process that has exited; `~unknown` when it was never announced. */
  ofProcess(tgid: number): number {
    const process = this.#processes.get(tgid);
    if (process !== undefined) {
      return this.seen(process.actor);
    }
    this.#key[0] = tgid;
    this.#key.fill(0, 1);
    this.#key.set(unknownWords, 1);
    const actor = this.#table.find(this.#key);
    return actor < 0 ? this.#enter(unknownComm) : this.seen(actor);
  }

  /** Has this process exited, and no other taken its pid since? False for one that was never announced. */
  hasExited(tgid: number): boolean {
    return this.#processes.get(tgid)?.running === false;
  }

  /** Has this process been announced, and not been forgotten since? */
  isKnown(tgid: number): boolean {
    return this.#processes.has(tgid);
  }

  /** A process is there, under this name: it was forked, was found running, called execve, or renamed itself. */
  lives(record: ProcessRecord): void {
    record.copyActor(this.#key);
    const found = this.#table.find(this.#key);
    const actor = found < 0 ? this.#enter(record.comm) : found;
    const process = this.#processes.get(record.tgid);
    if (process?.running === true && process.start === record.start) {
      process.census = this.#census;
      if (process.actor !== actor) {
        this.#end(process.actor);
        process.actor = actor;
        this.#begin(actor);
      }
      return;
    }
    if (process?.running === true) {
      this.#end(process.actor);
      this.#running--;
    }
    this.#processes.set(record.tgid, { start: record.start, actor, running: true, census: this.#census });
    this.#running++;
    this.#begin(actor);
  }

  /** A process has exited. */
  exits(record: ProcessRecord): void {
    const process = this.#processes.get(record.tgid);
    if (process?.running === true && process.start === record.start) {
      this.#exit(record.tgid, process);
    }
  }

  #exit(tgid: number, process: Process): void {
    process.running = false;
    this.#running--;
    this.#end(process.actor);
    if (process.actor === otherActor) {
      this.#processes.delete(tgid);
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

  /** Removes what has been retired for long enough: see {@link Catalog.sweep}. Returns how many label sets went, at most `limit`. */
  sweep(limit = Infinity): number {
    const subjects = new Set<number>();
    const comms = new Set<number>();
    const note = (dimension: Dimension, id: number): void => {
      (dimension === this.subjects ? subjects : comms).add(id);
    };
    const released = this.#catalog.sweep(this.#now(), note, limit);
    const lateBy = this.#now() - lateness;
    for (const [actor, since] of this.#over) {
      const subject = this.subject(actor);
      const comm = this.comm(actor);
      const shared = this.#subjectUsers[subject] !== 0 && this.#commUsers[comm] !== 0;
      if ((shared && since <= lateBy) || subjects.has(subject) || comms.has(comm)) {
        this.#forget(actor);
      }
    }
    return released;
  }

  /** The actor of a record that is not among the recent ones, and from then on is. */
  #lookUp(record: ActorRecord): number {
    record.copyActor(this.#key);
    const found = this.#table.find(this.#key);
    const actor = found < 0 ? this.#enter(record.comm) : this.seen(found);
    if (actor === otherActor) {
      return actor;
    }
    const place = recentPlace(record.tgid);
    this.#recent.set(this.#key, place);
    this.#recent[place + actorWords] = actor + 1;
    return actor;
  }

  /** A new actor, of the key in `#key`. It counts as over until its process is announced: one that only a late record tells of goes by itself. */
  #enter(comm: string): number {
    if (this.actors >= this.limit) {
      this.#folded++;
      return otherActor;
    }
    const actor = this.#table.add(this.#key);
    this.#subjectOf[actor] = this.#intern(actor, comm);
    this.#commOf[actor] = this.comms.intern(comm);
    this.#subjectUsers[this.subject(actor)] ??= 0;
    this.#commUsers[this.comm(actor)] ??= 0;
    this.#live[actor] = false;
    this.#over.set(actor, this.#now());
    this.#seenIn[actor] = never;
    return this.seen(actor);
  }

  /** The subject that an actor of this comm is, by what is known of its control group now. */
  #intern(actor: number, comm: string): number {
    const names = this.cgroups.names(this.#cgroup(actor));
    const values: Names = { ...names, pid: this.#table.word(actor, 0).toString(), comm };
    return this.subjects.intern(...this.subjects.names.map((label) => values[label] ?? ""));
  }

  /** The id of an actor's control group. */
  #cgroup(actor: number): number {
    return this.#table.word(actor, actorWords - 2) + this.#table.word(actor, actorWords - 1) * 2 ** 32;
  }

  /** Other labels tell processes apart: what happens from now on is counted under them. Throws as {@link Dimension} does. */
  relabel(labels: readonly string[]): void {
    this.subjects.rename(labels);
    this.#renameActors(() => true);
  }

  /** Actors are called otherwise now: what they do from now on is counted under their new names. */
  #renameActors(isMeant: (actor: number) => boolean): void {
    for (const [actor, live] of this.#live.entries()) {
      const isForgotten = !live && !this.#over.has(actor);
      if (actor === otherActor || isForgotten || !isMeant(actor)) {
        continue;
      }
      const [comm = ""] = this.comms.values(this.comm(actor));
      const subject = this.#intern(actor, comm);
      const before = this.subject(actor);
      if (subject === before) {
        continue;
      }
      this.#subjectOf[actor] = subject;
      this.#subjectUsers[subject] ??= 0;
      if (live) {
        this.#subjectUsers[before] = (this.#subjectUsers[before] as number) - 1;
        this.#use(this.subjects, subject, this.#subjectUsers);
      }
      this.#retire(this.subjects, before, this.#subjectUsers);
      this.#retire(this.subjects, subject, this.#subjectUsers);
    }
  }

  #begin(actor: number): void {
    if (actor === otherActor) {
      return;
    }
    this.#live[actor] = true;
    this.#over.delete(actor);
    this.#use(this.subjects, this.subject(actor), this.#subjectUsers);
    this.#use(this.comms, this.comm(actor), this.#commUsers);
  }

  #end(actor: number): void {
    if (actor === otherActor) {
      return;
    }
    this.#live[actor] = false;
    this.#over.set(actor, this.#now());
    const subject = this.subject(actor);
    const comm = this.comm(actor);
    this.#subjectUsers[subject] = (this.#subjectUsers[subject] as number) - 1;
    this.#commUsers[comm] = (this.#commUsers[comm] as number) - 1;
    this.#seenIn[actor] = never;
    this.seen(actor);
  }

  #use(dimension: Dimension, id: number, users: number[]): void {
    users[id] = (users[id] as number) + 1;
    this.#catalog.revive(dimension, id);
  }

  /** Retires an id that no live actor uses, from now on. */
  #retire(dimension: Dimension, id: number, users: readonly number[]): void {
    if (users[id] === 0) {
      this.#catalog.revive(dimension, id);
      this.#catalog.retire(dimension, id, this.#now());
    }
  }

  #forget(actor: number): void {
    const tgid = this.#table.word(actor, 0);
    const process = this.#processes.get(tgid);
    if (process?.running === false && process.actor === actor) {
      this.#processes.delete(tgid);
    }
    this.#over.delete(actor);
    this.#table.remove(actor);
    this.#recent[recentPlace(tgid) + actorWords] = 0;
  }
}
