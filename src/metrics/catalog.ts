/** All tables of a process, and the retirement of subjects that are gone. */
import { Dimension } from "./dimension.js";
import { HistogramTable, type HistogramDefinition } from "./histogram-table.js";
import type { TableSettings } from "./table.js";
import { type ValueDefinition, ValueTable } from "./value-table.js";

/** The most series of each metric when nobody asks for another limit. */
export const defaultSeriesLimit = 100_000;

/** Any table of a catalog; `type` tells which. */
export type AnyTable = ValueTable | HistogramTable;

export interface CatalogOptions {
  /** The most series of each metric that is not bounded, counted as Prometheus does: every bucket is one. Default 100,000. */
  readonly seriesLimit?: number;
  /** How long the series of a retired subject stay at the least, milliseconds. Default 30,000. */
  readonly grace?: number;
  /** Milliseconds since 1970, for the times since when series count. Default Date.now. */
  readonly clock?: () => number;
}

/** A subject on its way out. */
interface Retirement {
  /** When it was retired, milliseconds. */
  readonly at: number;
  /** How many renders had begun by then: only a later one is sure to show its last numbers. */
  readonly rendersBegun: number;
}

function checkedLimit(limit: number): number {
  if (!Number.isInteger(limit) || limit < 1) {
    throw new RangeError(`series limit ${limit}: want a whole number of at least 1`);
  }
  return limit;
}

/**
 * The tables in the order they were declared, each name once.
 *
 * The series of a retired subject stay until two things have happened: a render that began after the retirement has completed,
 * and the grace time has passed. The next {@link sweep} then removes them, unless the subject was revived in between.
 * All times are milliseconds of one clock that the caller chooses.
 */
export class Catalog {
  #seriesLimit: number;
  readonly #grace: number;
  readonly #clock: () => number;
  readonly #start: number;
  readonly #tables = new Map<string, AnyTable>();
  /** By dimension and id, oldest first. */
  readonly #retired = new Map<Dimension, Map<number, Retirement>>();
  #rendersBegun = 0;
  #rendersRunning = 0;
  #epoch = 0;
  /** The number of the latest begun among the completed renders. */
  #lastCompleted = 0;

  constructor(options: CatalogOptions = {}) {
    const { seriesLimit = defaultSeriesLimit, grace = 30_000, clock = Date.now } = options;
    this.#seriesLimit = checkedLimit(seriesLimit);
    this.#grace = grace;
    this.#clock = clock;
    this.#start = clock();
  }

  /** What new tables get. */
  get #settings(): TableSettings {
    return { limit: this.#seriesLimit, clock: this.#clock, start: this.#start };
  }

  /** The most series of each metric that is not bounded. */
  get seriesLimit(): number {
    return this.#seriesLimit;
  }

  /** Holds for the tables there are and those to come. Series that are there stay, further ones are folded. */
  set seriesLimit(limit: number) {
    this.#seriesLimit = checkedLimit(limit);
    for (const table of this) {
      table.limitSeries(limit);
    }
  }

  /** Declares a counter; its name must end in `_total`. Throws when the name is taken or against the rules. */
  counter(definition: ValueDefinition): ValueTable {
    return this.#declare(new ValueTable("counter", definition, this.#settings));
  }

  /** Declares a gauge. Throws like {@link counter}. */
  gauge(definition: ValueDefinition): ValueTable {
    return this.#declare(new ValueTable("gauge", definition, this.#settings));
  }

  /** Declares a histogram of durations; its name should end in `_seconds`. Throws like {@link counter}. */
  histogram(definition: HistogramDefinition): HistogramTable {
    return this.#declare(new HistogramTable(definition, this.#settings));
  }

  /** Declares a gauge whose labels are what it has to say: it is 1. Throws like {@link counter}. */
  info(name: string, help: string, labels: Readonly<Record<string, string>>): void {
    const subject = new Dimension(Object.keys(labels));
    this.gauge({ name, help, subject, bounded: true }).set(subject.intern(...Object.values(labels)), 0, 1);
  }

  /** Brings the numbers up to date that are kept elsewhere: call it before tables are read, after what fills the others. */
  collect(): void {
    for (const table of this) {
      if (table.type !== "histogram") {
        table.collect();
      }
    }
  }

  /** Bytes that all tables take at their limits; the text of labels is their dimensions'. */
  get memoryAtLimit(): number {
    return [...this].reduce((bytes, table) => bytes + table.memoryAtLimit, 0);
  }

  [Symbol.iterator](): Iterator<AnyTable> {
    return this.#tables.values();
  }

  /** Another number after each render begun and each sweep: whoever retires a subject twice in one epoch changes nothing by it. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Says that a subject is gone. Retiring twice keeps the first time; `other` is never retired. Throws for an unknown id. */
  retire(dimension: Dimension, id: number, now: number): void {
    if (!dimension.has(id)) {
      throw new RangeError(`retire: labels ${dimension.names.join(",")}: no tuple has the id ${id}`);
    }
    if (id === dimension.other) {
      return;
    }
    let retired = this.#retired.get(dimension);
    if (retired === undefined) {
      this.#retired.set(dimension, (retired = new Map<number, Retirement>()));
    }
    if (!retired.has(id)) {
      retired.set(id, { at: now, rendersBegun: this.#rendersBegun });
    }
  }

  /** Says that a subject is there again, or still. Nothing happens when it was not retired. */
  revive(dimension: Dimension, id: number): void {
    this.#retired.get(dimension)?.delete(id);
  }

  /** How many subjects are retired and not yet removed. */
  get retiring(): number {
    return [...this.#retired.values()].reduce((count, retired) => count + retired.size, 0);
  }

  /** Another number after each render that was completed. */
  get lastCompleted(): number {
    return this.#lastCompleted;
  }

  /** Call before the first row is read for a render; returns what {@link renderEnded} wants. Renders may overlap. */
  renderBegan(): number {
    this.#rendersRunning++;
    this.#epoch++;
    return ++this.#rendersBegun;
  }

  /** Call once for each {@link renderBegan}; `completed` says whether every row was read. */
  renderEnded(render: number, completed: boolean): void {
    this.#rendersRunning--;
    if (completed) {
      this.#lastCompleted = Math.max(this.#lastCompleted, render);
    }
  }

  /**
   * Removes the rows of every subject whose time is over from all tables, and releases its id, which a later label tuple may
   * get: whoever remembers ids by something else forgets this one in `onReleased`. Does nothing while a render runs. Ends when
   * `limit` subjects have gone; returns how many that were.
   */
  sweep(now: number, onReleased?: (dimension: Dimension, id: number) => void, limit = Infinity): number {
    this.#epoch++;
    if (this.#rendersRunning > 0) {
      return 0;
    }
    let removed = 0;
    for (const [dimension, retired] of this.#retired) {
      const tables = [...this].filter((table) => table.subject === dimension);
      for (const [id, retirement] of retired) {
        if (now - retirement.at < this.#grace || retirement.rendersBegun >= this.#lastCompleted) {
          break;
        }
        if (removed === limit) {
          return removed;
        }
        for (const table of tables) {
          table.removeSubject(id);
        }
        retired.delete(id);
        dimension.release(id);
        onReleased?.(dimension, id);
        removed++;
      }
    }
    return removed;
  }

  #declare<T extends AnyTable>(table: T): T {
    if (this.#tables.has(table.name)) {
      throw new Error(`metric ${JSON.stringify(table.name)}: declared twice`);
    }
    this.#tables.set(table.name, table);
    return table;
  }
}
