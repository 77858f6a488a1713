/** All tables of a process, and the expiry of label sets that are no longer used. */
import { Dimension } from "./dimension.js";
import { HistogramTable, type HistogramDefinition } from "./histogram-table.js";
import { LifeCycle } from "./life-cycle.js";
import type { TableSettings } from "./table.js";
import { type ValueDefinition, ValueTable } from "./value-table.js";

/** The most series of each metric unless another limit is given. */
export const defaultSeriesLimit = 100_000;

/** Any table of a catalog; `type` tells which. */
export type AnyTable = ValueTable | HistogramTable;

export interface CatalogOptions {
  /** The most series of each metric that is not bounded, counted as Prometheus does: every bucket is one. Default 100,000. */
  readonly seriesLimit?: number;
  /** How long the series of a label set stay at least after it has ended, milliseconds. Default 30,000. */
  readonly retentionMs?: number;
  /** Milliseconds since 1970, for the times since when series count. Default Date.now. */
  readonly clock?: () => number;
}

/** Declares metrics like a {@link Catalog}, and removes them. */
export interface CatalogScope extends Pick<Catalog, "counter" | "gauge" | "histogram"> {
  /** The tables that were declared through this scope and not removed. */
  readonly tables: readonly AnyTable[];
  /** For a scope that replaces another: puts its tables into the catalog, in place of the other's, and removes the other's. */
  publish(): void;
  /** Removes every metric that was declared through this scope. */
  close(): void;
}

/** The end of a label set. */
interface End {
  /** Milliseconds. */
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

/** Throws when a name is taken. */
function refuseTwin(taken: AnyTable | undefined): void {
  if (taken !== undefined) {
    throw new Error(`metric ${JSON.stringify(taken.name)}: declared twice`);
  }
}

/**
 * The tables in the order they were declared, each name once.
 *
 * The label sets of subjects have the states of a {@link LifeCycle}. The series of one that has ended stay until two things have
 * happened: a render that began after the end has completed, and the retention time has passed. The next {@link expire} then removes
 * them, unless the label set has begun again in between. All times are milliseconds of one clock that the caller chooses.
 */
export class Catalog {
  #seriesLimit: number;
  /** How long the series of a label set stay at least after it has ended, milliseconds. */
  readonly retentionMs: number;
  readonly #clock: () => number;
  readonly #start: number;
  readonly #tables = new Map<string, AnyTable>();
  /** By dimension, of ids. */
  readonly #lives = new Map<Dimension, LifeCycle<number, End>>();
  #rendersBegun = 0;
  #rendersRunning = 0;
  #epoch = 0;
  /** The number of the latest begun among the completed renders. */
  #lastCompleted = 0;

  constructor(options: CatalogOptions = {}) {
    const { seriesLimit = defaultSeriesLimit, retentionMs = 30_000, clock = Date.now } = options;
    this.#seriesLimit = checkedLimit(seriesLimit);
    this.retentionMs = retentionMs;
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
    return this.#declare(this.#newCounter(definition));
  }

  /** Declares a gauge. Throws like {@link counter}. */
  gauge(definition: ValueDefinition): ValueTable {
    return this.#declare(this.#newGauge(definition));
  }

  /** Declares a histogram: see {@link HistogramUnit}. Throws like {@link counter}. */
  histogram(definition: HistogramDefinition): HistogramTable {
    return this.#declare(this.#newHistogram(definition));
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

  readonly #newCounter = (definition: ValueDefinition) => new ValueTable("counter", definition, this.#settings);
  readonly #newGauge = (definition: ValueDefinition) => new ValueTable("gauge", definition, this.#settings);
  readonly #newHistogram = (definition: HistogramDefinition) => new HistogramTable(definition, this.#settings);

  /**
   * Declares metrics that can be removed together: those of one signal. A scope that replaces another may declare the names of that
   * one again; its tables are not in the catalog before {@link CatalogScope.publish}.
   */
  scope(replaced?: CatalogScope): CatalogScope {
    let tables: AnyTable[] = [];
    let isWaiting = replaced !== undefined;
    const declare = <T extends AnyTable>(table: T): T => {
      if (isWaiting) {
        const found = tables.find(({ name }) => name === table.name) ?? this.#tables.get(table.name);
        refuseTwin(found !== undefined && replaced?.tables.includes(found) === true ? undefined : found);
      } else {
        this.#declare(table);
      }
      tables.push(table);
      return table;
    };
    return {
      get tables() {
        return tables;
      },
      counter: (definition) => declare(this.#newCounter(definition)),
      gauge: (definition) => declare(this.#newGauge(definition)),
      histogram: (definition) => declare(this.#newHistogram(definition)),
      publish: () => {
        isWaiting = false;
        // A name that stays keeps its place: a render under way meets it once.
        for (const table of tables) {
          this.#tables.set(table.name, table);
        }
        replaced?.close();
      },
      close: () => {
        for (const table of tables) {
          if (this.#tables.get(table.name) === table) {
            this.#tables.delete(table.name);
          }
        }
        tables = [];
      },
    };
  }

  /** Bytes that all tables take at their limits; the text of labels is their dimensions'. */
  get memoryAtLimit(): number {
    return [...this].reduce((bytes, table) => bytes + table.memoryAtLimit, 0);
  }

  [Symbol.iterator](): Iterator<AnyTable> {
    return this.#tables.values();
  }

  /** Changes with each render that begins and each {@link expire}: a second end of a label set in one epoch makes no difference. */
  get epoch(): number {
    return this.#epoch;
  }

  /** A label set has ended. A second end changes nothing; `other` never ends. Throws for an unknown id. */
  end(dimension: Dimension, id: number, now: number): void {
    if (!dimension.has(id)) {
      throw new RangeError(`labels ${dimension.names.join(",")}: no tuple has the id ${id}`);
    }
    if (id === dimension.other) {
      return;
    }
    let life = this.#lives.get(dimension);
    if (life === undefined) {
      this.#lives.set(dimension, (life = new LifeCycle<number, End>()));
    }
    life.end(id, { at: now, rendersBegun: this.#rendersBegun });
  }

  /** A label set is active, again or still. */
  begin(dimension: Dimension, id: number): void {
    this.#lives.get(dimension)?.begin(id);
  }

  /** How many label sets have ended and not expired. */
  get ended(): number {
    return [...this.#lives.values()].reduce((count, { ended }) => count + ended, 0);
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
   * Lets label sets expire that are due: removes their rows from all tables and frees their ids, which later label tuples may get.
   * The caller must have no use for these ids any more. Does nothing while a render runs. Stops when `limit` rows and label sets have
   * been removed, or a few more; returns how many it were.
   */
  expire(now: number, limit = Infinity): number {
    this.#epoch++;
    if (this.#rendersRunning > 0) {
      return 0;
    }
    const isDue = ({ at, rendersBegun }: End): boolean =>
      now - at >= this.retentionMs && rendersBegun < this.#lastCompleted;
    let removed = 0;
    for (const [dimension, life] of this.#lives) {
      const tables = [...this].filter((table) => table.subject === dimension);
      removed += life.expire(limit - removed, isDue, (id) => {
        dimension.release(id);
        return tables.reduce((rows, table) => rows + table.removeSubject(id), 1);
      });
    }
    return removed;
  }

  #declare<T extends AnyTable>(table: T): T {
    refuseTwin(this.#tables.get(table.name));
    this.#tables.set(table.name, table);
    return table;
  }
}
