/**
 * Flags: what one is, and how its value is found among several sources. A command declares a table of flags, adds it to its
 * commander command and reads all values at once:
 *
 *     const flags = { limit: single("limit", "<n>", "series kept", "100", wholeNumber(1, 1000)) };
 *     addFlags(command, flags);
 *     command.action(() => {
 *       const { values } = readFlags(flags, [commandLineSource(command), environmentSource(process.env)]);
 *       values.limit; // a number
 *     });
 */
import { type Command, Option } from "commander";

import { UsageError } from "../errors.js";
import { quote } from "../../log/logger-text.js";

/** A flag, whatever its value's type. */
export interface Flag<T> {
  /** Without dashes: `web.listen-address`. Also the key in the configuration file. */
  readonly name: string;
  readonly help: string;
  /** `single` takes one value, `list` several (repeated or separated by commas), `switch` none. */
  readonly kind: "single" | "list" | "switch";
  /** How the help writes the value, as `<address>`; empty for a switch. */
  readonly placeholder: string;
  /** What counts when no source has the flag, written as a user would. */
  readonly fallback: readonly string[];
  /** The texts that one text stands for: the items of a list. */
  readonly split: (text: string) => string[];
  /** As {@link Parse.words}. */
  readonly words: readonly string[];
  /** Makes the value of its texts. Throws a UsageError that begins with the quoted text. */
  read(texts: readonly string[]): T;
}

/** The flags of one command by the names under which their values are read. */
export type FlagTable = Readonly<Record<string, Flag<unknown>>>;

/** The values of a table's flags. */
export type FlagValues<Table extends FlagTable> = {
  readonly [Key in keyof Table]: Table[Key] extends Flag<infer Value> ? Value : never;
};

/** What a source has for a flag. */
export interface Given {
  readonly texts: readonly string[];
  /** Where it stands, for messages; empty for the command line. */
  readonly origin: string;
}

/** A place where values may stand: looks one flag up. */
export type Source = (flag: Flag<unknown>) => Given | undefined;

/** Turns one text into a value, or throws a UsageError that begins with the quoted text. */
export interface Parse<T> {
  (text: string): T;
  /** All texts there are, where they are few: shells complete them. */
  readonly words?: readonly string[];
}

/** A flag with one value. */
export function single<T>(name: string, placeholder: string, help: string, fallback: string, parse: Parse<T>): Flag<T> {
  const read = ([text = ""]: readonly string[]): T => parse(text);
  return {
    name,
    help,
    kind: "single",
    placeholder,
    fallback: [fallback],
    words: parse.words ?? [],
    split: whole,
    read,
  };
}

function whole(text: string): string[] {
  return [text];
}

/** A flag with one value or none. */
export function optional<T>(name: string, placeholder: string, help: string, parse: Parse<T>): Flag<T | undefined> {
  const read = ([text]: readonly string[]): T | undefined => (text === undefined ? undefined : parse(text));
  return { name, help, kind: "single", placeholder, fallback: [], words: parse.words ?? [], split: whole, read };
}

/**
 * A flag with several values, in the order given; without a fallback it may be empty. Text that comes twice counts once. Commas
 * separate the values, or what `split` says.
 */
export function list<T>(
  name: string,
  placeholder: string,
  help: string,
  fallback: string,
  parse: Parse<T>,
  split = splitItems,
): Flag<readonly T[]> {
  const texts = fallback === "" ? [] : splitItems(fallback);
  return {
    name,
    help,
    kind: "list",
    placeholder,
    fallback: texts,
    words: parse.words ?? [],
    split,
    read(given) {
      if (given.length === 0 && texts.length > 0) {
        throw new UsageError("[]: expected at least one value");
      }
      return [...new Set(given)].map(parse);
    },
  };
}

/** A list of no more than `most` values. */
export function atMost<T>(most: number, flag: Flag<readonly T[]>): Flag<readonly T[]> {
  return {
    ...flag,
    read(texts) {
      const values = flag.read(texts);
      if (values.length > most) {
        throw new UsageError(`has ${values.length} values: expected at most ${most}`);
      }
      return values;
    },
  };
}

/** A flag that is on or off; `--no-<name>` turns off what the environment, the file or the fallback turns on. */
export function toggle(name: string, help: string, fallback: "true" | "false" = "false"): Flag<boolean> {
  const read = ([text = ""]: readonly string[]): boolean => readSwitch(text);
  return { name, help, kind: "switch", placeholder: "", fallback: [fallback], words: [], split: whole, read };
}

function readSwitch(text: string): boolean {
  if (text !== "true" && text !== "false") {
    throw new UsageError(`${quote(text)}: expected true or false`);
  }
  return text === "true";
}

/** The items of a list written as one text, separated by commas. */
function splitItems(text: string): string[] {
  return text.split(",").map((item) => item.trim());
}

/** Gives a command the flags of a table. */
export function addFlags(command: Command, flags: FlagTable): void {
  for (const { name, help, kind, placeholder, fallback, words, split } of Object.values(flags)) {
    const isOff = kind === "switch" && fallback[0] === "false";
    const note = isOff || fallback.length === 0 ? "" : ` (default: ${fallback.join(",")})`;
    const option = new Option(`--${name} ${placeholder}`.trimEnd(), help + note);
    if (words.length > 0) {
      // For completion; `choices()` would refuse others in its own words, without saying where they stand.
      option.argChoices = [...words];
    }
    command.addOption(kind === "list" ? option.argParser(appending(split)) : option);
    if (kind === "switch") {
      command.addOption(new Option(`--no-${name}`).hideHelp());
    }
  }
}

/** A flag that is repeated adds to what it had. */
function appending(split: (text: string) => string[]) {
  return (text: string, earlier: readonly string[] | undefined): readonly string[] => [
    ...(earlier ?? []),
    ...split(text),
  ];
}

/** The command line that `command` has parsed. */
export function commandLineSource(command: Command): Source {
  return (flag) => {
    const attribute = new Option(`--${flag.name}`).attributeName();
    if (command.getOptionValueSource(attribute) !== "cli") {
      return undefined;
    }
    const value = command.getOptionValue(attribute) as string | boolean | readonly string[];
    return { texts: typeof value === "object" ? value : [String(value)], origin: "" };
  };
}

/** Reads one flag from the first source that has it. Throws a UsageError that names the flag, the value and its origin. */
export function readFlag<T>(flag: Flag<T>, sources: readonly Source[]): T {
  const given = findGiven(flag, sources);
  try {
    return flag.read(given?.texts ?? flag.fallback);
  } catch (error) {
    throw error instanceof UsageError ? flagError(flag, error.message, sources) : error;
  }
}

/** Reads all flags of a table, each from the first source that has it. Throws as {@link readFlag} does, for the first bad one. */
export function readFlags<Table extends FlagTable>(flags: Table, sources: readonly Source[]): FlagValues<Table> {
  const values = Object.entries(flags).map(([key, flag]) => [key, readFlag(flag, sources)] as const);
  return Object.fromEntries(values) as FlagValues<Table>;
}

/** An error about a flag as given: `--name problem (from …)`. */
export function flagError(flag: Flag<unknown>, problem: string, sources: readonly Source[]): UsageError {
  const origin = findGiven(flag, sources)?.origin ?? "";
  return new UsageError(`--${flag.name} ${problem}${origin === "" ? "" : ` (from ${origin})`}`);
}

function findGiven(flag: Flag<unknown>, sources: readonly Source[]): Given | undefined {
  for (const source of sources) {
    const given = source(flag);
    if (given !== undefined) {
      return given;
    }
  }
  return undefined;
}
