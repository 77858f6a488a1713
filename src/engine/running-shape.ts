/** Is what a signal returns what its interface says? Users' own come from JavaScript, where no compiler has said so. */
import type { EventRecord, Running, Setup, SignalStats } from "../sdk/signal.js";
import { checkViews } from "./signal-shape.js";

const calls = [
  "records",
  "attached",
  "collect",
  "maintain",
  "flush",
  "stats",
  "reconfigure",
  "atDepth",
  "close",
  "watchLinks",
] as const;

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** Throws for a promise, and does not let it reject unseen. */
function refusePromise(what: string, value: unknown): void {
  if (value instanceof Promise) {
    value.catch(() => undefined);
    throw new Error(`${what} returns a promise: it must have done its work when it returns`);
  }
}

/** What `start` has returned, checked. */
export function checkRunning(value: unknown): Running<EventRecord> {
  refusePromise("it", value);
  if (!isObject(value)) {
    throw new Error(`it returns ${String(value)}: want an object with what runs, such as { records, collect }`);
  }
  const wrong = calls.find((call) => value[call] !== undefined && typeof value[call] !== "function");
  if (wrong !== undefined) {
    throw new Error(`${wrong}: want a function`);
  }
  if (value.maintainMayWait !== undefined && typeof value.maintainMayWait !== "boolean") {
    throw new Error("maintainMayWait: want true or false");
  }
  if (value.views !== undefined) {
    checkViews(value.views);
  }
  return value;
}

function isCount(value: unknown): boolean {
  return value === undefined || (typeof value === "number" && Number.isFinite(value) && value >= 0);
}

function isFill(value: unknown): boolean {
  return Array.isArray(value) && typeof value[0] === "string" && value[1] !== undefined && isCount(value[1]);
}

/** What `stats` has returned, checked. */
export function checkStats(value: unknown): SignalStats {
  if (value === undefined || value === null) {
    return {};
  }
  if (!isObject(value) || !isCount(value.collected) || !isCount(value.memoryAtLimit)) {
    throw new Error("stats: want { collected, memoryAtLimit, mapEntries }, the first two numbers of at least 0");
  }
  const { mapEntries = [] } = value;
  if (!Array.isArray(mapEntries) || !mapEntries.every(isFill)) {
    throw new Error("stats: mapEntries: want a list of [map, entries]");
  }
  return value;
}

/** What `depths` has returned, checked. */
export function checkDepths(value: unknown): readonly string[] {
  if (!Array.isArray(value) || !value.every((depth) => typeof depth === "string" && /^[a-z][a-z0-9_]*$/.test(depth))) {
    throw new Error(`it returns ${JSON.stringify(value)}: want a list of words, the deepest first`);
  }
  if (new Set(value).size < value.length) {
    throw new Error(`it returns ${JSON.stringify(value)}: a word is there twice`);
  }
  return value as string[];
}

function isTable(value: unknown): boolean {
  return value === undefined || (isObject(value) && !Array.isArray(value));
}

function isBytes(value: unknown): boolean {
  return value instanceof Uint8Array;
}

/** What `setup` has returned, checked as far as the loader does not. */
export function checkSetup(value: unknown): Setup {
  refusePromise("it", value);
  if (!isObject(value)) {
    throw new Error(`it returns ${String(value)}: want an object such as { constants, variables, sets }`);
  }
  for (const key of ["constants", "variables", "sets", "sizes"]) {
    if (!isTable(value[key])) {
      throw new Error(`${key}: want a table by name`);
    }
  }
  for (const [map, keys] of Object.entries((value.sets ?? {}) as Record<string, unknown>)) {
    if (!Array.isArray(keys) || !keys.every(isBytes)) {
      throw new Error(`sets: ${map}: want a list of keys, each a Uint8Array`);
    }
  }
  const { without = [], ringSize } = value;
  if (!Array.isArray(without) || !without.every((name) => typeof name === "string")) {
    throw new Error("without: want a list of programs and maps");
  }
  const isPower = typeof ringSize === "number" && Number.isInteger(Math.log2(ringSize)) && ringSize >= 4096;
  if (ringSize !== undefined && ringSize !== 0 && !(isPower && ringSize <= 2 ** 30)) {
    throw new Error(`ringSize: ${JSON.stringify(ringSize)}: want a power of two from 4096 bytes to 1 GiB, or 0`);
  }
  return value;
}
