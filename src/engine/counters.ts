/** Counters that BPF programs keep in maps, opened for a signal. */
import type { BpfObject } from "../binding/native.js";
import type { CounterOptions, Counters } from "../sdk/counters.js";
import { CountDifferences } from "./count-differences.js";
import { countsOfHash, countsOfLines } from "./count-source.js";

/** Opens the counters of a map: see {@link CounterOptions}. Throws when the object has no such map. */
export function openCounters(object: BpfObject, map: string, options: CounterOptions = {}): Counters {
  const { keys, telling, owner, outlivesOwner = false } = options;
  const source =
    keys === undefined ? countsOfHash(object.map(map)) : countsOfLines(object.map(map), object.map(keys), telling);
  return new CountDifferences(source, owner, { outlivesOwner });
}
