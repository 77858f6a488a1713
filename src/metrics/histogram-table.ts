/** Log2 histograms of durations. */
import { log2Ceil } from "./log2.js";
import type { Column } from "./rows.js";
import { Table, type TableDefinition, type TableSettings } from "./table.js";

/** A histogram and its buckets: 2^firstPower, 2^(firstPower + 1), … 2^lastPower nanoseconds, then +Inf. */
export interface HistogramDefinition extends TableDefinition {
  /** Default 8: 256 ns. */
  readonly firstPower?: number;
  /** Default 36: 68.7 s. At most 52, so that every bound is an exact decimal of at most 17 digits. */
  readonly lastPower?: number;
}

/** Lines of a label set: the finite buckets, +Inf, the sum and the count. */
function linesOf({ firstPower = 8, lastPower = 36 }: HistogramDefinition): number {
  return lastPower - firstPower + 4;
}

/** The slot of what is above 2^(power - 1) and at most 2^power. */
function slotOf(power: number, firstPower: number, slots: number): number {
  return power <= firstPower ? 0 : Math.min(power - firstPower, slots - 1);
}

/**
 * Durations of each (subject, detail), counted in buckets of powers of two. Counted in nanoseconds, exposed in seconds. Updating
 * a row that exists allocates nothing.
 */
export class HistogramTable extends Table {
  readonly type = "histogram";
  /** Upper bounds of the finite buckets in seconds, ascending; one more bucket, +Inf, follows. */
  readonly bounds: readonly number[];
  /** Buckets in a row, +Inf among them. */
  readonly slots: number;
  readonly #firstPower: number;
  readonly #buckets: Column;
  readonly #sums = this.rows.addColumn(1);

  /** Throws when the powers are not whole numbers with 0 ≤ first ≤ last ≤ 52. */
  constructor(definition: HistogramDefinition, settings: TableSettings) {
    super("histogram", definition, settings, linesOf(definition));
    const { firstPower = 8, lastPower = 36 } = definition;
    if (
      !Number.isInteger(firstPower) ||
      !Number.isInteger(lastPower) ||
      firstPower < 0 ||
      lastPower < firstPower ||
      lastPower > 52
    ) {
      throw new RangeError(
        `metric ${this.name}: buckets 2^${firstPower} … 2^${lastPower} ns: want 0 ≤ first ≤ last ≤ 52`,
      );
    }
    this.bounds = Array.from({ length: lastPower - firstPower + 1 }, (_, index) => 2 ** (firstPower + index) / 1e9);
    this.slots = this.bounds.length + 1;
    this.#firstPower = firstPower;
    this.#buckets = this.rows.addColumn(this.slots);
  }

  /** Observations by row and bucket, not cumulative: row `r` starts at `r * slots`. Valid until the next insertion or removal. */
  get buckets(): Float64Array {
    return this.#buckets.data;
  }

  /** Sum of the observations by row, nanoseconds. Valid until the next insertion or removal. */
  get sums(): Float64Array {
    return this.#sums.data;
  }

  /** Counts one duration of 0 … 2^53 nanoseconds; a longer one goes to +Inf. */
  observe(subject: number, detail: number, nanoseconds: number): void {
    this.observeAt(this.row(subject, detail), nanoseconds);
  }

  /** The same for a row that {@link row} has given since the last removal. */
  observeAt(row: number, nanoseconds: number): void {
    (this.#buckets.data[row * this.slots + slotOf(log2Ceil(nanoseconds), this.#firstPower, this.slots)] as number) += 1;
    (this.#sums.data[row] as number) += nanoseconds;
  }

  /**
   * Adds what was counted elsewhere, such as in the kernel: `counts[k]` durations of ceil(log2(ns)) = firstPower + k, and their
   * sum. Slots below the first bucket fall into it, those above the last into +Inf. `row` comes from {@link row} just before.
   * Returns how many durations that was.
   */
  addSlots(row: number, firstPower: number, counts: ArrayLike<number>, sumNanoseconds: number): number {
    const buckets = this.#buckets.data;
    let total = 0;
    for (let slot = 0; slot < counts.length; slot++) {
      const count = counts[slot] as number;
      if (count !== 0) {
        (buckets[row * this.slots + slotOf(firstPower + slot, this.#firstPower, this.slots)] as number) += count;
        total += count;
      }
    }
    (this.#sums.data[row] as number) += sumNanoseconds;
    return total;
  }

  /** How many durations all rows hold. */
  total(): number {
    return this.#buckets.data.reduce((sum, count) => sum + count, 0);
  }
}
