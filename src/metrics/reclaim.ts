/** Makes room for new series: what others have counted moves to overflow series. */
import type { AnyTable } from "./catalog.js";
import type { LabelSets } from "./label-sets.js";

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

/** Deletes label sets that are idle longest until no more than `most` are kept; their rows move to the overflow series. Returns the rows. */
export function keepAtMost(
  most: number,
  dimensions: readonly LabelSets[],
  tables: Iterable<AnyTable>,
  limit: number,
): number {
  const all = [...tables];
  let kept = dimensions.reduce((count, sets) => count + sets.kept, 0);
  let folded = 0;
  for (; kept > most && folded < limit; kept--) {
    const sets = longestIdle(dimensions);
    const [id] = sets?.idle() ?? [];
    if (sets === undefined || id === undefined) {
      break;
    }
    for (const table of all) {
      folded += table.subject === sets.dimension ? table.foldSubject(id) : 0;
    }
    folded += sets.delete(id);
  }
  return folded;
}
