/** Setting what programs read anew each time they run, before and while they are attached. */
import type { BpfMap, BpfObject } from "../binding/native.js";
import type { Setup } from "../sdk/signal.js";

/** The keys of one set. */
interface SetChange {
  readonly map: BpfMap;
  readonly added: readonly Uint8Array[];
  readonly removed: readonly Uint8Array[];
}

/** Those of `keys` that are not among `others`. */
function without(keys: readonly Uint8Array[], others: readonly Uint8Array[]): Uint8Array[] {
  const known = new Set(others.map((key) => key.toString()));
  return keys.filter((key) => !known.has(key.toString()));
}

function addKeys({ map, added }: SetChange): void {
  const value = new Uint8Array(map.info.valueSize);
  for (const key of added) {
    map.set(key, value);
  }
}

function deleteKeys(map: BpfMap, keys: readonly Uint8Array[]): void {
  map.deleteKeys(Buffer.concat(keys), keys.length);
}

/**
 * Brings the variables and sets of a loaded object from one setup to another. Keys are added first and deleted last, so that what
 * belongs to a set before and after is in it all the time. Throws when a set has no room for its new keys beside the old ones,
 * having changed nothing.
 */
export function changeSetup(object: BpfObject, from: Setup, to: Setup): void {
  const changes = Object.keys({ ...from.sets, ...to.sets }).map((name): SetChange => {
    const [earlier = [], keys = []] = [from.sets?.[name], to.sets?.[name]];
    return { map: object.map(name), added: without(keys, earlier), removed: without(earlier, keys) };
  });
  try {
    changes.forEach(addKeys);
  } catch (error) {
    for (const { map, added } of changes) {
      deleteKeys(map, added);
    }
    throw error;
  }
  for (const [name, value] of Object.entries(to.variables ?? {})) {
    object.setVariable(name, value);
  }
  for (const { map, removed } of changes) {
    deleteKeys(map, removed);
  }
}
