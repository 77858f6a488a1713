/** Makes room for new series: what others have counted moves to overflow series. */
import type { AnyTable } from "./any-table.js";
import type { LabelSets } from "./label-sets.js";
import type { SeriesBudget } from "./series-budget.js";

/** The dimension whose kept label set is idle longest, if any has one. */
function longestIdle(dimensions: readonly LabelSets[]): LabelSets | undefined {
  const oldest = Math.min(...dimensions.map(({ idleSince }) => idleSince));
  return dimensions.find(({ idleSince }) => idleSince === oldest && idleSince < Infinity);
}

/**
 * Moves the rows of label sets of one dimension that no process uses from a table to its overflow series, until `excess` rows have gone:
 * first of ended processes that a render has shown, then of those that are idle longest. Returns how many rows went.
 */
export function makeRoom(table: AnyTable, sets: LabelSets, excess: number, lastCompleted: number): number {
  let folded = 0;
  for (const candidates of [sets.shown(lastCompleted), sets.idle(), sets.recent()]) {
    for (const id of candidates) {
      if (folded >= excess) {
        return folded;
      }
      folded += table.foldSubject(id);
      sets.deleteIfEmpty(id);
    }
  }
  return folded;
}

/** Moves all rows of a label set to overflow series; if it is kept, deletes it. Returns the rows and label sets that went. */
function fold(sets: LabelSets, id: number, tables: readonly AnyTable[]): number {
  let folded = 0;
  for (const table of tables) {
    folded += table.subject === sets.dimension ? table.foldSubject(id, true) : 0;
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
 * Deletes label sets that are idle longest until no more than `most` are kept; their rows move to overflow series. Stops after `limit`
 * rows and label sets, or a few more; returns how many went.
 */
export function keepAtMost(
  most: number,
  dimensions: readonly LabelSets[],
  tables: Iterable<AnyTable>,
  limit: number,
): number {
  const all = [...tables];
  let kept = dimensions.reduce((count, sets) => count + sets.kept, 0);
  let folded = 0;
  if (kept <= most) {
    return 0;
  }
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
 * Where much of the budget is used, moves the rows of label sets that no process uses to overflow series until less is: first of ended
 * processes that a render has shown, then of those that are idle longest. Stops after `limit` rows and label sets, or a few more;
 * returns how many went.
 */
export function shrink(
  budget: SeriesBudget,
  dimensions: readonly LabelSets[],
  tables: Iterable<AnyTable>,
  lastCompleted: number,
  limit: number,
): number {
  if (!budget.isHigh) {
    return 0;
  }
  const all = [...tables];
  let folded = 0;
  for (const candidates of [
    withSets(dimensions, (sets) => sets.shown(lastCompleted)),
    allIdle(dimensions),
    withSets(dimensions, (sets) => sets.recent()),
  ]) {
    for (const [sets, id] of candidates) {
      if (budget.isLow || folded >= limit) {
        return folded;
      }
      folded += fold(sets, id, all);
    }
  }
  return folded;
}
