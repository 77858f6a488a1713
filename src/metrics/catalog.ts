/** All tables of a process, and the expiry of label sets that are no longer used. */
import type { AnyTable } from "./any-table.js";
import { Dimension } from "./dimension.js";
import { HistogramTable, type HistogramDefinition } from "./histogram-table.js";
import { type End, LabelSets } from "./label-sets.js";
import { keepAtMost, makeRoom, shrink } from "./reclaim.js";
import { type BudgetLimits, SeriesBudget } from "./series-budget.js";
import type { TableSettings } from "./table.js";
import { type ValueDefinition, ValueTable } from "./value-table.js";

/** The most series of each metric unless another limit is given. */
export const defaultSeriesLimit = 100_000;

/** How long series stay after their container has gone unless another time is given, milliseconds: a day. */
export const defaultSeriesRetentionMs = 24 * 3_600_000;

/** The most label sets that are kept while no process uses them. */
export const mostKept = 32_768;

/**
 * Bytes of a kept label set: by what resident memory has grown by when as many were kept (test/cli/run/memory-budget.test.ts).
 */
const keptBytes = 1_536;

export interface CatalogOptions {
  /** The most series of each metric that is not bounded, counted as Prometheus does: every bucket is one. Default 100,000. */
  readonly seriesLimit?: number;
  /** The most that all metrics use together. Default: no limit. */
  readonly budget?: BudgetLimits;
  /** How long the series of a label set stay at least after it has ended, milliseconds. Default 30,000. */
  readonly retentionMs?: number;
  /** How long the series of a label set without a pid stay after its container has gone, milliseconds. Default: a day. */
  readonly seriesRetentionMs?: number;
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
 * The label sets of subjects have the states of a {@link LabelSets}. The end of one is due when two things have happened: a render that
 * began after the end has completed, and the retention time has passed. The next {@link expire} then removes the series of what has a
 * pid, unless the label set has begun again in between; others are kept until their places are needed. All times are milliseconds of
 * one clock that the caller chooses.
 */
export class Catalog {
  #seriesLimit: number;
  /** What all tables use together. */
  readonly budget: SeriesBudget;
  /** How long the series of a label set stay at least after it has ended, milliseconds. */
  readonly retentionMs: number;
  /** How long the series of a label set without a pid stay after its container has gone, milliseconds. */
  seriesRetentionMs: number;
  readonly #clock: () => number;
  readonly #start: number;
  readonly #tables = new Map<string, AnyTable>();
  readonly #labelSets = new Map<Dimension, LabelSets>();
  #rendersBegun = 0;
  #rendersRunning = 0;
  #epoch = 0;
  /** The number of the latest begun among the completed renders. */
  #lastCompleted = 0;

  constructor(options: CatalogOptions = {}) {
    const { seriesLimit = defaultSeriesLimit, retentionMs = 30_000, clock = Date.now } = options;
    const { seriesRetentionMs = defaultSeriesRetentionMs } = options;
    this.budget = new SeriesBudget(options.budget);
    this.#seriesLimit = checkedLimit(seriesLimit);
    this.retentionMs = retentionMs;
    this.seriesRetentionMs = seriesRetentionMs;
    this.#clock = clock;
    this.#start = clock();
  }

  /** What new tables get. */
  get #settings(): TableSettings {
    return { limit: this.#seriesLimit, budget: this.budget, clock: this.#clock, start: this.#start };
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
          table.leave();
        }
        tables = [];
      },
    };
  }

  /** Bytes that all tables take at their limits; the text of labels is their dimensions'. */
  get memoryAtLimit(): number {
    return [...this].reduce((bytes, table) => bytes + table.memoryAtLimit, 0);
  }

  /** Bytes that label sets take which are kept while no process uses them, at the most. */
  readonly keptMemoryAtLimit = mostKept * keptBytes;

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
    this.#labelSetsOf(dimension).end(id, this.#endAt(now));
  }

  /** A label set is active, again or still. */
  begin(dimension: Dimension, id: number): void {
    this.#labelSets.get(dimension)?.begin(id);
  }

  /** The container that a label set is of has gone: its series stay for {@link seriesRetentionMs}, unless it is deleted earlier. */
  containerGone(dimension: Dimension, id: number, now: number): void {
    this.#labelSetsOf(dimension).containerGone(id, now);
  }

  /** The container of a label set exists, again or still. */
  containerExists(dimension: Dimension, id: number): void {
    this.#labelSets.get(dimension)?.containerExists(id);
  }

  /** The names of a dimension have changed: the label sets that no process uses are kept no longer. */
  renamed(dimension: Dimension, now: number): void {
    this.#labelSets.get(dimension)?.renamed(this.#endAt(now));
  }

  /** How many label sets have ended and not expired, those that are kept not among them. */
  get ended(): number {
    return [...this.#labelSets.values()].reduce((count, { ended }) => count + ended, 0);
  }

  /** How many label sets are kept while no process uses them. */
  get kept(): number {
    return [...this.#labelSets.values()].reduce((count, { kept }) => count + kept, 0);
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
   * Lets label sets expire that are due: removes their rows from all tables and frees their ids, which later label tuples may get. Where
   * series are near their limit, those that no process uses move to overflow series. The caller must have no use for these ids any more.
   * Does nothing while a render runs. Stops when `limit` rows and label sets have been removed, or a few more; returns how many it were.
   */
  expire(now: number, limit = Infinity): number {
    this.#epoch++;
    if (this.#rendersRunning > 0) {
      return 0;
    }
    const isDue = ({ at, rendersBegun }: End): boolean =>
      now - at >= this.retentionMs && rendersBegun < this.#lastCompleted;
    const due = { isDue, now, seriesRetentionMs: this.seriesRetentionMs };
    const all = [...this.#labelSets.values()];
    let removed = 0;
    for (const sets of all) {
      removed += sets.expire(due, limit - removed);
    }
    for (const table of this) {
      const sets = this.#labelSets.get(table.subject);
      const excess = Math.min(table.excess, limit - removed);
      removed += sets === undefined || excess <= 0 ? 0 : makeRoom(table, sets, excess, this.#lastCompleted);
    }
    removed += keepAtMost(mostKept, all, this, limit - removed);
    return removed + shrink(this.budget, all, this, this.#lastCompleted, limit - removed);
  }

  #endAt(now: number): End {
    return { at: now, rendersBegun: this.#rendersBegun };
  }

  #labelSetsOf(dimension: Dimension): LabelSets {
    const present = this.#labelSets.get(dimension);
    if (present !== undefined) {
      return present;
    }
    let epoch = -1;
    let found: AnyTable[] = [];
    /** Those of the dimension, found once in each expiry. */
    const tables = (): AnyTable[] => {
      if (epoch !== this.#epoch) {
        found = [...this].filter((table) => table.subject === dimension);
        epoch = this.#epoch;
      }
      return found;
    };
    const made = new LabelSets(dimension, {
      hasRows: (id) => tables().some((table) => table.hasRows(id)),
      removeRows: (id) => tables().reduce((rows, table) => rows + table.removeSubject(id), 0),
    });
    this.#labelSets.set(dimension, made);
    return made;
  }

  #declare<T extends AnyTable>(table: T): T {
    refuseTwin(this.#tables.get(table.name));
    this.#tables.set(table.name, table);
    return table;
  }
}
