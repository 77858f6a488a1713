/** Who an event belongs to: from (tgid, comm) to the labels of its series. */
import { actorWords, type ActorRecord } from "../binding/record.js";
import type { Catalog } from "../metrics/catalog.js";
import { Dimension } from "../metrics/dimension.js";
import { KeyTable } from "../metrics/key-table.js";
import { Actors, otherActor } from "./actors.js";
import { Cgroups, type Names } from "./cgroups.js";
import { defaultIdentityLimit } from "./defaults.js";
import { type ProcessRecord, ProcessTable } from "./process-table.js";
import { RecentActors } from "./recent-actors.js";

/** The comm of a process that nothing is known of. */
export const unknownComm = "~unknown";

/** It, as the kernel lays a comm out: little-endian words, filled up with zeros. */
const unknownWords = [0, 4, 8, 12].map((at) => Buffer.from(unknownComm.padEnd(16, "\0"), "latin1").readUInt32LE(at));

/**
 * Bytes of an actor that has a name of its own, with its two label sets: by what resident memory has grown by when 32,768 of them
 * had come (test/cli/run/memory-budget.test.ts).
 */
const actorBytes = 3_072;

export interface IdentityOptions {
  /** The most actors remembered at once. Default 32,768. */
  readonly limit?: number;
  /** The clock of retirements, in milliseconds. Default: a monotonic one, so that a step of the system's time moves nothing. */
  readonly now?: () => number;
  /** The control groups that processes run in. */
  readonly cgroups?: Cgroups;
}

/**
 * The actors seen in events, and the processes that they are. An *actor* is a process under one of its names, in one control group. It has an
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
  readonly #processes: ProcessTable;
  readonly #actors: Actors;
  readonly #table = new KeyTable(actorWords);
  /** The key of the actor in question. */
  readonly #key = new Uint32Array(actorWords);
  readonly #recent = new RecentActors();
  #folded = 0;

  constructor(catalog: Catalog, labels: readonly string[], options: IdentityOptions = {}) {
    const { limit = defaultIdentityLimit, now = () => performance.now(), cgroups = new Cgroups() } = options;
    this.limit = limit;
    this.cgroups = cgroups;
    cgroups.onChange((id) => {
      this.#renameActors((actor) => this.#cgroup(actor) === id);
    });
    this.subjects = new Dimension(labels);
    this.#actors = new Actors(catalog, this.subjects, this.comms, now);
    this.#processes = new ProcessTable(this.#actors);
    // Its number is otherActor.
    this.#table.add(this.#key);
  }

  /** Bytes that all there is to remember takes at the limit. */
  get memoryAtLimit(): number {
    return this.limit * actorBytes;
  }

  /** Processes known to run. */
  get running(): number {
    return this.#processes.running;
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
    return this.#actors.subject(actor);
  }

  /** The comm of an actor: an id of `comms`. */
  comm(actor: number): number {
    return this.#actors.comm(actor);
  }

  /** The actor of a record. Allocates nothing for one that is known and live. */
  of(record: ActorRecord): number {
    const actor = this.#recent.find(record);
    return actor < 0 ? this.#lookUp(record) : this.seen(actor);
  }

  /** An actor has something to be counted. If it is over, its series stay for another scrape and grace time. Returns the actor. */
  seen(actor: number): number {
    return this.#actors.seen(actor);
  }

  /** The present actor of a process, or the last one of a process that has exited; `~unknown` when it was never announced. */
  ofProcess(tgid: number): number {
    const known = this.#processes.actorOf(tgid);
    if (known !== undefined) {
      return this.seen(known);
    }
    this.#key[0] = tgid;
    this.#key.fill(0, 1);
    this.#key.set(unknownWords, 1);
    const actor = this.#table.find(this.#key);
    return actor < 0 ? this.#enter(unknownComm) : this.seen(actor);
  }

  /** Has this process exited, and no other taken its pid since? False for one that was never announced. */
  hasExited(tgid: number): boolean {
    return this.#processes.hasExited(tgid);
  }

  /** Has this process been announced, and not been forgotten since? */
  isKnown(tgid: number): boolean {
    return this.#processes.isKnown(tgid);
  }

  /** A process is there, under this name: it was forked, was found running, called execve, or renamed itself. */
  lives(record: ProcessRecord): void {
    record.copyActor(this.#key);
    const found = this.#table.find(this.#key);
    this.#processes.lives(record, found < 0 ? this.#enter(record.comm) : found);
  }

  /** A process has exited. */
  exits(record: ProcessRecord): void {
    this.#processes.exits(record);
  }

  /** A census begins at this time, nanoseconds of CLOCK_MONOTONIC: {@link lives} is then called for each process there is. */
  beginCensus(now: number): void {
    this.#processes.beginCensus(now);
  }

  /** It is over: processes that it has not shown have exited unseen, those aside that are younger. */
  endCensus(): void {
    this.#processes.endCensus();
  }

  /** Removes what has been retired for long enough: see {@link Catalog.sweep}. Returns how many label sets went, at most `limit`. */
  sweep(limit = Infinity): number {
    return this.#actors.sweep(limit, (actor) => {
      const tgid = this.#table.word(actor, 0);
      this.#processes.forget(tgid, actor);
      this.#table.remove(actor);
      this.#recent.forget(tgid);
    });
  }

  /** The actor of a record that is not among the recent ones, and from then on is. */
  #lookUp(record: ActorRecord): number {
    record.copyActor(this.#key);
    const found = this.#table.find(this.#key);
    const actor = found < 0 ? this.#enter(record.comm) : this.seen(found);
    if (actor === otherActor) {
      return actor;
    }
    this.#recent.put(record.tgid, this.#key, actor);
    return actor;
  }

  /** A new actor, of the key in `#key`. */
  #enter(comm: string): number {
    if (this.actors >= this.limit) {
      this.#folded++;
      return otherActor;
    }
    const actor = this.#table.add(this.#key);
    this.#actors.enter(actor, this.#intern(actor, comm), this.comms.intern(comm));
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
    for (const actor of this.#actors.remembered()) {
      if (isMeant(actor)) {
        const [comm = ""] = this.comms.values(this.comm(actor));
        this.#actors.rename(actor, this.#intern(actor, comm));
      }
    }
  }
}
