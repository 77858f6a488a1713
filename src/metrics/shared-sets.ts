/** Label sets that several processes share, though they have a pid among their labels. */
import type { Dimension } from "./dimension.js";

/** The label that belongs to one process alone. */
const processLabel = "pid";

/** Its value in a label set that processes share. */
const sharedValue = "~ended";

/** Is a label set that of one process alone? Then it is never used again once that process has ended. One with an empty pid is of none. */
export function isOfOneProcess(dimension: Dimension, id: number): boolean {
  const place = dimension.namesOf(id).indexOf(processLabel);
  return place >= 0 && ![sharedValue, ""].includes(dimension.values(id)[place] ?? "");
}

/** Of each label set with a pid, the one that has `~ended` in place of it and else the same labels. */
export class SharedSets {
  readonly #dimension: Dimension;
  /** By the id of a process's label set. */
  readonly #shared: (number | undefined)[] = [];
  /** The label sets of processes that share one, by its id. */
  readonly #members = new Map<number, Set<number>>();

  constructor(dimension: Dimension) {
    this.#dimension = dimension;
    dimension.onRelease((id) => {
      this.#delete(id);
    });
  }

  /** The label set that a process's shares with others; of one that is not a single process's, itself. Throws for an unknown id. */
  of(id: number): number {
    return this.#shared[id] ?? this.#find(id);
  }

  #find(id: number): number {
    const dimension = this.#dimension;
    if (id === dimension.other || !isOfOneProcess(dimension, id)) {
      return id;
    }
    const names = dimension.namesOf(id);
    if (names !== dimension.names) {
      // Nothing can be interned under names of before.
      return dimension.other;
    }
    const values = dimension.values(id).map((value, index) => (names[index] === processLabel ? sharedValue : value));
    const shared = dimension.intern(...values);
    this.#shared[id] = shared;
    const members = this.#members.get(shared);
    if (members === undefined) {
      this.#members.set(shared, new Set([id]));
    } else {
      members.add(id);
    }
    return shared;
  }

  #delete(id: number): void {
    for (const member of this.#members.get(id) ?? []) {
      this.#shared[member] = undefined;
    }
    this.#members.delete(id);
    const shared = this.#shared[id];
    if (shared !== undefined) {
      this.#shared[id] = undefined;
      this.#members.get(shared)?.delete(id);
    }
  }
}
