/** The configuration file: YAML whose keys are the flags, written nested or dotted. */
import { readFileSync } from "node:fs";

import { isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, type YAMLMap } from "yaml";

import { UsageError } from "../errors.js";
import { quote } from "../../log/logger-text.js";
import type { FlagTable, Source } from "./flags.js";
import { suggestion } from "./suggest.js";
import { refuse, refuseFile } from "./values.js";

/** A configuration file as read; whether its keys are flags is for {@link configSource} to say. */
export interface ConfigFile {
  readonly path: string;
  /** By dotted key. */
  readonly settings: ReadonlyMap<string, Setting>;
}

/** The value of one key. */
export interface Setting {
  readonly value: string | readonly string[];
  /** Line of the key, from 1. */
  readonly line: number;
}

/** Refuses the file because of the key or value `node`. */
type Fail = (node: unknown, problem: string) => never;

/** Reads and parses a file. Throws a UsageError that quotes the path and, where the content is at fault, tells the line. */
export function readConfigFile(path: string): ConfigFile {
  const lines = new LineCounter();
  const lineAt = (offset = 0): number => lines.linePos(offset).line;
  const lineOf = (node: unknown): number => lineAt(isNode(node) ? node.range?.[0] : undefined);
  const fail: Fail = (node, problem) => refuse(path, `line ${lineOf(node)}: ${problem}`);

  const document = parseDocument(readText(path), { lineCounter: lines, prettyErrors: false });
  const [syntaxError] = document.errors;
  if (syntaxError !== undefined) {
    return refuse(path, `line ${lineAt(syntaxError.pos[0])}: ${syntaxError.message}`);
  }
  const settings = new Map<string, Setting>();
  if (isMap(document.contents)) {
    for (const { key, keyNode, value } of leaves(document.contents, "", fail)) {
      const earlier = settings.get(key);
      if (earlier !== undefined) {
        fail(keyNode, `${quote(key)} is set in line ${earlier.line} already`);
      }
      settings.set(key, { value, line: lineOf(keyNode) });
    }
  } else if (document.contents !== null) {
    fail(document.contents, "expected keys with values, such as series-limit: 20000");
  }
  return { path, settings };
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    return refuseFile(path, error);
  }
}

/** The keys that hold values rather than further keys, dotted. */
function* leaves(
  map: YAMLMap,
  prefix: string,
  fail: Fail,
): Generator<{ key: string; keyNode: unknown; value: string | readonly string[] }> {
  for (const { key: keyNode, value: node } of map.items) {
    const key = prefix + (scalarText(keyNode) ?? fail(keyNode, "expected a key of plain text"));
    if (isMap(node)) {
      yield* leaves(node, `${key}.`, fail);
    } else {
      const value = isSeq(node) ? listTexts(node.items) : scalarText(node);
      yield { key, keyNode, value: value ?? fail(keyNode, `${quote(key)} needs a value or a list of values`) };
    }
  }
}

function listTexts(items: readonly unknown[]): string[] | undefined {
  const texts = items.map(scalarText).filter((text) => text !== undefined);
  return texts.length === items.length ? texts : undefined;
}

/** The text of a string, number or boolean, as it was written: `010` stays `010`. */
function scalarText(node: unknown): string | undefined {
  if (!isScalar(node) || node.value === null) {
    return undefined;
  }
  return typeof node.value === "string" ? node.value : (node.source ?? JSON.stringify(node.value));
}

/**
 * Reads flags from a configuration file. The items of a YAML list are taken as they are, a plain value is split at its
 * commas. Throws a UsageError for a key that is no flag of `flags`, naming the nearest.
 */
export function configSource(file: ConfigFile, flags: FlagTable): Source {
  const known = Object.values(flags).map((flag) => flag.name);
  for (const [key, { line }] of file.settings) {
    if (!known.includes(key)) {
      throw new UsageError(`${file.path}:${line}: unknown key ${quote(key)}${suggestion(key, known)}`);
    }
  }
  return ({ name, kind, split }) => {
    const setting = file.settings.get(name);
    if (setting === undefined) {
      return undefined;
    }
    const { value, line } = setting;
    const origin = `${file.path}:${line}`;
    if (typeof value === "string") {
      return { texts: split(value), origin };
    }
    if (kind !== "list") {
      throw new UsageError(`${file.path}:${line}: ${quote(name)} takes one value, not a list`);
    }
    return { texts: value, origin };
  };
}
