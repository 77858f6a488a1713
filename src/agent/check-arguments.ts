/** What callers without TypeScript give: each thing that cannot be is refused by its name, with what is wanted. */
import { suggestion } from "../config/suggest.js";
import type { TailFilter } from "../views/tail.js";

type TypeName = "array" | "boolean" | "function" | "number" | "object" | "string";

function typeOf(value: unknown): string {
  return Array.isArray(value) ? "array" : value === null ? "null" : typeof value;
}

/** Throws a TypeError for a value of another type. */
export function checkType(what: string, value: unknown, type: TypeName): void {
  if (typeOf(value) !== type) {
    throw new TypeError(`${what}: want a value of type ${type}, not ${typeOf(value)}`);
  }
}

/** Throws a RangeError for a word that is not among the known ones. */
export function checkWords(what: string, words: readonly string[], known: readonly string[]): void {
  for (const word of words) {
    if (!known.includes(word)) {
      throw new RangeError(
        `unknown ${what} ${JSON.stringify(word)}: want ${known.join(", ")}${suggestion(word, known)}`,
      );
    }
  }
}

/** Throws for an object that has other properties than these, or one of another type; each may be undefined. */
export function checkProperties<T extends object>(
  what: string,
  object: T,
  types: Readonly<Record<keyof T & string, TypeName>>,
): void {
  checkWords(what, Object.keys(object), Object.keys(types));
  for (const [name, type] of Object.entries<TypeName>(types)) {
    const value = object[name as keyof T];
    if (value !== undefined) {
      checkType(`${what} ${name}`, value, type);
    }
  }
}

const filterTypes = { signals: "array", except: "array", pid: "number", comm: "string", failures: "boolean" } as const;

/** Throws for a filter that can match nothing by mistake: `running` are the names of the signals that run. */
export function checkFilter(filter: TailFilter, running: readonly string[]): void {
  checkType("filter", filter, "object");
  checkProperties("filter", filter, filterTypes);
  checkWords("signal in the filter", [...(filter.signals ?? []), ...(filter.except ?? [])], running);
}

/** Throws a RangeError for a number that counts nothing. */
export function checkCount(what: string, count: number): void {
  if (!(Number.isSafeInteger(count) && count >= 1)) {
    throw new RangeError(`${what} ${String(count)}: want a whole number of at least 1`);
  }
}
