/** What counters, gauges and histograms share: a definition, keyed rows, and the series limit. */
import { Dimension } from "./dimension.js";
import { checkLabelNames, checkMetricName, type MetricType } from "./names.js";
import type { RowBytes } from "./row-bytes.js";
import { KeyedRows } from "./rows.js";
import { SeriesBudget } from "./series-budget.js";

/** What a table is called and how its series are labelled. */
export interface TableDefinition {
  readonly name: string;
  /** One sentence for HELP; never empty. */
  readonly help: string;
  /** The labels that say who: pid and comm, a signal, a program. Subjects come and go. Default: no labels, and so one series. */
  readonly subject?: Dimension;
  /** The labels that say what: a result, a syscall. Their tuples stay for the life of the process. */
  readonly detail?: Dimension | undefined;
  /**
   * The label values come from a fixed list (signals, programs, maps), so the series limit does not apply. Only such a counter
   * may be {@link ValueTable.set}. Default: whether there is no subject.
   */
  readonly bounded?: boolean;
}

/** What the tables of a catalog have in common. */
export interface TableSettings {
  /** The most series. */
  readonly limit: number;
  /** What all tables share. Default: no limit. */
  readonly budget?: SeriesBudget;
  /** Milliseconds since 1970. Default Date.now. */
  readonly clock?: () => number;
  /** When all counts were 0, of those too that are kept outside of tables; milliseconds since 1970. Default: now. */
  readonly start?: number;
}

/** The subject of metrics without labels. */
const noLabels = new Dimension([]);

/** The longest time from an event to the insertion of its row, milliseconds: counts in the kernel are read each second. */
const maxDelayMs = 1000;

/**
 * A metric: one row for each (subject, detail) seen. Row numbers hold until the next removal and are for encoders and for the
 * duration of one update.
 *
 * With `most` rows present, or the budget of all metrics used up, what a further (subject, detail) reports goes to (`subject.other`,
 * detail), so totals stay exact. The rows of `subject.other` do not count towards the limit, and are never removed. When the budget does
 * not admit these either, they share (`subject.other`, `detail.other`).
 */
export abstract class Table {
  abstract readonly type: MetricType;
  readonly name: string;
  readonly help: string;
  readonly subject: Dimension;
  readonly detail: Dimension | undefined;
  /** What Prometheus counts as series: lines of a row on the page. */
  readonly seriesPerRow: number;
  protected readonly rows = new KeyedRows();
  readonly #created = this.rows.addColumn(1);
  /** Milliseconds since 1970. */
  protected readonly clock: () => number;
  readonly #isBounded: boolean;
  readonly #start: number;
  #otherRows = 0;
  #folded = 0;
  #evicted = 0;
  #most = Infinity;
  #bytes = 0;
  #budgetFolded = 0;
  readonly #budget: SeriesBudget;
  readonly #rowBytes: RowBytes;

  /** Throws when the definition is against the rules. */
  constructor(
    type: MetricType,
    definition: TableDefinition,
    settings: TableSettings,
    seriesPerRow: number,
    rowBytes: RowBytes,
  ) {
    checkMetricName(type, definition.name);
    if (definition.help === "") {
      throw new Error(`metric ${JSON.stringify(definition.name)}: no help text`);
    }
    const { subject = noLabels } = definition;
    const labels = [...subject.names, ...(definition.detail?.names ?? [])];
    checkLabelNames(labels);
    if (type === "histogram" && labels.includes("le")) {
      throw new Error(`metric ${JSON.stringify(definition.name)}: a histogram's own label is le`);
    }
    this.name = definition.name;
    this.help = definition.help;
    this.subject = subject;
    this.detail = definition.detail;
    this.seriesPerRow = seriesPerRow;
    this.#isBounded = definition.bounded ?? definition.subject === undefined;
    this.#rowBytes = rowBytes;
    this.#budget = settings.budget ?? new SeriesBudget();
    this.clock = settings.clock ?? Date.now;
    this.#start = settings.start ?? this.clock();
    this.limitSeries(settings.limit);
  }

  /** The most rows beside those of `subject.other`, at least 1; Infinity for a bounded table. */
  get most(): number {
    return this.#most;
  }

  /** Changes the most series, unless the table is bounded. Lowering it removes none: further ones go to the overflow series. */
  limitSeries(limit: number): void {
    if (!this.#isBounded) {
      this.#most = Math.max(1, Math.floor(limit / this.seriesPerRow));
    }
  }

  /** How many rows there are: label sets. */
  get size(): number {
    return this.rows.size;
  }

  /** Bytes that the rows take at the most, those of `subject.other` aside; 0 for a bounded table, whose rows are few. */
  get memoryAtLimit(): number {
    return this.most === Infinity ? 0 : this.rows.memoryOf(this.most);
  }

  /** How many updates went to a row of `subject.other` because the limit was reached. */
  get folded(): number {
    return this.#folded;
  }

  /** How much of {@link folded} and {@link evicted} there was because the budget of all metrics was used up. */
  get budgetFolded(): number {
    return this.#budgetFolded;
  }

  /** It is no longer in a catalog: what its rows use of the budget is free. Call it once; the table is not to be used any more. */
  leave(): void {
    this.#budget.add(-this.size * this.seriesPerRow, -this.#bytes);
  }

  /** How many series were moved to those of `subject.other` because others needed their places. */
  get evicted(): number {
    return this.#evicted;
  }

  /**
   * Since when each row counts, by row, whole milliseconds since 1970: a moment at which it was 0 for sure. Valid until the next
   * insertion or removal.
   */
  get created(): Float64Array {
    return this.#created.data;
  }

  subjectAt(row: number): number {
    return this.rows.subjectAt(row);
  }

  /** The detail id of a row; 0 in a table without details. */
  detailAt(row: number): number {
    return this.rows.detailAt(row);
  }

  /** The row for an update of (subject, detail), made if need be; at the limit, the row of (`subject.other`, detail). */
  row(subject: number, detail = 0): number {
    const row = this.rows.find(subject, detail);
    return row >= 0 ? row : this.#newRow(subject, detail);
  }

  /** Removes every row of a subject, at a cost of its rows and no others; `subject.other` keeps its rows. Returns how many went. */
  removeSubject(subject: number): number {
    if (subject === this.subject.other) {
      return 0;
    }
    let bytes = 0;
    for (let row = this.rows.first(subject); row >= 0; row = this.rows.next(row)) {
      bytes += this.#bytesOf(subject, this.detailAt(row));
    }
    const removed = this.rows.removeSubject(subject);
    this.#use(-removed, -bytes);
    return removed;
  }

  /** Has a subject any rows? */
  hasRows(subject: number): boolean {
    return this.rows.first(subject) >= 0;
  }

  /**
   * Moves what a subject's rows have counted to the rows of `subject.other`, and removes them: sums over all rows stay as they were.
   * `forBudget`: to make room for other metrics, too. Returns how many went.
   */
  foldSubject(subject: number, forBudget = false): number {
    const { other } = this.subject;
    if (subject === other) {
      return 0;
    }
    if (this.type !== "gauge") {
      // What is inserted meanwhile moves no row.
      for (let row = this.rows.first(subject); row >= 0; row = this.rows.next(row)) {
        this.mergeRow(row, this.row(other, this.detailAt(row)));
      }
    }
    const folded = this.removeSubject(subject);
    this.#evicted += folded * this.seriesPerRow;
    this.#budgetFolded += forBudget ? folded * this.seriesPerRow : 0;
    return folded;
  }

  /** Is less than a tenth of the limit free? */
  get isCrowded(): boolean {
    return this.#counted > (this.#most < 10 ? this.#most - 1 : 0.9 * this.#most);
  }

  /** How many rows have to go so that a fifth of the limit is free. */
  get excess(): number {
    return Math.max(0, Math.ceil(this.#counted - (this.#most < 10 ? this.#most - 1 : 0.8 * this.#most)));
  }

  /** Rows that count towards the limit. */
  get #counted(): number {
    return this.rows.size - this.#otherRows;
  }

  /** Adds what a row has counted to another one. */
  protected abstract mergeRow(from: number, to: number): void;

  /** {@link row} for a number that is kept elsewhere, where it may have grown since the start and not only since the row is there. */
  protected rowSinceStart(subject: number, detail: number): number {
    const { size } = this.rows;
    const row = this.row(subject, detail);
    if (this.rows.size > size) {
      this.#created.data[row] = this.#start - maxDelayMs;
    }
    return row;
  }

  /** Bytes of a row in a body. */
  #bytesOf(subject: number, detail: number): number {
    const { fixed, lines } = this.#rowBytes;
    const labels = this.subject.textBytes(subject).length + (this.detail?.textBytes(detail).length ?? 0);
    return fixed + lines * labels;
  }

  #use(rows: number, bytes: number): void {
    this.#bytes += bytes;
    this.#budget.add(rows * this.seriesPerRow, bytes);
  }

  #newRow(subject: number, detail: number): number {
    const { other } = this.subject;
    const bytes = this.#bytesOf(subject, detail);
    if (subject === other) {
      const shared = this.detail?.other ?? detail;
      if (!this.#isBounded && detail !== shared && !this.#budget.admitsOverflow(this.seriesPerRow, bytes)) {
        return this.row(other, shared);
      }
      this.#otherRows++;
    } else if (this.#counted >= this.#most) {
      this.#folded++;
      return this.row(other, detail);
    } else if (!this.#isBounded && !this.#budget.admits(this.seriesPerRow, bytes)) {
      this.#folded++;
      this.#budgetFolded++;
      return this.row(other, detail);
    }
    this.#use(1, bytes);
    const row = this.rows.insert(subject, detail);
    this.#created.data[row] = this.clock() - maxDelayMs;
    return row;
  }
}
