/** What definitions may have: callers may be JavaScript, and what nothing is done with is a mistake. */
import { suggestion } from "../config/suggest.js";
import { quote } from "../log/logger-text.js";
import { isTable } from "./kernel.js";
import { described } from "./values.js";

export function refuse(problem: string): never {
  throw new TypeError(problem);
}

/** The members of an object, by where it stands in the definition; undefined where their names are the caller's. */
type Members = Readonly<Record<string, readonly string[] | undefined>>;

/** Of what is done with events. */
export const partMembers: Members = {
  "": ["name", "summary", "where", "owner", "count", "histogram", "gauge", "record", "sample", "limit"],
  count: ["name", "help", "by", "sum"],
  "count: by": undefined,
  "count: sum": undefined,
  histogram: ["of", "unit", "name", "help", "by", "firstPower", "lastPower", "linear"],
  "histogram: by": undefined,
  "histogram: linear": ["first", "step", "count"],
  gauge: ["last", "add", "name", "help", "by"],
  "gauge: by": undefined,
  record: undefined,
};

/** Of a mark. */
export const markMembers: Members = { "": ["where", "key", "keep", "owner"], keep: undefined };

/** What stands somewhere in a definition. */
function memberAt(of: unknown, where: string): unknown {
  const path = where.split(": ").filter((name) => name !== "");
  return path.reduce<unknown>((value, name) => (isTable(value) ? value[name] : undefined), of);
}

/** Throws where a definition has what it may not have, or something else than an object where one is expected. */
export function checkMembers(definition: object, members: Members): void {
  for (const [where, known] of Object.entries(members)) {
    const of = memberAt(definition, where);
    const before = where === "" ? "" : `${where}: `;
    if (of === undefined) {
      continue;
    }
    if (!isTable(of)) {
      refuse(`${before}${described(of)}: expected an object, such as { … }`);
    }
    for (const name of known === undefined ? [] : Object.keys(of)) {
      if (known?.includes(name) === false) {
        refuse(`${before}${quote(name)} is not known${suggestion(name, known)}`);
      }
      if (where !== "" && ["name", "help"].includes(name) && typeof (of[name] ?? "") !== "string") {
        refuse(`${before}${name}: ${described(of[name])}: expected a string`);
      }
    }
  }
}
