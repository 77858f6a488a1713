/** Who uses the labels of a dimension. */
import type { Catalog } from "../metrics/catalog.js";
import type { Dimension } from "../metrics/dimension.js";

/** How many live actors share each label set of a dimension. Those that none uses can be retired: see {@link Catalog.retire}. */
export class LabelUsers {
  readonly dimension: Dimension;
  readonly #catalog: Catalog;
  readonly #now: () => number;
  /** By id. */
  readonly #users: number[] = [];

  /** `now` is the clock of retirements, in milliseconds. */
  constructor(dimension: Dimension, catalog: Catalog, now: () => number) {
    this.dimension = dimension;
    this.#catalog = catalog;
    this.#now = now;
  }

  /** An actor has this label set, live or not. */
  know(id: number): void {
    this.#users[id] ??= 0;
  }

  /** A live actor uses it from now on: its series stay. */
  add(id: number): void {
    this.#users[id] = (this.#users[id] as number) + 1;
    this.#catalog.revive(this.dimension, id);
  }

  /** A live actor uses it no more. */
  remove(id: number): void {
    this.#users[id] = (this.#users[id] as number) - 1;
  }

  /** Is it that of a live actor? */
  has(id: number): boolean {
    return this.#users[id] !== 0;
  }

  /** Retires it, from now on, unless a live actor uses it. */
  retire(id: number): void {
    if (!this.has(id)) {
      this.#catalog.revive(this.dimension, id);
      this.#catalog.retire(this.dimension, id, this.#now());
    }
  }
}
