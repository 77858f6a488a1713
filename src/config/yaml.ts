/** The YAML of configuration files, read strictly: each refusal says the line. */
import { createRequire } from "node:module";
import type * as Yaml from "yaml";
import type { Document, LineCounter, YAMLMap } from "yaml";

/** What a key is set to: a text, a list of texts, or keys of its own; undefined when nothing follows the key. */
export type YamlValue = string | readonly string[] | YamlMapping | undefined;

/** A key's value, and the line of the key, from 1. */
export interface YamlEntry {
  readonly line: number;
  readonly value: YamlValue;
}

/** A mapping by its keys, in their order. */
export type YamlMapping = ReadonlyMap<string, YamlEntry>;

/** Refuses the file for a problem in a line; throws. */
export type Refuse = (line: number, problem: string) => never;

export interface YamlOptions {
  /** A mapping that the file could have, for the refusal of one that is none. */
  readonly example?: string;
}

/** Loaded for the first file: most agents have none. */
let loaded: typeof Yaml | undefined;
const yaml = (): typeof Yaml => (loaded ??= createRequire(import.meta.url)("yaml") as typeof Yaml);

/** Whether a value is keys of its own. */
export function isYamlMapping(value: YamlValue): value is YamlMapping {
  return value instanceof Map;
}

/** The deepest nesting of lists and mappings. The composer recurses, and a stack that overflows within V8 ends the process. */
const depthLimit = 16;

/** The lexer's mark before the text of a scalar. */
const scalarMark = "\u001f";

/**
 * Whether lists and mappings are nested too deeply to be parsed, by indentation, brackets and the `-` and `?` of one line: in one pass,
 * since the parser takes quadratic time for what is nested.
 */
function isTooDeep(text: string): boolean {
  const indents: number[] = [];
  let [indent, brackets, marks] = [0, 0, 0];
  let isLineStart = true;
  let isScalar = false;
  const { Lexer } = yaml();
  for (const lexeme of new Lexer().lex(text)) {
    if (isScalar) {
      isScalar = false;
    } else if (/^\r?\n$/.test(lexeme)) {
      [indent, marks, isLineStart] = [0, 0, true];
    } else if (/^[ \t]+$/.test(lexeme)) {
      indent = isLineStart ? lexeme.length : indent;
    } else if (!lexeme.startsWith("#")) {
      if (isLineStart && brackets === 0) {
        while ((indents.at(-1) ?? -1) >= indent) {
          indents.pop();
        }
        indents.push(indent);
      }
      isLineStart = false;
      isScalar = lexeme === scalarMark;
      brackets += lexeme === "[" || lexeme === "{" ? 1 : lexeme === "]" || lexeme === "}" ? -1 : 0;
      marks += brackets === 0 && (lexeme === "-" || lexeme === "?") ? 1 : 0;
    }
    if (indents.length + brackets + marks > depthLimit) {
      return true;
    }
  }
  return false;
}

/** The text of a string, number or boolean, as it was written: `010` stays `010`. */
function scalarText(node: unknown): string | undefined {
  if (!yaml().isScalar(node) || node.value === null) {
    return undefined;
  }
  return typeof node.value === "string" ? node.value : (node.source ?? JSON.stringify(node.value));
}

function compose(text: string, lines: LineCounter, refuse: Refuse): Document.Parsed {
  if (isTooDeep(text)) {
    refuse(1, `lists and keys are nested more than ${depthLimit} deep`);
  }
  // Keys that occur twice are for the reader: `1` and "1" are the same to it.
  const document = yaml().parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined) {
    const { code, message } = problem;
    refuse(
      lines.linePos(problem.pos[0]).line,
      code === "MULTIPLE_DOCS" ? "expected one document, not several separated by ---" : message,
    );
  }
  return document;
}

/**
 * Reads a document that is a mapping, or empty. Strings, numbers and booleans are texts as they are written; anything but these, lists
 * of them, aliases of any of these and mappings is refused, and so are keys that occur twice, unknown tags and directives, and documents after the first.
 */
export function parseYaml(text: string, refuse: Refuse, { example }: YamlOptions = {}): YamlMapping {
  const { isAlias, isMap, isNode, isScalar, isSeq, LineCounter } = yaml();
  const lines = new LineCounter();
  const document = compose(text, lines, refuse);
  const lineOf = (node: unknown): number => lines.linePos(isNode(node) ? (node.range?.[0] ?? 0) : 0).line;
  const anchors = new Map<string, unknown>();

  /** What an alias stands for: never keys, which could hold themselves, or multiply. */
  function resolve(node: unknown): unknown {
    if (isAlias(node)) {
      const target = anchors.get(node.source);
      return isMap(target) ? undefined : target;
    }
    if (isNode(node) && node.anchor !== undefined) {
      anchors.set(node.anchor, node);
    }
    return node;
  }

  function readValue(given: unknown, key: string, line: number): YamlValue {
    const node = resolve(given);
    if (isMap(node)) {
      return readMapping(node, `${key}.`);
    }
    if (isScalar(node) && node.value === null) {
      return undefined;
    }
    const read = (item: unknown): string =>
      scalarText(resolve(item)) ?? refuse(line, `${key}: expected a value or a list of values`);
    return isSeq(node) ? node.items.map(read) : read(node);
  }

  function readMapping(map: YAMLMap, prefix: string): YamlMapping {
    const entries = new Map<string, YamlEntry>();
    for (const { key: keyNode, value } of map.items) {
      const line = lineOf(keyNode);
      const key = scalarText(keyNode) ?? refuse(line, "expected a key of plain text");
      const earlier = entries.get(key);
      if (earlier !== undefined) {
        refuse(line, `${prefix + key}: set in line ${earlier.line} already`);
      }
      entries.set(key, { line, value: value === null ? undefined : readValue(value, prefix + key, line) });
    }
    return entries;
  }

  const { contents } = document;
  if (isMap(contents)) {
    return readMapping(contents, "");
  }
  // The composer makes a null without a source of a file of nothing but comments.
  if (contents === null || (isScalar(contents) && contents.value === null && contents.source === "")) {
    return new Map();
  }
  return refuse(lineOf(contents), `expected keys with values${example === undefined ? "" : `, such as ${example}`}`);
}
