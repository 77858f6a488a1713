/** Actors: their labels, and their states. */
import type { Catalog } from "../metrics/catalog.js";
import type { Dimension } from "../metrics/dimension.js";
import { LifeCycle } from "../metrics/life-cycle.js";
import { LabelUsers } from "./label-users.js";

/** The actor of events beyond the limit of actors: its series are `~other`. */
export const otherActor = 0;

/** In place of an epoch, by actor. */
const active = -1;
const never = -2;
const expired = -3;

/**
 * Actors by their numbers. An actor is active while a process is this actor; before and after that it has ended. The label sets of
 * an ended actor end with it, unless an active actor shares them: see {@link Catalog}.
 */
export class Actors {
  readonly #catalog: Catalog;
  readonly #now: () => number;
  readonly #subjects: LabelUsers;
  readonly #comms: LabelUsers;
  /** Ends in milliseconds. */
  readonly #life = new LifeCycle<number>();
  /** By actor. */
  readonly #subjectOf: number[] = [];
  readonly #commOf: number[] = [];
  /** By actor: the epoch of the catalog in which its last event came since it has ended, or what is in place of it. */
  readonly #epochOf: number[] = [];

  /** `now` is the clock of ends, in milliseconds. */
  constructor(catalog: Catalog, subjects: Dimension, comms: Dimension, now: () => number) {
    this.#catalog = catalog;
    this.#now = now;
    this.#subjects = new LabelUsers(subjects, catalog, now);
    this.#comms = new LabelUsers(comms, catalog, now);
    this.#subjectOf[otherActor] = subjects.other;
    this.#commOf[otherActor] = comms.other;
    this.#epochOf[otherActor] = active;
  }

  /** Its labels, as an id of the first dimension. */
  subject(actor: number): number {
    return this.#subjectOf[actor] as number;
  }

  /** Its labels, as an id of the second dimension. */
  comm(actor: number): number {
    return this.#commOf[actor] as number;
  }

  /** An event of this actor is counted. If it has ended, it ends now, so that its series stay for another retention time. Returns the actor. */
  seen(actor: number): number {
    const epoch = this.#epochOf[actor];
    if (epoch !== active && epoch !== this.#catalog.retention.epoch) {
      this.#endNow(actor);
    }
    return actor;
  }

  /** A new actor, ended until it begins: one that is known from a late record only expires by itself. */
  insert(actor: number, subject: number, comm: number): void {
    this.#subjectOf[actor] = subject;
    this.#commOf[actor] = comm;
    this.#epochOf[actor] = never;
    this.seen(actor);
  }

  /** Is this an actor that has not expired? */
  has(actor: number): boolean {
    const epoch = this.#epochOf[actor];
    return actor !== otherActor && epoch !== undefined && epoch !== expired;
  }

  /** It has another subject from now on. */
  rename(actor: number, subject: number): void {
    const before = this.subject(actor);
    const epoch = this.#epochOf[actor];
    if (subject === before) {
      return;
    }
    this.#subjectOf[actor] = subject;
    if (epoch === active) {
      this.#subjects.remove(before);
      this.#subjects.add(subject);
    }
    this.#subjects.end(before);
    this.#subjects.end(subject);
  }

  /** A process is this actor now. */
  begin(actor: number): void {
    if (actor === otherActor) {
      return;
    }
    this.#epochOf[actor] = active;
    this.#life.begin(actor);
    this.#subjects.add(this.subject(actor));
    this.#comms.add(this.comm(actor));
  }

  /** The process that was this actor has exited, or is another actor now. */
  end(actor: number): void {
    if (actor === otherActor) {
      return;
    }
    this.#subjects.remove(this.subject(actor));
    this.#comms.remove(this.comm(actor));
    this.#endNow(actor);
  }

  /** All that have not expired. */
  *all(): Generator<number> {
    for (const actor of this.#epochOf.keys()) {
      if (this.has(actor)) {
        yield actor;
      }
    }
  }

  /** Lets actors expire that ended at or before `time`, milliseconds, at most `limit`; each is given to `remove`. Returns how many. */
  expire(time: number, limit: number, remove: (actor: number) => void): number {
    return this.#life.expire(
      limit,
      (ended) => ended <= time,
      (actor) => {
        this.#epochOf[actor] = expired;
        remove(actor);
        return 1;
      },
    );
  }

  #endNow(actor: number): void {
    this.#epochOf[actor] = this.#catalog.retention.epoch;
    this.#life.begin(actor);
    this.#life.end(actor, this.#now());
    this.#subjects.end(this.subject(actor));
    this.#comms.end(this.comm(actor));
  }
}
