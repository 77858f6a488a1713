/** A mapping of the web configuration file: no key but the known ones, and each refusal with its line and key. */
import { suggestion } from "../../config/suggest.js";
import { isYamlMapping, parseYaml, type Refuse, type YamlMapping } from "../../config/yaml.js";

/** A mapping. A key that is not set, or set to nothing, reads as empty. */
export interface Section {
  /** Is the key there, be it with an empty value? */
  has(key: string): boolean;
  /** Strings, numbers and booleans as they are written; "" when unset. */
  text(key: string): string;
  /** The items of a list, or a single value; empty when unset or "". */
  texts(key: string): readonly string[];
  boolean(key: string, fallback: boolean): boolean;
  /** A mapping within; without `known`, any keys may be there. */
  section(key: string, known?: readonly string[]): Section;
  /** All keys with their text, for a mapping whose keys are the user's own. */
  entries(): ReadonlyMap<string, string>;
  /** Refuses the file because of a key, or because the key is missing: throws. */
  fail(key: string, problem: string): never;
}

/** Booleans of YAML 1.1, which is what Go's exporters read. */
const booleans: ReadonlyMap<string, boolean> = new Map([
  ...["true", "yes", "on"].map((word) => [word, true] as const),
  ...["false", "no", "off"].map((word) => [word, false] as const),
]);

const nothing: YamlMapping = new Map();

/** A mapping that begins in `line`; `path` is its key, dotted, and empty for the whole file. */
function open(mapping: YamlMapping, path: string, line: number, refuse: Refuse, known?: readonly string[]): Section {
  const pathOf = (key: string): string => (path === "" ? key : `${path}.${key}`);
  for (const [key, entry] of mapping) {
    if (known !== undefined && !known.includes(key)) {
      const hint = suggestion(key, known) || `; known are ${known.join(", ")}`;
      refuse(entry.line, `unknown key ${JSON.stringify(pathOf(key))}${hint}`);
    }
  }

  const lineOf = (key: string): number => mapping.get(key)?.line ?? line;
  const fail = (key: string, problem: string): never => refuse(lineOf(key), `${pathOf(key)}: ${problem}`);
  const text = (key: string): string => {
    const value = mapping.get(key)?.value ?? "";
    return typeof value === "string" ? value : fail(key, "expected one value");
  };

  return {
    has: (key) => mapping.has(key),
    text,
    texts(key) {
      const value = mapping.get(key)?.value ?? "";
      if (isYamlMapping(value)) {
        return fail(key, "expected a list of values");
      }
      return typeof value === "string" ? (value === "" ? [] : [value]) : value;
    },
    boolean(key, fallback) {
      const word = text(key);
      return word === ""
        ? fallback
        : (booleans.get(word.toLowerCase()) ?? fail(key, `${JSON.stringify(word)}: expected true or false`));
    },
    section(key, keys) {
      const value = mapping.get(key)?.value ?? nothing;
      return isYamlMapping(value)
        ? open(value, pathOf(key), lineOf(key), refuse, keys)
        : fail(key, "expected keys with values");
    },
    entries: () => new Map(Array.from(mapping.keys(), (key) => [key, text(key)])),
    fail,
  };
}

/** Reads a file that is a mapping, or empty. `known` are its keys. */
export function parseSection(text: string, known: readonly string[], refuse: Refuse): Section {
  return open(parseYaml(text, refuse), "", 1, refuse, known);
}
