/** How many active actors share each label set. */
import type { Catalog } from "../metrics/catalog.js";
import type { Dimension } from "../metrics/dimension.js";

/**
 * Counts the active actors of each label set of a dimension, those of a label set that processes share among them. A label set without any
 * ends: see {@link Retention.end}.
 */
export class LabelUsers {
  readonly #dimension: Dimension;
  readonly #catalog: Catalog;
  readonly #now: () => number;
  /** By id. */
  readonly #users: number[] = [];

  /** `now` is the clock of ends, in milliseconds. */
  constructor(dimension: Dimension, catalog: Catalog, now: () => number) {
    this.#dimension = dimension;
    this.#catalog = catalog;
    this.#now = now;
  }

  /** An active actor uses this label set from now on: its series stay. */
  add(id: number): void {
    for (const each of this.#withShared(id)) {
      this.#users[each] = (this.#users[each] ?? 0) + 1;
      this.#catalog.retention.begin(this.#dimension, each);
    }
  }

  /** An active actor uses it no more. */
  remove(id: number): void {
    for (const each of this.#withShared(id)) {
      this.#users[each] = (this.#users[each] ?? 0) - 1;
    }
  }

  /** Ends it, counted from now, unless an active actor uses it. */
  end(id: number): void {
    for (const each of this.#withShared(id)) {
      if ((this.#users[each] ?? 0) === 0) {
        this.#catalog.retention.begin(this.#dimension, each);
        this.#catalog.retention.end(this.#dimension, each, this.#now());
      }
    }
  }

  /** A label set, and the one that it shares with others. */
  #withShared(id: number): number[] {
    const shared = this.#catalog.sharedSets(this.#dimension)?.of(id) ?? id;
    return shared === id ? [id] : [id, shared];
  }
}
