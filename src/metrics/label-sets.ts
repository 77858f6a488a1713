/** When the label sets of one dimension end, and what becomes of their series. */
import type { Dimension } from "./dimension.js";
import { LifeCycle } from "./life-cycle.js";
import { isOfOneProcess } from "./shared-sets.js";

/** The end of a label set. */
export interface End {
  /** Milliseconds. */
  readonly at: number;
  /** How many renders had begun by then: only a later one is sure to show its last numbers. */
  readonly rendersBegun: number;
}

/** What label sets are removed from: the tables of their dimension. */
export interface SeriesOwner {
  /** Has a label set any rows? */
  readonly hasRows: (id: number) => boolean;
  /** Removes the rows of a label set. Returns how many there were. */
  readonly removeRows: (id: number) => number;
  /** A label set has ended: it gets no further rows of its own where processes share series. */
  readonly stopWaiting: (id: number) => void;
}

/** Which ends are due. */
export interface Due {
  /** Has the label set been without a user for long enough, and been shown since? */
  readonly isDue: (end: End) => boolean;
  /** Milliseconds. */
  readonly now: number;
  /** How long series stay after their container has gone, milliseconds. */
  readonly seriesRetentionMs: number;
}

/**
 * The label sets that no active actor has.
 *
 * One with a pid, or with names that are no longer those of `--labels`, is deleted with its series once its end is due. Any other may
 * come into use again, and then its counters have to go on: it is kept, until the place is needed or its container has been gone for
 * `--series-retention`.
 */
export class LabelSets {
  readonly dimension: Dimension;
  readonly owner: SeriesOwner;
  /** Ended, and not yet due. */
  readonly #ended = new LifeCycle<number, End>();
  /** Due and kept, with the time of the end: the one that is idle longest comes first. */
  readonly #kept = new LifeCycle<number>();
  /** Those whose containers have gone, with the time of that. */
  readonly #gone = new LifeCycle<number>();

  constructor(dimension: Dimension, owner: SeriesOwner) {
    this.dimension = dimension;
    this.owner = owner;
  }

  /** How many have ended and are not due. */
  get ended(): number {
    return this.#ended.ended;
  }

  /** How many are kept. */
  get kept(): number {
    return this.#kept.ended;
  }

  /** The time of the end of the one that is idle longest among those that are kept; Infinity when there is none. */
  get idleSince(): number {
    return this.#kept.oldest ?? Infinity;
  }

  /** Has a label set ended, and not expired since? */
  hasEnded(id: number): boolean {
    return this.#ended.hasEnded(id) || this.#kept.hasEnded(id);
  }

  begin(id: number): void {
    this.#ended.begin(id);
    this.#kept.begin(id);
  }

  end(id: number, end: End): void {
    if (!this.#kept.hasEnded(id)) {
      this.#ended.end(id, end);
    }
  }

  /** The container that a label set is of has gone. */
  containerGone(id: number, now: number): void {
    this.#gone.end(id, now);
  }

  /** The container of a label set exists, again or still. */
  containerExists(id: number): void {
    this.#gone.begin(id);
  }

  /** Its names have changed: label sets with the old ones are kept no more. */
  renamed(end: End): void {
    for (const id of this.#kept.due(() => true)) {
      if (!this.#mayReturn(id)) {
        this.#kept.begin(id);
        this.#ended.end(id, end);
      }
    }
  }

  /** Keeps or deletes what is due, up to `limit` rows and label sets, or a few more. Returns how many it were. */
  expire({ isDue, now, seriesRetentionMs }: Due, limit: number): number {
    const steps = this.#ended.expire(limit, isDue, (id, { at }) => {
      if (this.#mayReturn(id) && this.owner.hasRows(id)) {
        this.#kept.end(id, at);
        return 1;
      }
      return this.delete(id);
    });
    const isOver = (at: number): boolean => now - at >= seriesRetentionMs;
    return (
      steps +
      this.#gone.expire(limit - steps, isOver, (id) => {
        if (this.#kept.hasEnded(id)) {
          return this.delete(id);
        }
        // An actor of the container was seen a moment ago.
        this.#gone.end(id, now);
        return 1;
      })
    );
  }

  /** Label sets with a pid that have ended and were shown since, by the number of the last completed render; first ended, first given. */
  *shown(lastCompleted: number): Generator<number> {
    for (const id of this.#ended.due(({ rendersBegun }) => rendersBegun < lastCompleted)) {
      if (!this.#mayReturn(id)) {
        yield id;
      }
    }
  }

  /** Label sets that are kept, the one that is idle longest first. */
  idle(): Generator<number> {
    return this.#kept.due(() => true);
  }

  /** All that have ended and are not due, first ended first. */
  recent(): Generator<number> {
    return this.#ended.due(() => true);
  }

  /** Deletes a label set that is kept and has lost its last row. Returns the steps that took. */
  deleteIfEmpty(id: number): number {
    return this.#kept.hasEnded(id) && !this.owner.hasRows(id) ? this.delete(id) : 0;
  }

  /** Deletes a label set with its rows; its id may be given out again. Returns how many rows and label sets that were. */
  delete(id: number): number {
    this.begin(id);
    this.#gone.begin(id);
    const rows = this.owner.removeRows(id);
    this.dimension.release(id);
    return rows + 1;
  }

  /** May another process have this label set? */
  #mayReturn(id: number): boolean {
    return this.dimension.namesOf(id) === this.dimension.names && !isOfOneProcess(this.dimension, id);
  }
}
