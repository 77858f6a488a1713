/** Setting what programs read anew each time they run, before and while they are attached. */
import { isDeepStrictEqual } from "node:util";
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

/** Sets a variable that an object need not have. */
function setIfThere(object: BpfObject, name: string, value: number): void {
  if (object.variables(name).includes(name)) {
    object.setVariable(name, value);
  }
}

let changesMade = 0;

/** Tells programs that keep what they have found in sets, behind each change of these: what they have begun to find before may hold no more. */
function countChange(object: BpfObject): void {
  setIfThere(object, "set_changes", ++changesMade);
}

/** Tells programs that count together, and nothing before, that the last of them is attached. */
export function tellAttached(object: BpfObject): void {
  setIfThere(object, "all_attached", 1);
}

/** A change that has been prepared: either committed, and perhaps reverted later, or cancelled. */
export interface Change {
  /** Applies it. When that throws, everything is as it was, but for what {@link cancel} takes back. */
  commit(): void;
  /** Takes back what was prepared. */
  cancel(): void;
  /** Takes back what was committed. */
  revert(): void;
}

/**
 * Prepares to bring the variables and sets of a loaded object from one setup to another. Keys are added now and removed by the commit,
 * so that what belongs to a set before and after is in it all the time. Throws, having changed nothing, when the new and the old keys together exceed the
 * capacity of a set.
 */
export function prepareSetup(object: BpfObject, from: Setup, to: Setup): Change {
  const changes = Object.keys({ ...from.sets, ...to.sets }).map((name): SetChange => {
    const [earlier = [], keys = []] = [from.sets?.[name], to.sets?.[name]];
    const map = object.map(name);
    const odd = keys.find(({ byteLength }) => byteLength !== map.info.keySize);
    if (odd !== undefined) {
      throw new Error(`set ${name}: a key of ${odd.byteLength} bytes: expected ${map.info.keySize}`);
    }
    return { map, added: without(keys, earlier), removed: without(earlier, keys) };
  });
  const cancel = (): void => {
    for (const { map, added } of changes) {
      deleteKeys(map, added);
    }
    countChange(object);
  };
  try {
    changes.forEach(addKeys);
  } catch (error) {
    cancel();
    throw error;
  }
  return {
    commit() {
      try {
        setVariables(object, to);
      } catch (error) {
        setVariables(object, from);
        throw error;
      }
      for (const { map, removed } of changes) {
        deleteKeys(map, removed);
      }
      countChange(object);
    },
    cancel,
    revert() {
      prepareSetup(object, to, from).commit();
    },
  };
}

function setVariables(object: BpfObject, { variables = {} }: Setup): void {
  for (const [name, value] of Object.entries(variables)) {
    object.setVariable(name, value);
  }
}

/** Does only what programs read at each run differ, so that attached programs can follow? */
export function canFollow(from: Setup, to: Setup): boolean {
  const fixed = ({ constants = {}, sizes = {}, without = [], ringSize }: Setup) => ({
    constants,
    sizes,
    without,
    ringSize,
  });
  return isDeepStrictEqual(fixed(from), fixed(to));
}
