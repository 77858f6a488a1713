/** What counters, gauges and histograms share: a definition, keyed rows, and which row an update goes to. */
import { Dimension } from "./dimension.js";
import { checkLabelNames, checkMetricName, type MetricType } from "./names.js";
import { type Counting, OwnSeries } from "./own-series.js";
import type { RowBytes } from "./row-bytes.js";
import { KeyedRows } from "./rows.js";
import { type QuotaSettings, SeriesQuota } from "./series-quota.js";
import type { SharedSets } from "./shared-sets.js";

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
export interface TableSettings extends QuotaSettings {
  /** Milliseconds since 1970. Default Date.now. */
  readonly clock?: () => number;
  /** A time at which nothing had been counted of what is inserted now: {@link Renders.zeroAt}. Default: now. */
  readonly zeroAt?: () => number;
  /** When all counts were 0, of those too that are kept outside of tables; milliseconds since 1970. Default: now. */
  readonly start?: number;
  /** The label sets that processes share which have no series of their own; undefined where each has. Default: each has. */
  readonly sharedSets?: (subject: Dimension) => SharedSets | undefined;
}

/** The subject of metrics without labels. */
const noLabels = new Dimension([]);

/** The agent's own counts may have begun so long before their tables, milliseconds. */
const startDelayMs = 1000;

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
  readonly #zeroAt: () => number;
  readonly #start: number;
  readonly #quota: SeriesQuota;
  readonly #rowBytes: RowBytes;
  readonly #own: OwnSeries | undefined;

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
    this.#quota = new SeriesQuota(seriesPerRow, definition.bounded ?? definition.subject === undefined, settings);
    this.#rowBytes = rowBytes;
    this.clock = settings.clock ?? Date.now;
    this.#zeroAt = settings.zeroAt ?? this.clock;
    this.#start = settings.start ?? this.clock();
    // A gauge shows what is there now, which a process that has ended has nothing of.
    const shared = type === "gauge" ? undefined : settings.sharedSets?.(subject);
    this.#own = shared && new OwnSeries(this.rows, shared);
  }

  /** The most rows beside those of `subject.other`, at least 1; Infinity for a bounded table. */
  get most(): number {
    return this.#quota.most;
  }

  /** Changes the most series, unless the table is bounded. Lowering it removes none: further ones go to the overflow series. */
  limitSeries(limit: number): void {
    this.#quota.limitSeries(limit);
  }

  /** How many rows there are: label sets. */
  get size(): number {
    return this.rows.size;
  }

  /** Bytes that the rows take at the most, those of `subject.other` aside; 0 for a bounded table, whose rows are few. */
  get memoryAtLimit(): number {
    return this.most === Infinity ? 0 : this.rows.memoryOf(this.most);
  }

  /** How many updates went to a row of `subject.other`, or to one that processes share, because the limit was reached. */
  get folded(): number {
    return this.#quota.folded;
  }

  /** How many series were moved to those of `subject.other` because others needed their places. */
  get evicted(): number {
    return this.#quota.evicted;
  }

  /** How much of {@link folded} and {@link evicted} there was because the budget of all metrics was used up. */
  get budgetFolded(): number {
    return this.#quota.budgetFolded;
  }

  /** It is no longer in a catalog: what its rows use of the budget is free. Call it once; the table is not to be used any more. */
  leave(): void {
    this.#quota.leave();
  }

  /** Is less than a tenth of the limit free? */
  get isCrowded(): boolean {
    return this.#quota.isCrowded;
  }

  /** How many rows have to go so that a fifth of the limit is free. */
  get excess(): number {
    return this.#quota.excess;
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

  /**
   * The row for an update of (subject, detail), made if need be. Where processes share series, the row that this one shares, until its
   * own counts: see {@link OwnSeries}. At the limit, the row of (`subject.other`, detail).
   */
  row(subject: number, detail = 0): number {
    const row = this.rows.find(subject, detail);
    return row >= 0 && (this.#own === undefined || this.#own.counts(row)) ? row : this.#otherRow(subject, detail, row);
  }

  /** Removes every row of a subject, at a cost of its rows and no others; `subject.other` keeps its rows. Returns how many went. */
  removeSubject(subject: number): number {
    if (subject === this.subject.other) {
      return 0;
    }
    this.stopWaiting(subject);
    let bytes = 0;
    for (let row = this.rows.first(subject); row >= 0; row = this.rows.next(row)) {
      bytes += this.#bytesOf(subject, this.detailAt(row));
    }
    const removed = this.rows.removeSubject(subject);
    this.#quota.remove(removed, bytes);
    return removed;
  }

  /** Has a subject any rows? */
  hasRows(subject: number): boolean {
    return this.rows.first(subject) >= 0;
  }

  /**
   * Moves what a subject's rows have counted to the rows of `subject.other`, and removes them: sums over all rows stay as they were. Where
   * processes share series, what was shown (`isShown`) is not moved, but ends, so that no `rate()` sees it twice. `forBudget`: to make
   * room for other metrics, too. Returns how many went.
   */
  foldSubject(subject: number, { isShown = false, forBudget = false } = {}): number {
    const { other } = this.subject;
    if (subject === other) {
      return 0;
    }
    if (this.type !== "gauge" && !(isShown && this.#own !== undefined)) {
      // What is inserted meanwhile moves no row.
      for (let row = this.rows.first(subject); row >= 0; row = this.rows.next(row)) {
        this.mergeRow(row, this.row(other, this.detailAt(row)));
      }
    }
    const folded = this.removeSubject(subject);
    this.#quota.evict(folded, forBudget);
    return folded;
  }

  /** Begins rows of their own for subjects that are alive, as {@link OwnSeries.begin} does. */
  beginOwn(render: number, limit: number, isAlive: (subject: number) => boolean): number {
    return this.#own?.begin(render, limit, isAlive, this.#insertOwn) ?? 0;
  }

  /** Lets rows count that were begun: see {@link OwnSeries.count}. */
  countOwn(counting: Counting): void {
    this.#own?.count(counting);
  }

  /** A subject has ended: it gets no rows of its own any more. */
  stopWaiting(subject: number): void {
    this.#own?.stopWaiting(subject);
  }

  /** Adds what a row has counted to another one. */
  protected abstract mergeRow(from: number, to: number): void;

  /** {@link row} for a number that is kept elsewhere, where it may have grown since the start and not only since the row is there. */
  protected rowSinceStart(subject: number, detail: number): number {
    const { size } = this.rows;
    const row = this.row(subject, detail);
    if (this.rows.size > size) {
      this.#created.data[row] = this.#start - startDelayMs;
    }
    return row;
  }

  /** A row counts from 0 again. */
  protected restart(row: number): void {
    this.#created.data[row] = this.#zeroAt();
  }

  /** Bytes of a row in a body. */
  #bytesOf(subject: number, detail: number): number {
    const { fixed, lines } = this.#rowBytes;
    const labels = this.subject.textBytes(subject).length + (this.detail?.textBytes(detail).length ?? 0);
    return fixed + lines * labels;
  }

  /** The row for an update that has none which counts. */
  #otherRow(subject: number, detail: number, begun: number): number {
    const own = this.#own;
    const shared = own?.shared.of(subject) ?? subject;
    if (shared === subject) {
      return this.#newRow(subject, detail);
    }
    if (begun < 0) {
      own?.wait(subject, detail, this.most);
    }
    return this.row(shared, detail);
  }

  #newRow(subject: number, detail: number): number {
    const { other } = this.subject;
    const bytes = this.#bytesOf(subject, detail);
    if (subject === other) {
      const shared = this.detail?.other ?? detail;
      return detail !== shared && !this.#quota.admitsOverflow(bytes)
        ? this.row(other, shared)
        : this.#insert(subject, detail, bytes);
    }
    return this.#quota.admits(bytes) ? this.#insert(subject, detail, bytes) : this.row(other, detail);
  }

  readonly #insertOwn = (subject: number, detail: number): number => {
    const bytes = this.#bytesOf(subject, detail);
    return this.#quota.admits(bytes) ? this.#insert(subject, detail, bytes) : -1;
  };

  #insert(subject: number, detail: number, bytes: number): number {
    this.#quota.insert(bytes, subject === this.subject.other);
    const row = this.rows.insert(subject, detail);
    this.restart(row);
    return row;
  }
}
