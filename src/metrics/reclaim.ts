/** Makes room for new series: what others have counted moves to overflow series. */
import type { AnyTable } from "./any-table.js";
import type { LabelSets } from "./label-sets.js";
import type { SeriesBudget } from "./series-budget.js";

/** The dimension whose kept label set is idle longest, if any has one. */
function longestIdle(dimensions: readonly LabelSets[]): LabelSets | undefined {
  const oldest = Math.min(...dimensions.map(({ idleSince }) => idleSince));
  return dimensions.find(({ idleSince }) => idleSince === oldest && idleSince < Infinity);
}

/** Moves all rows of a label set to overflow series; if it is kept, deletes it. Returns the rows and label sets that went. */
function fold(sets: LabelSets, id: number, tables: readonly AnyTable[], isShown = false): number {
  let folded = 0;
  for (const table of tables) {
    folded += table.subject === sets.dimension ? table.foldSubject(id, { isShown, forBudget: true }) : 0;
  }
  return folded + sets.deleteIfEmpty(id);
}

/** The kept label sets of all dimensions, the one that is idle longest first. Each has to be deleted before the next is asked for. */
function* allIdle(dimensions: readonly LabelSets[]): Generator<[LabelSets, number]> {
  for (let sets = longestIdle(dimensions); sets !== undefined; sets = longestIdle(dimensions)) {
    const [id] = sets.idle();
    if (id === undefined) {
      return;
    }
    yield [sets, id];
  }
}

function* withSets(
  dimensions: readonly LabelSets[],
  list: (sets: LabelSets) => Iterable<number>,
): Generator<[LabelSets, number]> {
  for (const sets of dimensions) {
    for (const id of list(sets)) {
      yield [sets, id];
    }
  }
}

/**
 * Moves series that no process uses to overflow series. What has begun goes on, call by call, until enough room has been made: each call
 * stops after `limit` rows and label sets, or a few more, and returns how many went.
 */
export class Reclaim {
  readonly #budget: SeriesBudget;
  /** Tables in which room is being made. */
  readonly #crowded = new WeakSet<AnyTable>();
  /** Is room being made in the budget? */
  #isShrinking = false;

  constructor(budget: SeriesBudget) {
    this.#budget = budget;
  }

  /**
   * In a table near its limit, moves the rows of label sets that no process uses: first of ended processes that a render has shown, then
   * of those that are idle longest.
   */
  makeRoom(table: AnyTable, sets: LabelSets, lastCompleted: number, limit: number): number {
    if (table.isCrowded) {
      this.#crowded.add(table);
    }
    if (!this.#crowded.has(table)) {
      return 0;
    }
    const { excess } = table;
    const rows = Math.min(excess, limit);
    let folded = 0;
    for (const [isShown, candidates] of [
      [true, sets.shown(lastCompleted)],
      [false, sets.idle()],
      [false, sets.recent()],
    ] as const) {
      for (const id of candidates) {
        if (folded >= rows) {
          break;
        }
        folded += table.foldSubject(id, { isShown });
        sets.deleteIfEmpty(id);
      }
    }
    if (folded >= excess || folded < rows) {
      this.#crowded.delete(table);
    }
    return folded;
  }

  /** Deletes label sets that are idle longest until no more than `most` are kept. */
  keepAtMost(most: number, dimensions: readonly LabelSets[], tables: Iterable<AnyTable>, limit: number): number {
    let kept = dimensions.reduce((count, sets) => count + sets.kept, 0);
    if (kept <= most) {
      return 0;
    }
    const all = [...tables];
    let folded = 0;
    for (const [sets, id] of allIdle(dimensions)) {
      folded += fold(sets, id, all);
      kept--;
      if (kept <= most || folded >= limit) {
        break;
      }
    }
    return folded;
  }

  /**
   * Where much of the budget is used, moves the rows of label sets that no process uses until less is: first of ended processes that a
   * render has shown, then of those that are idle longest.
   */
  shrink(dimensions: readonly LabelSets[], tables: Iterable<AnyTable>, lastCompleted: number, limit: number): number {
    const budget = this.#budget;
    this.#isShrinking = budget.isHigh || (this.#isShrinking && !budget.isLow);
    if (!this.#isShrinking) {
      return 0;
    }
    const all = [...tables];
    let folded = 0;
    for (const [isShown, candidates] of [
      [true, withSets(dimensions, (sets) => sets.shown(lastCompleted))],
      [false, allIdle(dimensions)],
      [false, withSets(dimensions, (sets) => sets.recent())],
    ] as const) {
      for (const [sets, id] of candidates) {
        if (budget.isLow || folded >= limit) {
          return folded;
        }
        folded += fold(sets, id, all, isShown);
      }
    }
    // There is no more that could go.
    this.#isShrinking = false;
    return folded;
  }
}
