/** A YAML file read strictly: no key but the known ones, and each refusal with its line. */
import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, type Pair, parseDocument } from "yaml";

/** A mapping. A key that is not set, or set to nothing, reads as empty. */
export interface Section {
  /** Is there a value, be it an empty one? */
  has(key: string): boolean;
  /** Strings, numbers and booleans as they are written; "" when unset. */
  text(key: string): string;
  texts(key: string): readonly string[];
  boolean(key: string, fallback: boolean): boolean;
  /** A mapping within; without `known`, any keys may be there. */
  section(key: string, known?: readonly string[]): Section;
  /** All keys with their text, for a mapping whose keys are the user's own. */
  entries(): ReadonlyMap<string, string>;
  /** Refuses the file because of a key, or of what the key has: throws. */
  fail(key: string, problem: string): never;
}

/** Says why a file is refused, and where. */
export type Refuse = (line: number, problem: string) => never;

/** Booleans of YAML 1.1, which is what Go's exporters read. */
const booleans: ReadonlyMap<string, boolean> = new Map([
  ...["true", "yes", "on"].map((word) => [word, true] as const),
  ...["false", "no", "off"].map((word) => [word, false] as const),
]);

/** Reads a document that is a mapping, or empty. `known` are its keys. */
export function parseSection(text: string, known: readonly string[], refuse: Refuse): Section {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const lineOf = (node: unknown): number => lines.linePos(isNode(node) ? (node.range?.[0] ?? 0) : 0).line;
  const [syntaxError] = document.errors;
  if (syntaxError !== undefined) {
    return refuse(lines.linePos(syntaxError.pos[0]).line, syntaxError.message);
  }
  const resolve = (node: unknown): unknown => (isAlias(node) ? node.resolve(document) : node);

  function textOf(node: unknown): string | undefined {
    if (!isScalar(node)) {
      return undefined;
    }
    if (node.value === null) {
      return "";
    }
    return typeof node.value === "string" ? node.value : (node.source ?? JSON.stringify(node.value));
  }

  function open(node: unknown, name: string, keys: readonly string[] | undefined): Section {
    const pairs = new Map<string, Pair>();
    const place = name === "" ? "" : ` in ${name}`;
    if (isMap(node)) {
      for (const pair of node.items) {
        const key = textOf(pair.key) ?? refuse(lineOf(pair.key), `expected a key of plain text${place}`);
        if (keys !== undefined && !keys.includes(key)) {
          refuse(lineOf(pair.key), `unknown key ${JSON.stringify(key)}${place}; known are ${keys.join(", ")}`);
        }
        pairs.set(key, pair);
      }
    } else if (node !== null && textOf(node) !== "") {
      refuse(lineOf(node), `expected keys with values${place}`);
    }

    const value = (key: string): unknown => resolve(pairs.get(key)?.value);
    const fail = (key: string, problem: string): never =>
      refuse(lineOf(pairs.get(key)?.key), `${[name, key].filter((part) => part !== "").join(".")}: ${problem}`);
    const text = (key: string): string =>
      pairs.has(key) ? (textOf(value(key)) ?? fail(key, "expected one value")) : "";

    return {
      has: (key) => pairs.has(key),
      text,
      texts(key) {
        const node = value(key);
        if (node === undefined || textOf(node) === "") {
          return [];
        }
        const items = isSeq(node) ? node.items : [node];
        return items.map((item) => textOf(resolve(item)) ?? fail(key, "expected a list of values"));
      },
      boolean(key, fallback) {
        const word = text(key);
        return word === ""
          ? fallback
          : (booleans.get(word.toLowerCase()) ?? fail(key, `${JSON.stringify(word)}: expected true or false`));
      },
      section: (key, keys) => open(value(key) ?? null, key, keys),
      entries: () => new Map(Array.from(pairs.keys(), (key) => [key, text(key)])),
      fail,
    };
  }
  return open(document.contents, "", known);
}
