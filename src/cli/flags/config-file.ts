/** The configuration file: YAML whose keys are the flags, written nested or dotted. */
import { suggestion } from "../../config/suggest.js";
import { readTextFile } from "../../config/text-file.js";
import { isYamlMapping, parseYaml, type Refuse, type YamlMapping } from "../../config/yaml.js";
import { quote } from "../../log/logger-text.js";
import { UsageError } from "../errors.js";
import type { Source } from "./flags.js";
import type { FlagTable } from "../../sdk/flags.js";
import { refuse } from "../../sdk/flag-values.js";

/** The flag that names the file. */
export const configFlag = "config.file";

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

/** Reads and parses a file. Throws a UsageError that quotes the path and, where the content is at fault, tells the line. */
export function readConfigFile(path: string): ConfigFile {
  const fail: Refuse = (line, problem) => refuse(path, `line ${line}: ${problem}`);
  const settings = new Map<string, Setting>();
  for (const [key, setting] of leaves(parseYaml(readText(path), fail, { example: "series-limit: 20000" }), "", fail)) {
    const earlier = settings.get(key);
    if (earlier !== undefined) {
      fail(setting.line, `${key}: set in line ${earlier.line} already`);
    }
    settings.set(key, setting);
  }
  return { path, settings };
}

function readText(path: string): string {
  try {
    return readTextFile(path);
  } catch (error) {
    return refuse(path, (error as Error).message);
  }
}

/** The keys that hold values rather than further keys, dotted. */
function* leaves(mapping: YamlMapping, prefix: string, fail: Refuse): Generator<[key: string, setting: Setting]> {
  for (const [name, { line, value }] of mapping) {
    const key = prefix + name;
    if (isYamlMapping(value)) {
      yield* leaves(value, `${key}.`, fail);
    } else {
      yield [key, { line, value: value ?? fail(line, `${key}: expected a value or a list of values`) }];
    }
  }
}

/** Refuses a file because of one of its lines. */
function refusalOf({ path }: ConfigFile): Refuse {
  return (line, problem) => {
    throw new UsageError(`--${configFlag} ${quote(path)}: line ${line}: ${problem}`);
  };
}

/**
 * Reads flags from a configuration file. The items of a YAML list are taken as they are, a plain value is split at its
 * commas. Throws a UsageError for a key that is no flag of `flags`, naming the nearest.
 */
export function configSource(file: ConfigFile, flags: FlagTable): Source {
  const fail = refusalOf(file);
  const known = Object.values(flags).map((flag) => flag.name);
  for (const [key, { line }] of file.settings) {
    if (!known.includes(key)) {
      fail(line, `unknown key ${quote(key)}${suggestion(key, known)}`);
    }
  }
  return fileSource(file);
}

/** The same, whatever other keys the file has. */
export function fileSource(file: ConfigFile): Source {
  const fail = refusalOf(file);
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
    return kind === "list" ? { texts: value, origin } : fail(line, `${name}: expected one value, not a list`);
  };
}
