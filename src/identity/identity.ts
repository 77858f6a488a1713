/** Who an event belongs to: from (tgid, comm) to the labels of its series. */
import { actorWords, type ActorRecord } from "../binding/record.js";
import type { Catalog } from "../metrics/catalog.js";
import { Dimension } from "../metrics/dimension.js";
import { KeyTable } from "../metrics/key-table.js";
import { Actors, otherActor } from "./actors.js";
import { Cgroups, type Names } from "./cgroups.js";
import { ContainerLabels } from "./container-labels.js";
import { defaultIdentityLimit, type PidSeries } from "./defaults.js";
import { type ProcessRecord, type ProcessState, ProcessTable } from "./process-table.js";
import { RecentActors } from "./recent-actors.js";
import { sharedTurns, TurnQueue, type Turns } from "./turns.js";

/** The comm of a process that nothing is known of. */
export const unknownComm = "~unknown";

/** It, as the kernel lays a comm out: little-endian words, filled up with zeros. */
const unknownWords = [0, 4, 8, 12].map((at) => Buffer.from(unknownComm.padEnd(16, "\0"), "latin1").readUInt32LE(at));

/** In place of the first word of a comm: the actor is a control group. No comm has it. */
const groupMark = 0xffffffff;

/**
 * Bytes of an actor that has a name of its own, with its two label sets: by what resident memory has grown by when 32,768 of them
 * had come (test/cli/run/memory-budget.test.ts).
 */
const actorBytes = 3_072;

/**
 * An ended process, or actor, is kept as long, for what it has done and is read late: kernel maps are read every second. Not longer
 * than the series of a label set, which have to outlast the actors that have it.
 */
const retentionMs = 10_000;

export interface IdentityOptions {
  /** The most actors at once. Default 32,768. */
  readonly limit?: number;
  /** The clock of ends, in milliseconds. Default: a monotonic one, so that a step of the system's time moves nothing. */
  readonly now?: () => number;
  /** The control groups that processes run in. */
  readonly cgroups?: Cgroups;
  /** Which processes have series of their own, where labels have a pid. Default `all`. */
  readonly pidSeries?: PidSeries | undefined;
  /** The time for long work. Default: shared by all of this process. */
  readonly turns?: Turns;
}

/**
 * The actors of events, and the processes that they are. An *actor* is a process under one of its names, in one control group. It has
 * an id in two dimensions: `subjects` (the labels chosen by --labels) and `comms` (comm alone, for histograms).
 *
 * Every record carries the tgid, comm and control group of its moment, so its label is right however late it is read. The process table
 * is kept from the records of the process signal, which say what others cannot: that an actor has ended, because its process exited,
 * moved or took another name. Its label sets end with it (see {@link Catalog}), unless an active actor shares them.
 */
export class Identity {
  readonly subjects: Dimension;
  readonly comms = new Dimension(["comm"]);
  /** Where processes run. What is learned of a group later on changes the labels of its actors. */
  readonly cgroups: Cgroups;
  readonly #catalog: Catalog;
  readonly #now: () => number;
  readonly #processes: ProcessTable;
  /** When the last scan of all processes began, and the last one that has ended: milliseconds of `performance.now()`. */
  #scanBegan = 0;
  #scanned = 0;
  readonly #actors: Actors;
  readonly #containers: ContainerLabels;
  readonly #table = new KeyTable(actorWords);
  /** The key of the actor in question. */
  readonly #key = new Uint32Array(actorWords);
  readonly #recent = new RecentActors();
  /** By the id of a control group, but for 0. */
  readonly #actorsOfGroup = new Map<number, Set<number>>();
  /** Actors whose labels may have changed. */
  readonly #doubtful: TurnQueue<number>;
  #limit: number;
  #overflowed = 0;

  constructor(catalog: Catalog, labels: readonly string[], options: IdentityOptions = {}) {
    const { limit = defaultIdentityLimit, now = () => performance.now(), turns = sharedTurns } = options;
    const { cgroups = new Cgroups({ turns }) } = options;
    this.#limit = limit;
    this.#doubtful = new TurnQueue<number>((actor) => {
      this.#rename(actor);
    }, turns);
    this.#catalog = catalog;
    this.#now = now;
    this.cgroups = cgroups;
    cgroups.onChange((id) => {
      for (const actor of this.#actorsOfGroup.get(id) ?? []) {
        this.#doubtful.add(actor);
      }
    });
    this.subjects = new Dimension(labels);
    if (options.pidSeries === "living") {
      catalog.sharePids(this.subjects);
    }
    const containers = new ContainerLabels(catalog, this.subjects, now);
    cgroups.onEnd((id) => {
      containers.end(id);
    });
    this.#containers = containers;
    this.#actors = new Actors(catalog, this.subjects, this.comms, now);
    this.#processes = new ProcessTable(this.#actors, limit, now, turns);
    // Its number is otherActor.
    this.#table.add(this.#key);
  }

  /** The most actors at once. Lowering it deletes none: the events of further ones go to `~other`. */
  get limit(): number {
    return this.#limit;
  }

  set limit(limit: number) {
    this.#limit = limit;
    this.#processes.limit = limit;
  }

  /** Bytes that all actors and processes take at the limit. */
  get memoryAtLimit(): number {
    return this.limit * actorBytes;
  }

  /** Active processes. */
  get activeProcesses(): number {
    return this.#processes.active;
  }

  /** Actors, active or ended. */
  get actors(): number {
    return this.#table.size - 1;
  }

  /** How often the limit was reached, so that events went to `~other`. */
  get overflowed(): number {
    return this.#overflowed;
  }

  /** The subject of an actor: an id of `subjects`. */
  subject(actor: number): number {
    return this.#actors.subject(actor);
  }

  /** The comm of an actor: an id of `comms`. */
  comm(actor: number): number {
    return this.#actors.comm(actor);
  }

  /** The actor of a record. Allocates nothing for one that is known and active. */
  of(record: ActorRecord): number {
    const actor = this.#recent.find(record);
    return actor < 0 ? this.#lookUp(record) : this.seen(actor);
  }

  /** An event of this actor is counted. If it has ended, its series stay for another retention time. Returns the actor. */
  seen(actor: number): number {
    return this.#actors.seen(actor);
  }

  /**
   * The actor of the process that began at `start` (nanoseconds of CLOCK_MONOTONIC), or of the latest one with this tgid: its last one
   * when it has ended, `~unknown` when the process is not known.
   */
  ofProcess(tgid: number, start?: number): number {
    const known = this.#processes.actorOf(tgid, start);
    if (known !== undefined) {
      return this.seen(known);
    }
    this.#key[0] = tgid;
    this.#key.fill(0, 1);
    this.#key.set(unknownWords, 1);
    const actor = this.#table.find(this.#key);
    return actor < 0 ? this.#insert(unknownComm) : this.seen(actor);
  }

  /** The actor that is a control group, by its id, and no process: it has the labels of the group alone. */
  ofGroup(cgroup: number): number {
    this.#key.fill(0);
    this.#key[1] = groupMark;
    this.#key[actorWords - 2] = cgroup % 2 ** 32;
    this.#key[actorWords - 1] = Math.floor(cgroup / 2 ** 32);
    const actor = this.#table.find(this.#key);
    return actor < 0 ? this.#insert("") : this.seen(actor);
  }

  /**
   * The state of the process that began at `start` (nanoseconds of CLOCK_MONOTONIC), or of the latest one with this tgid; undefined when
   * no record has shown it yet, or when it has expired.
   */
  stateOf(tgid: number, start?: number): ProcessState | undefined {
    return this.#processes.stateOf(tgid, start);
  }

  /** A process is active, under this name: it was forked, a scan has shown it, it called execve, renamed itself or was moved. */
  activate(record: ProcessRecord): void {
    record.copyActor(this.#key);
    const found = this.#table.find(this.#key);
    this.#processes.activate(record, found < 0 ? this.#insert(record.comm) : found);
  }

  /**
   * A process has exited. The record may be the first of it: it was there before the programs were, and the scan has not come to it. What
   * has been counted for it has its name all the same.
   */
  end(record: ProcessRecord): void {
    if (!this.#processes.end(record)) {
      this.activate(record);
      this.#processes.end(record);
    }
  }

  /** Has a scan shown all of the host's processes that began after `time`, milliseconds of `performance.now()`? */
  scannedSince(time: number): boolean {
    return this.#scanned > time;
  }

  /** A scan of all processes begins: {@link activate} is then called for each. */
  beginScan(): void {
    this.#scanBegan = performance.now();
    this.#processes.beginScan();
  }

  /**
   * The scan has shown all processes: those that neither it nor a record since its beginning has shown have ended. In turns. `isWhole`:
   * all of the host's, and not only those of the agent's own pid namespace.
   */
  async endScan(isWhole = true): Promise<void> {
    await this.#processes.endScan();
    if (isWhole) {
      this.#scanned = this.#scanBegan;
    }
  }

  /** Does nothing expire now, since a render runs? */
  get isRendering(): boolean {
    return this.#catalog.retention.isRendering;
  }

  /**
   * Lets processes, actors and label sets expire that are due: see {@link Retention.expire}. Stops when `limit` of these and of rows have
   * been removed, or a few more; returns how many it were.
   */
  expire(limit = Infinity): number {
    const now = this.#now();
    const due = now - Math.min(retentionMs, this.#catalog.retention.retentionMs);
    let removed = this.#processes.expire(due, limit);
    removed += this.#actors.expire(due, limit - removed, (actor) => {
      this.#remove(actor);
    });
    // No label set expires that an actor still has.
    return removed < limit ? removed + this.#catalog.retention.expire(now, limit - removed) : removed;
  }

  /** Other labels identify processes: events are counted under them within a few turns of the event loop. Throws as {@link Dimension} does. */
  relabel(labels: readonly string[]): void {
    this.subjects.rename(labels);
    this.#catalog.retention.renamed(this.subjects, this.#now());
    this.#doubtful.addAll(this.#actors.all());
  }

  /** The actor of a record that is not among the recent ones, and from then on is. */
  #lookUp(record: ActorRecord): number {
    record.copyActor(this.#key);
    const found = this.#table.find(this.#key);
    const actor = found < 0 ? this.#insert(record.comm) : this.seen(found);
    if (actor === otherActor) {
      return actor;
    }
    this.#recent.put(record.tgid, this.#key, actor);
    return actor;
  }

  /** A new actor, of the key in `#key`. */
  #insert(comm: string): number {
    if (this.actors >= this.limit) {
      this.#overflowed++;
      return otherActor;
    }
    const actor = this.#table.add(this.#key);
    this.#actors.insert(actor, this.#intern(actor, comm), this.comms.intern(comm));
    const group = this.#cgroup(actor);
    if (group !== 0) {
      const others = this.#actorsOfGroup.get(group);
      if (others === undefined) {
        this.#actorsOfGroup.set(group, new Set([actor]));
      } else {
        others.add(actor);
      }
    }
    return actor;
  }

  #remove(actor: number): void {
    const group = this.#cgroup(actor);
    const others = this.#actorsOfGroup.get(group);
    others?.delete(actor);
    if (others?.size === 0) {
      this.#actorsOfGroup.delete(group);
    }
    this.#recent.delete(this.#table.word(actor, 0));
    this.#table.remove(actor);
  }

  /** The subject of an actor of this comm, by what is known of its control group now. */
  #intern(actor: number, comm: string): number {
    const group = this.#cgroup(actor);
    const names = this.cgroups.names(group);
    const pid = this.#table.word(actor, 1) === groupMark ? "" : this.#table.word(actor, 0).toString();
    const values: Names = { ...names, pid, comm };
    const subject = this.subjects.intern(...this.subjects.names.map((label) => values[label] ?? ""));
    if (group !== 0) {
      const shared = this.#catalog.sharedSets(this.subjects)?.of(subject) ?? subject;
      this.#containers.insert(shared, group, this.cgroups.exists(group));
    }
    return subject;
  }

  /** The id of an actor's control group. */
  #cgroup(actor: number): number {
    return this.#table.word(actor, actorWords - 2) + this.#table.word(actor, actorWords - 1) * 2 ** 32;
  }

  /** Gives an actor the labels that hold now: its events are counted under them from now on. */
  #rename(actor: number): void {
    if (this.#actors.has(actor)) {
      const [comm = ""] = this.comms.values(this.comm(actor));
      this.#actors.rename(actor, this.#intern(actor, comm));
    }
  }
}
