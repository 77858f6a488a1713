/** Log2 histograms of durations, sizes and numbers. */
import { type ExemplarDefinition, Exemplars } from "./exemplars.js";
import { log2Ceil, secondsPower } from "./log2.js";
import { histogramBytes } from "./row-bytes.js";
import type { Column } from "./rows.js";
import { Table, type TableDefinition, type TableSettings } from "./table.js";

/**
 * What a histogram observes. Durations are observed in nanoseconds and exposed in seconds; bytes and plain numbers are exposed as they
 * are observed.
 */
export type HistogramUnit = "seconds" | "bytes" | "number";

interface UnitRules {
  /** What the name must end in. */
  readonly suffix: string;
  /** Observed for each that is exposed. */
  readonly scale: number;
  /** Powers of two: the buckets' defaults, and their limits. */
  readonly defaults: readonly [first: number, last: number];
  readonly limits: readonly [first: number, last: number];
}

const units: Readonly<Record<HistogramUnit, UnitRules>> = {
  seconds: { suffix: "_seconds", scale: 1e9, defaults: [-22, 6], limits: [-30, 22] },
  bytes: { suffix: "_bytes", scale: 1, defaults: [0, 30], limits: [0, 53] },
  number: { suffix: "", scale: 1, defaults: [0, 30], limits: [0, 53] },
};

/**
 * A histogram and its buckets: 2^firstPower, 2^(firstPower + 1), … 2^lastPower of the unit, then +Inf. These are bounds that native
 * histograms of Prometheus have.
 */
export interface HistogramDefinition extends TableDefinition {
  /** Default seconds. With a unit that is given, the name must end in `_seconds` or `_bytes` as it says. */
  readonly unit?: HistogramUnit;
  /** Of seconds: default -22 (238 ns), at least -30 (0.93 ns). Of others: default 0, which is the least. */
  readonly firstPower?: number;
  /** Of seconds: default 6 (64 s), at most 22 (48 days). Of others: default 30, at most 53. */
  readonly lastPower?: number;
  /**
   * Upper bounds of the finite buckets in the unit, ascending, instead of powers of two: a native histogram of Prometheus cannot show
   * these.
   */
  readonly bounds?: readonly number[];
  /** Without, no event is shown as an example. */
  readonly exemplar?: ExemplarDefinition;
}

/** Lines of a label set beside those of the finite buckets: +Inf, the sum and the count. */
const otherLines = 3;

/** The finite buckets. Throws when they are none. */
function boundsOf(definition: HistogramDefinition): readonly number[] {
  const { name, unit = "seconds", bounds } = definition;
  const { suffix, defaults, limits } = units[unit];
  const { firstPower = defaults[0], lastPower = defaults[1] } = definition;
  if (definition.unit !== undefined && !name.endsWith(suffix)) {
    throw new Error(`metric ${JSON.stringify(name)}: the name of a histogram of ${unit} must end in ${suffix}`);
  }
  if (bounds !== undefined) {
    if (bounds.length === 0 || bounds.some((bound, index) => !(bound > (bounds[index - 1] ?? 0) && bound < Infinity))) {
      throw new RangeError(`metric ${name}: buckets ${bounds.join(", ")}: want ascending numbers above 0`);
    }
    return bounds;
  }
  if (
    !Number.isInteger(firstPower) ||
    !Number.isInteger(lastPower) ||
    firstPower < limits[0] ||
    lastPower < firstPower ||
    lastPower > limits[1]
  ) {
    throw new RangeError(
      `metric ${name}: buckets 2^${firstPower} … 2^${lastPower}: want ${limits[0]} ≤ first ≤ last ≤ ${limits[1]}`,
    );
  }
  return Array.from({ length: lastPower - firstPower + 1 }, (_, index) => 2 ** (firstPower + index));
}

/** The slot of what is above 2^(power - 1) and at most 2^power. */
function slotOf(power: number, firstPower: number, slots: number): number {
  return power <= firstPower ? 0 : Math.min(power - firstPower, slots - 1);
}

/**
 * Observations of each (subject, detail), counted in buckets of powers of two, or of bounds that were given: see
 * {@link HistogramUnit}. Updating a row that exists allocates nothing.
 */
export class HistogramTable extends Table {
  readonly type = "histogram";
  /** Upper bounds of the finite buckets in the exposed unit, ascending; one more bucket, +Inf, follows. */
  readonly bounds: readonly number[];
  /** Buckets in a row, +Inf among them. */
  readonly slots: number;
  /** Are the buckets those of a native histogram, powers of two? */
  readonly isNative: boolean;
  /** The first bucket of powers of two goes up to 2^firstPower of the exposed unit. */
  readonly firstPower: number;
  /** Events that stand for others; undefined for a table that shows none. */
  readonly exemplars: Exemplars | undefined;
  /** How much is observed for one of the exposed unit: 1e9 where nanoseconds are observed and seconds exposed, else 1. */
  readonly scale: number;
  readonly #isTime: boolean;
  readonly #buckets: Column;
  readonly #sums = this.rows.addColumn(1);

  /** Throws when the powers are no whole numbers of the unit's range, the bounds do not ascend from above 0, or the name has another unit. */
  constructor(definition: HistogramDefinition, settings: TableSettings) {
    const bounds = boundsOf(definition);
    const bytes = histogramBytes(definition.name, bounds, definition.exemplar !== undefined);
    super("histogram", definition, settings, bounds.length + otherLines, bytes);
    this.bounds = bounds;
    this.slots = bounds.length + 1;
    this.isNative = definition.bounds === undefined;
    const { unit = "seconds" } = definition;
    this.firstPower = definition.firstPower ?? units[unit].defaults[0];
    this.scale = units[unit].scale;
    this.#isTime = unit === "seconds";
    this.#buckets = this.rows.addColumn(this.slots);
    this.exemplars =
      definition.exemplar === undefined ? undefined : new Exemplars(this.rows, definition.exemplar, this.clock);
  }

  /** Observations by row and bucket, not cumulative: row `r` starts at `r * slots`. Valid until the next insertion or removal. */
  get buckets(): Float64Array {
    return this.#buckets.data;
  }

  /** Sum of the observations by row, as they were observed: divide by {@link scale}. Valid until the next insertion or removal. */
  get sums(): Float64Array {
    return this.#sums.data;
  }

  /** The bucket that an observation is counted in: of nanoseconds, bytes or a number, by the unit. */
  slotOf(observed: number): number {
    if (this.isNative) {
      const power = this.#isTime ? secondsPower(observed) : log2Ceil(observed);
      return slotOf(power, this.firstPower, this.slots);
    }
    let slot = 0;
    while (slot < this.bounds.length && observed > (this.bounds[slot] as number) * this.scale) {
      slot++;
    }
    return slot;
  }

  /** Counts one observation of 0 … 2^53 nanoseconds, bytes or what the number counts; a greater one goes to +Inf. */
  observe(subject: number, detail: number, observed: number): void {
    this.observeAt(this.row(subject, detail), observed);
  }

  /** The same for a row that {@link row} has given since the last removal. */
  observeAt(row: number, observed: number): void {
    (this.#buckets.data[row * this.slots + this.slotOf(observed)] as number) += 1;
    (this.#sums.data[row] as number) += observed;
  }

  /**
   * Adds what was counted elsewhere, such as in the kernel: `counts[k]` observations of which {@link secondsPower}, or
   * {@link log2Ceil} for other units, is firstPower + k, and their sum as they were observed. Slots below the first bucket fall into it,
   * those above the last into +Inf. `row` comes from {@link row} just before. Returns how many observations that was. Throws for a
   * table with bounds that were given.
   */
  addSlots(
    row: number,
    firstPower: number,
    counts: ArrayLike<number>,
    sum: number,
    from = 0,
    to = counts.length,
  ): number {
    if (!this.isNative) {
      throw new TypeError(`metric ${this.name}: its buckets are not powers of two`);
    }
    const buckets = this.#buckets.data;
    let total = 0;
    for (let at = from; at < to; at++) {
      const count = counts[at] as number;
      if (count !== 0) {
        (buckets[row * this.slots + slotOf(firstPower + at - from, this.firstPower, this.slots)] as number) += count;
        total += count;
      }
    }
    (this.#sums.data[row] as number) += sum;
    return total;
  }

  /** Adds what was counted elsewhere by the buckets of this table, +Inf among them, and their sum. Else as {@link addSlots}. */
  addBuckets(row: number, counts: ArrayLike<number>, sum: number): number {
    const buckets = this.#buckets.data;
    let total = 0;
    for (let slot = 0; slot < this.slots; slot++) {
      const count = counts[slot] as number;
      (buckets[row * this.slots + slot] as number) += count;
      total += count;
    }
    (this.#sums.data[row] as number) += sum;
    return total;
  }

  /** How many observations all rows hold. */
  total(): number {
    return this.#buckets.data.reduce((sum, count) => sum + count, 0);
  }

  protected override mergeRow(from: number, to: number): void {
    const buckets = this.#buckets.data;
    for (let slot = 0; slot < this.slots; slot++) {
      (buckets[to * this.slots + slot] as number) += buckets[from * this.slots + slot] as number;
    }
    (this.#sums.data[to] as number) += this.#sums.data[from] as number;
  }
}
