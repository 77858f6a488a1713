/** All tables of a process. */
import type { AnyTable } from "./any-table.js";
import { Dimension } from "./dimension.js";
import { HistogramTable, type HistogramDefinition } from "./histogram-table.js";
import { Renders } from "./renders.js";
import { mostKept, Retention, type RetentionTimes } from "./retention.js";
import { type BudgetLimits, SeriesBudget } from "./series-budget.js";
import { SharedSets } from "./shared-sets.js";
import type { TableSettings } from "./table.js";
import { type ValueDefinition, ValueTable } from "./value-table.js";

/** The most series of each metric unless another limit is given. */
export const defaultSeriesLimit = 100_000;

/**
 * Bytes of a kept label set: by what resident memory has grown by when as many were kept (test/cli/run/memory-budget.test.ts).
 */
const keptBytes = 1_536;

export interface CatalogOptions extends RetentionTimes {
  /** The most series of each metric that is not bounded, counted as Prometheus does: every bucket is one. Default 100,000. */
  readonly seriesLimit?: number;
  /** The most that all metrics use together. Default: no limit. */
  readonly budget?: BudgetLimits;
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

/** The tables in the order they were declared, each name once. */
export class Catalog {
  #seriesLimit: number;
  /** What all tables use together. */
  readonly budget: SeriesBudget;
  /** Which renders of the tables there have been. */
  readonly renders: Renders;
  /** When the series of label sets may go. */
  readonly retention: Retention;
  readonly #clock: () => number;
  readonly #start: number;
  readonly #tables = new Map<string, AnyTable>();
  readonly #sharedSets = new Map<Dimension, SharedSets>();

  constructor(options: CatalogOptions = {}) {
    const { seriesLimit = defaultSeriesLimit, clock = Date.now } = options;
    this.budget = new SeriesBudget(options.budget);
    this.renders = new Renders(clock);
    this.retention = new Retention(this, this.renders, this.budget, options);
    this.#seriesLimit = checkedLimit(seriesLimit);
    this.#clock = clock;
    this.#start = clock();
  }

  /** What new tables get. */
  get #settings(): TableSettings {
    return {
      limit: this.#seriesLimit,
      budget: this.budget,
      clock: this.#clock,
      zeroAt: () => this.renders.zeroAt,
      start: this.#start,
      sharedSets: this.sharedSets,
    };
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

  /** Has processes share series until they have been shown alive, in all tables of this subject: call it before these are declared. */
  sharePids(subject: Dimension): void {
    this.#sharedSets.set(subject, new SharedSets(subject));
  }

  /** The label sets of a subject that processes share; undefined where each process has its own from the beginning. */
  readonly sharedSets = (subject: Dimension): SharedSets | undefined => this.#sharedSets.get(subject);

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

  /**
   * Brings the numbers up to date that are kept elsewhere, and begins series of their own for processes that are alive: call it before
   * tables are read, after what fills the others.
   */
  collect(): void {
    this.retention.beginOwn();
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

  #declare<T extends AnyTable>(table: T): T {
    refuseTwin(this.#tables.get(table.name));
    this.#tables.set(table.name, table);
    return table;
  }
}
