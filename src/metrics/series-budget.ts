/** A limit over all metrics together: in series, and in bytes of the body that a scraper gets. */

/** The most that may be used, in two measures. */
export interface BudgetLimits {
  /** Series of all metrics, every bucket counted. */
  readonly series: number;
  /** Bytes of a body, not compressed, in the largest of the formats. */
  readonly bytes: number;
}

/** The body that this allows is one that every scraper takes: vmagent refuses what is larger than 16 MiB. */
export const defaultBudget: BudgetLimits = { series: 200_000, bytes: 10e6 };

/**
 * Shares of a limit: up to `full` new series are admitted, up to `overflow` overflow series; what is left is for one more of each metric, and
 * for metrics about the agent. From `high` on series that no process uses make room, down to `low`.
 */
const shares = { overflow: 0.98, full: 0.95, high: 0.85, low: 0.75 };

/** What neither is in a table nor depends on use: HELP and TYPE of every metric, and the metrics of the agent's own process. Bytes. */
const ownBytes = 65_536;

/** What all tables use of the limits. A table reports each of its rows. */
export class SeriesBudget {
  limits: BudgetLimits;
  #series = 0;
  #bytes = ownBytes;

  constructor(limits: BudgetLimits = { series: Infinity, bytes: Infinity }) {
    this.limits = limits;
  }

  /** Series of all tables. */
  get series(): number {
    return this.#series;
  }

  /** Bytes of a body, estimated so that no format has more. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Rows were added, or removed where the numbers are negative. */
  add(series: number, bytes: number): void {
    this.#series += series;
    this.#bytes += bytes;
  }

  /** Is there room for a further row? */
  admits(series: number, bytes: number): boolean {
    return !this.#exceeds(shares.full, series, bytes);
  }

  /** Is there room in the part of the limits that is for overflow series? */
  admitsOverflow(series: number, bytes: number): boolean {
    return !this.#exceeds(shares.overflow, series, bytes);
  }

  /** Has so much been used that series have to make room? */
  get isHigh(): boolean {
    return this.#exceeds(shares.high);
  }

  /** Has enough room been made? */
  get isLow(): boolean {
    return !this.#exceeds(shares.low);
  }

  /** Would more than this share be used with so much more? */
  #exceeds(share: number, series = 0, bytes = 0): boolean {
    return this.#series + series > share * this.limits.series || this.#bytes + bytes > share * this.limits.bytes;
  }
}
