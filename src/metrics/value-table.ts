/** Counters and gauges. */
import { valueBytes } from "./row-bytes.js";
import { Table, type TableDefinition, type TableSettings } from "./table.js";

/** A counter or a gauge. */
export interface ValueDefinition extends TableDefinition {
  /** Brings up to date what is kept elsewhere; {@link Catalog.collect} calls it before the numbers are read. */
  readonly collect?: (table: ValueTable) => void;
  /** The same for a metric without labels: its number. */
  readonly read?: () => number;
}

/**
 * One number for each (subject, detail). Updating a row that exists allocates nothing.
 *
 * @example
 * const connects = new ValueTable("counter", { name: "connects_total", help: "Connects.", subject, detail }, { limit: 20_000 });
 * connects.add(subject.intern("1", "init"), detail.intern("refused"), 1);
 */
export class ValueTable extends Table {
  readonly type: "counter" | "gauge";
  readonly #values = this.rows.addColumn(1);
  readonly #collect: ((table: ValueTable) => void) | undefined;

  constructor(type: "counter" | "gauge", definition: ValueDefinition, settings: TableSettings) {
    super(type, definition, settings, 1, valueBytes(type, definition.name));
    const { collect, read } = definition;
    this.type = type;
    this.#collect = read === undefined ? collect : () => this.set(this.subject.other, 0, read());
  }

  /** Brings the numbers up to date, where the definition says how. */
  collect(): void {
    this.#collect?.(this);
  }

  /** The numbers by row, valid up to `size` and until the next insertion or removal. */
  get values(): Float64Array {
    return this.#values.data;
  }

  /** Adds `n`, which for a counter must not be negative. */
  add(subject: number, detail: number, n: number): void {
    this.addAt(this.row(subject, detail), n);
  }

  /**
   * Adds `n` to a row that {@link row} has given since the last removal. For hot paths: V8 always inlines what is so small, so that
   * `n`, unless it is a small integer, need not be boxed for a call.
   */
  addAt(row: number, n: number): void {
    (this.#values.data[row] as number) += n;
  }

  /**
   * Makes the number `n`. Beyond the limit, where many subjects share a row, `n` is added instead: a gauge that is zeroed and set
   * anew for each scrape keeps an exact total. A counter may be set when it is `bounded`, to mirror a count kept elsewhere;
   * otherwise this throws, because sharing a row would count the same events at each call: add the difference.
   */
  set(subject: number, detail: number, n: number): void {
    if (this.type === "counter" && this.most !== Infinity) {
      throw new TypeError(`metric ${this.name}: a counter with a series limit cannot be set; add the difference`);
    }
    const foldedBefore = this.folded;
    const row = this.rowSinceStart(subject, detail);
    const before = this.#values.data[row] as number;
    if (this.type === "counter" && n < before) {
      this.restart(row);
    }
    this.#values.data[row] = this.folded !== foldedBefore ? before + n : n;
  }

  /** Makes every number of a gauge 0 and keeps the rows. Throws for a counter, which never falls. */
  zero(): void {
    if (this.type === "counter") {
      throw new TypeError(`metric ${this.name}: a counter cannot be zeroed`);
    }
    this.#values.data.fill(0);
  }

  /** The number of (subject, detail); 0 where there is none. */
  value(subject: number, detail = 0): number {
    const row = this.rows.find(subject, detail);
    return row < 0 ? 0 : (this.#values.data[row] as number);
  }

  /** The sum over all rows. */
  total(): number {
    return this.#values.data.reduce((sum, value) => sum + value, 0);
  }

  protected override mergeRow(from: number, to: number): void {
    this.addAt(to, this.#values.data[from] as number);
  }
}
