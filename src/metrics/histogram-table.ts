/** Log2 histograms of durations. */
import { type ExemplarDefinition, Exemplars } from "./exemplars.js";
import { secondsPower } from "./log2.js";
import type { Column } from "./rows.js";
import { Table, type TableDefinition, type TableSettings } from "./table.js";

/**
 * A histogram and its buckets: 2^firstPower, 2^(firstPower + 1), … 2^lastPower seconds, then +Inf. These are bounds that native
 * histograms of Prometheus have.
 */
export interface HistogramDefinition extends TableDefinition {
  /** Default -22: 238 ns. At least -30: 0.93 ns. */
  readonly firstPower?: number;
  /** Default 6: 64 s. At most 22: 48 days. */
  readonly lastPower?: number;
  /**
   * Upper bounds of the finite buckets, seconds, ascending, instead of powers of two: a native histogram of Prometheus cannot show
   * these.
   */
  readonly bounds?: readonly number[];
  /** Without, no event is shown as an example. */
  readonly exemplar?: ExemplarDefinition;
}

const defaultFirst = -22;
const defaultLast = 6;

/** Lines of a label set beside those of the finite buckets: +Inf, the sum and the count. */
const otherLines = 3;

/** The finite buckets. Throws when they are none. */
function boundsOf(definition: HistogramDefinition): readonly number[] {
  const { name, bounds, firstPower = defaultFirst, lastPower = defaultLast } = definition;
  if (bounds !== undefined) {
    if (bounds.length === 0 || bounds.some((bound, index) => !(bound > (bounds[index - 1] ?? 0) && bound < Infinity))) {
      throw new RangeError(`metric ${name}: buckets ${bounds.join(", ")} s: want ascending numbers above 0`);
    }
    return bounds;
  }
  if (
    !Number.isInteger(firstPower) ||
    !Number.isInteger(lastPower) ||
    firstPower < -30 ||
    lastPower < firstPower ||
    lastPower > 22
  ) {
    throw new RangeError(`metric ${name}: buckets 2^${firstPower} … 2^${lastPower} s: want -30 ≤ first ≤ last ≤ 22`);
  }
  return Array.from({ length: lastPower - firstPower + 1 }, (_, index) => 2 ** (firstPower + index));
}

/** The slot of what is above 2^(power - 1) and at most 2^power. */
function slotOf(power: number, firstPower: number, slots: number): number {
  return power <= firstPower ? 0 : Math.min(power - firstPower, slots - 1);
}

/**
 * Durations of each (subject, detail), counted in buckets of powers of two, or of bounds that were given. Counted in nanoseconds,
 * exposed in seconds. Updating a row that exists allocates nothing.
 */
export class HistogramTable extends Table {
  readonly type = "histogram";
  /** Upper bounds of the finite buckets in seconds, ascending; one more bucket, +Inf, follows. */
  readonly bounds: readonly number[];
  /** Buckets in a row, +Inf among them. */
  readonly slots: number;
  /** Are the buckets those of a native histogram, powers of two? */
  readonly isNative: boolean;
  /** The first bucket of powers of two goes up to 2^firstPower seconds. */
  readonly firstPower: number;
  /** Events that stand for others; undefined for a table that shows none. */
  readonly exemplars: Exemplars | undefined;
  readonly #buckets: Column;
  readonly #sums = this.rows.addColumn(1);

  /** Throws when the powers are not whole numbers with -30 ≤ first ≤ last ≤ 22, or the bounds do not ascend from above 0. */
  constructor(definition: HistogramDefinition, settings: TableSettings) {
    const bounds = boundsOf(definition);
    super("histogram", definition, settings, bounds.length + otherLines);
    this.bounds = bounds;
    this.slots = bounds.length + 1;
    this.isNative = definition.bounds === undefined;
    this.firstPower = definition.firstPower ?? defaultFirst;
    this.#buckets = this.rows.addColumn(this.slots);
    this.exemplars =
      definition.exemplar === undefined ? undefined : new Exemplars(this.rows, definition.exemplar, this.clock);
  }

  /** Observations by row and bucket, not cumulative: row `r` starts at `r * slots`. Valid until the next insertion or removal. */
  get buckets(): Float64Array {
    return this.#buckets.data;
  }

  /** Sum of the observations by row, nanoseconds. Valid until the next insertion or removal. */
  get sums(): Float64Array {
    return this.#sums.data;
  }

  /** The bucket that a duration is counted in. */
  slotOf(nanoseconds: number): number {
    if (this.isNative) {
      return slotOf(secondsPower(nanoseconds), this.firstPower, this.slots);
    }
    let slot = 0;
    while (slot < this.bounds.length && nanoseconds > (this.bounds[slot] as number) * 1e9) {
      slot++;
    }
    return slot;
  }

  /** Counts one duration of 0 … 2^53 nanoseconds; a longer one goes to +Inf. */
  observe(subject: number, detail: number, nanoseconds: number): void {
    this.observeAt(this.row(subject, detail), nanoseconds);
  }

  /** The same for a row that {@link row} has given since the last removal. */
  observeAt(row: number, nanoseconds: number): void {
    (this.#buckets.data[row * this.slots + this.slotOf(nanoseconds)] as number) += 1;
    (this.#sums.data[row] as number) += nanoseconds;
  }

  /**
   * Adds what was counted elsewhere, such as in the kernel: `counts[k]` durations of which {@link secondsPower} is firstPower + k,
   * and their sum. Slots below the first bucket fall into it, those above the last into +Inf. `row` comes from {@link row} just before.
   * Returns how many durations that was. Throws for a table with bounds that were given.
   */
  addSlots(row: number, firstPower: number, counts: ArrayLike<number>, sumNanoseconds: number): number {
    if (!this.isNative) {
      throw new TypeError(`metric ${this.name}: its buckets are not powers of two`);
    }
    const buckets = this.#buckets.data;
    let total = 0;
    for (let slot = 0; slot < counts.length; slot++) {
      const count = counts[slot] as number;
      if (count !== 0) {
        (buckets[row * this.slots + slotOf(firstPower + slot, this.firstPower, this.slots)] as number) += count;
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
