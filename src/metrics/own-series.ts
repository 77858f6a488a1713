/** Which processes have series of their own in a table, where only those have that were alive at a scrape. */
import { type Column, KeyedRows } from "./rows.js";
import type { SharedSets } from "./shared-sets.js";

/** Rows that were begun for one render. */
interface Begun {
  /** What distinguishes them from others. */
  readonly number: number;
  /** The render that shows them, or one after it. */
  readonly render: number;
  /** When they were first seen by {@link OwnSeries.count}, milliseconds. */
  at: number | undefined;
  /** Subjects and details by turns. */
  readonly keys: number[];
}

/** Which of the rows that were begun may count. */
export interface Counting {
  /** The latest render that was completed. */
  readonly lastCompleted: number;
  /** Milliseconds. */
  readonly now: number;
  /** How long rows are shown as 0 at least, milliseconds. */
  readonly leadMs: number;
}

/**
 * A process counts into the row that it shares with others until one of its own counts. Its own goes through three states:
 *
 *     waiting ── a render begins, and the process is alive ──▶ begun ── shown, and some time has passed ──▶ counting
 *
 * A row that has begun is 0, so that each scraper sees the series begin at 0 and no `rate()` or `increase()` misses what it counts. No
 * count ever moves from one row to another.
 */
export class OwnSeries {
  /** The rows that are shared. */
  readonly shared: SharedSets;
  readonly #rows: KeyedRows;
  /** The {@link Begun.number} of a row that does not count; 0 where one does. */
  readonly #numbers: Column;
  readonly #waiting = new KeyedRows();
  #begun: Begun[] = [];
  #lastNumber = 0;

  /** `rows` are those of the table. */
  constructor(rows: KeyedRows, shared: SharedSets) {
    this.#rows = rows;
    this.#numbers = rows.addColumn(1);
    this.shared = shared;
  }

  /** Does a row count? */
  counts(row: number): boolean {
    return this.#numbers.data[row] === 0;
  }

  /** A process has counted into the shared row. No more than `most` wait; a further one does when it counts another time. */
  wait(subject: number, detail: number, most: number): void {
    if (this.#waiting.size < most && this.#waiting.find(subject, detail) < 0) {
      this.#waiting.insert(subject, detail);
    }
  }

  /** A process has ended: it needs no row any more. */
  stopWaiting(subject: number): void {
    this.#waiting.removeSubject(subject);
  }

  /**
   * Has `insert` make a row for what waits and is alive, to be shown by a render of this number; up to `limit` rows, or a few more. `insert`
   * returns -1 when there is no place. Returns how many were tried.
   */
  begin(render: number, limit: number, isAlive: (subject: number) => boolean, insert: InsertRow): number {
    const waiting = this.#waiting;
    const number = this.#lastNumber + 1;
    const keys: number[] = [];
    let tried = 0;
    while (waiting.size > 0 && tried < limit) {
      const subject = waiting.subjectAt(waiting.size - 1);
      for (let at = isAlive(subject) ? waiting.first(subject) : -1; at >= 0; at = waiting.next(at)) {
        const detail = waiting.detailAt(at);
        const row = insert(subject, detail);
        if (row >= 0) {
          this.#numbers.data[row] = number;
          keys.push(subject, detail);
        }
        tried++;
      }
      waiting.removeSubject(subject);
    }
    if (keys.length > 0) {
      this.#lastNumber = number;
      this.#begun.push({ number, render, at: undefined, keys });
    }
    return tried;
  }

  /** Lets rows count that were shown for long enough. */
  count({ lastCompleted, now, leadMs }: Counting): void {
    this.#begun = this.#begun.filter((begun) => {
      begun.at ??= now;
      if (begun.render > lastCompleted || now - begun.at < leadMs) {
        return true;
      }
      this.#count(begun);
      return false;
    });
  }

  #count({ number, keys }: Begun): void {
    for (let index = 0; index < keys.length; index += 2) {
      const row = this.#rows.find(keys[index] as number, keys[index + 1] as number);
      if (row >= 0 && this.#numbers.data[row] === number) {
        this.#numbers.data[row] = 0;
      }
    }
  }
}

/** Makes a row of the table. */
type InsertRow = (subject: number, detail: number) => number;
