/** What is kept of actors: their labels, and when the series of those that are over go. */
import type { Catalog } from "../metrics/catalog.js";
import type { Dimension } from "../metrics/dimension.js";
import { LabelUsers } from "./label-users.js";

/** The actor of all that find no room: its series are `~other`. */
export const otherActor = 0;

/** What a process has done may come to light this long after its end, milliseconds: kernel maps are read every second. */
const lateness = 10_000;

/** In place of an epoch. */
const never = -1;

/**
 * Actors by their numbers. One is live from its beginning to its end; before and after that it is over: its label sets are retired
 * (see {@link Catalog}), unless a live actor shares them, and when they have gone it is forgotten.
 */
export class Actors {
  readonly #catalog: Catalog;
  readonly #now: () => number;
  readonly #subjects: LabelUsers;
  readonly #comms: LabelUsers;
  /** By actor. */
  readonly #subjectOf: number[] = [];
  readonly #commOf: number[] = [];
  readonly #live: boolean[] = [];
  /** By actor that is not live: the epoch of the catalog in which its wait began last. */
  readonly #seenIn: number[] = [];
  /** Actors that are not live, and since when (ms). */
  readonly #over = new Map<number, number>();

  /** `now` is the clock of retirements, in milliseconds. */
  constructor(catalog: Catalog, subjects: Dimension, comms: Dimension, now: () => number) {
    this.#catalog = catalog;
    this.#now = now;
    this.#subjects = new LabelUsers(subjects, catalog, now);
    this.#comms = new LabelUsers(comms, catalog, now);
    this.#subjectOf[otherActor] = subjects.other;
    this.#commOf[otherActor] = comms.other;
    this.#live[otherActor] = true;
  }

  /** Its labels, as an id of the first dimension. */
  subject(actor: number): number {
    return this.#subjectOf[actor] as number;
  }

  /** Its labels, as an id of the second dimension. */
  comm(actor: number): number {
    return this.#commOf[actor] as number;
  }

  /** It has something to be counted. If it is over, its series stay for another scrape and grace time. Returns the actor. */
  seen(actor: number): number {
    const { epoch } = this.#catalog;
    if (this.#live[actor] === false && this.#seenIn[actor] !== epoch) {
      this.#seenIn[actor] = epoch;
      this.#subjects.retire(this.subject(actor));
      this.#comms.retire(this.comm(actor));
    }
    return actor;
  }

  /** A new actor, over until it begins: one that only a late record tells of goes by itself. */
  enter(actor: number, subject: number, comm: number): void {
    this.#subjectOf[actor] = subject;
    this.#commOf[actor] = comm;
    this.#subjects.know(subject);
    this.#comms.know(comm);
    this.#live[actor] = false;
    this.#over.set(actor, this.#now());
    this.#seenIn[actor] = never;
  }

  /** It goes by another subject from now on. */
  rename(actor: number, subject: number): void {
    const before = this.subject(actor);
    if (subject === before) {
      return;
    }
    this.#subjectOf[actor] = subject;
    this.#subjects.know(subject);
    if (this.#live[actor] === true) {
      this.#subjects.remove(before);
      this.#subjects.add(subject);
    }
    this.#subjects.retire(before);
    this.#subjects.retire(subject);
  }

  /** A process is this actor now. */
  begin(actor: number): void {
    if (actor === otherActor) {
      return;
    }
    this.#live[actor] = true;
    this.#over.delete(actor);
    this.#subjects.add(this.subject(actor));
    this.#comms.add(this.comm(actor));
  }

  /** The process that was this actor has exited, or is another one now. */
  end(actor: number): void {
    if (actor === otherActor) {
      return;
    }
    this.#live[actor] = false;
    this.#over.set(actor, this.#now());
    this.#subjects.remove(this.subject(actor));
    this.#comms.remove(this.comm(actor));
    this.#seenIn[actor] = never;
    this.seen(actor);
  }

  /** All that are remembered. */
  *remembered(): Generator<number> {
    for (const [actor, live] of this.#live.entries()) {
      if (actor !== otherActor && (live || this.#over.has(actor))) {
        yield actor;
      }
    }
  }

  /**
   * Removes label sets that have been retired for long enough (see {@link Catalog.sweep}), at most `limit`, and tells `forgotten` of
   * each actor that is over for good. Returns how many label sets went.
   */
  sweep(limit: number, forgotten: (actor: number) => void): number {
    const subjects = new Set<number>();
    const comms = new Set<number>();
    const note = (dimension: Dimension, id: number): void => {
      (dimension === this.#subjects.dimension ? subjects : comms).add(id);
    };
    const released = this.#catalog.sweep(this.#now(), note, limit);
    const lateBy = this.#now() - lateness;
    for (const [actor, since] of this.#over) {
      const subject = this.subject(actor);
      const comm = this.comm(actor);
      const isShared = this.#subjects.has(subject) && this.#comms.has(comm);
      if ((isShared && since <= lateBy) || subjects.has(subject) || comms.has(comm)) {
        this.#over.delete(actor);
        forgotten(actor);
      }
    }
    return released;
  }
}
