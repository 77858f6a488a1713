/** Which label sets are of control groups that exist. */
import type { Catalog } from "../metrics/catalog.js";
import type { Dimension } from "../metrics/dimension.js";
import { isOfOneProcess } from "../metrics/shared-sets.js";
import { processLabels } from "./labels.js";

/** Labels that say nothing of where a process runs. */
const ownLabels: readonly string[] = processLabels;

function insertInto(sets: Map<number, Set<number>>, key: number, value: number): void {
  const set = sets.get(key);
  if (set === undefined) {
    sets.set(key, new Set([value]));
  } else {
    set.add(value);
  }
}

/** Removes a value, and the set when that was the last one. Returns whether it was. */
function deleteFrom(sets: Map<number, Set<number>>, key: number, value: number): boolean {
  const set = sets.get(key);
  set?.delete(value);
  return set?.size === 0 && sets.delete(key);
}

/**
 * The control groups of each label set that says where processes run. When the last one is removed, the catalog learns that the label
 * set's container has gone. Label sets that name no group are of none, and so never lose one.
 */
export class ContainerLabels {
  readonly #catalog: Catalog;
  readonly #subjects: Dimension;
  readonly #now: () => number;
  /** Ids of groups by subject, and the reverse. */
  readonly #groupsOf = new Map<number, Set<number>>();
  readonly #subjectsOf = new Map<number, Set<number>>();

  /** `now` is the clock of ends, in milliseconds. */
  constructor(catalog: Catalog, subjects: Dimension, now: () => number) {
    this.#catalog = catalog;
    this.#subjects = subjects;
    this.#now = now;
    subjects.onRelease((subject) => {
      this.#delete(subject);
    });
  }

  /** A process in this group has these labels; `exists`: the group has not been removed. */
  insert(subject: number, group: number, exists: boolean): void {
    if (
      subject === this.#subjects.other ||
      this.#groupsOf.get(subject)?.has(group) === true ||
      !this.#isOfGroup(subject)
    ) {
      return;
    }
    if (exists) {
      insertInto(this.#groupsOf, subject, group);
      insertInto(this.#subjectsOf, group, subject);
      this.#catalog.retention.containerExists(this.#subjects, subject);
    } else if (!this.#groupsOf.has(subject)) {
      this.#catalog.retention.containerGone(this.#subjects, subject, this.#now());
    }
  }

  /** A group was removed. */
  end(group: number): void {
    for (const subject of this.#subjectsOf.get(group) ?? []) {
      if (deleteFrom(this.#groupsOf, subject, group)) {
        this.#catalog.retention.containerGone(this.#subjects, subject, this.#now());
      }
    }
    this.#subjectsOf.delete(group);
  }

  #delete(subject: number): void {
    for (const group of this.#groupsOf.get(subject) ?? []) {
      deleteFrom(this.#subjectsOf, group, subject);
    }
    this.#groupsOf.delete(subject);
  }

  #isOfGroup(subject: number): boolean {
    const names = this.#subjects.namesOf(subject);
    const values = this.#subjects.values(subject);
    return (
      !isOfOneProcess(this.#subjects, subject) &&
      names.some((name, index) => values[index] !== "" && !ownLabels.includes(name))
    );
  }
}
