/** How many series a table may have, and what becomes of its limit. */
import { SeriesBudget } from "./series-budget.js";

/** What decides on the series of a table. */
export interface QuotaSettings {
  /** The most series. */
  readonly limit: number;
  /** What all tables share. Default: no limit. */
  readonly budget?: SeriesBudget;
}

/**
 * The part of the series limit and of the budget that one table uses. The rows of overflow series do not count towards the limit. A
 * table that is bounded has neither limit.
 */
export class SeriesQuota {
  readonly #seriesPerRow: number;
  readonly #isBounded: boolean;
  readonly #budget: SeriesBudget;
  #most = Infinity;
  #rows = 0;
  #overflowRows = 0;
  #bytes = 0;
  #folded = 0;
  #evicted = 0;
  #budgetFolded = 0;

  constructor(seriesPerRow: number, isBounded: boolean, { limit, budget = new SeriesBudget() }: QuotaSettings) {
    this.#seriesPerRow = seriesPerRow;
    this.#isBounded = isBounded;
    this.#budget = budget;
    this.limitSeries(limit);
  }

  /** The most rows beside those of overflow series, at least 1; Infinity for a bounded table. */
  get most(): number {
    return this.#most;
  }

  /** Updates that found no place. */
  get folded(): number {
    return this.#folded;
  }

  /** Series that others needed the places of. */
  get evicted(): number {
    return this.#evicted;
  }

  /** How much of {@link folded} and {@link evicted} there was because the budget of all metrics was used up. */
  get budgetFolded(): number {
    return this.#budgetFolded;
  }

  /** Changes the most series, unless the table is bounded. */
  limitSeries(limit: number): void {
    if (!this.#isBounded) {
      this.#most = Math.max(1, Math.floor(limit / this.#seriesPerRow));
    }
  }

  /** Is there a place for a row of so many bytes? Counts when there is none. */
  admits(bytes: number): boolean {
    if (this.#counted >= this.#most) {
      this.#folded++;
      return false;
    }
    if (this.#isBounded || this.#budget.admits(this.#seriesPerRow, bytes)) {
      return true;
    }
    this.#folded++;
    this.#budgetFolded++;
    return false;
  }

  /** Is there a place for an overflow row? */
  admitsOverflow(bytes: number): boolean {
    return this.#isBounded || this.#budget.admitsOverflow(this.#seriesPerRow, bytes);
  }

  /** A row of so many bytes was inserted. */
  insert(bytes: number, isOverflow: boolean): void {
    this.#overflowRows += isOverflow ? 1 : 0;
    this.#use(1, bytes);
  }

  /** Rows were removed, none of them of an overflow series. */
  remove(rows: number, bytes: number): void {
    this.#use(-rows, -bytes);
  }

  /** Rows were removed because others need their places; `forBudget`: those of other metrics, too. */
  evict(rows: number, forBudget: boolean): void {
    const series = rows * this.#seriesPerRow;
    this.#evicted += series;
    this.#budgetFolded += forBudget ? series : 0;
  }

  /** The table is no longer in a catalog: what it uses is free. Call it once. */
  leave(): void {
    this.#use(-this.#rows, -this.#bytes);
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
    return this.#rows - this.#overflowRows;
  }

  #use(rows: number, bytes: number): void {
    this.#rows += rows;
    this.#bytes += bytes;
    this.#budget.add(rows * this.#seriesPerRow, bytes);
  }
}
