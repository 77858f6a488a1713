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

import { type Flag, FlagError, type FlagTable, type FlagValues } from "../../sdk/flags.js";
import { UsageError } from "../errors.js";

/** What a source has for a flag. */
export interface Given {
  readonly texts: readonly string[];
  /** Where it stands, for messages; empty for the command line. */
  readonly origin: string;
}

/** A place where values may stand: looks one flag up. */
export type Source = (flag: Flag<unknown>) => Given | undefined;

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
    throw error instanceof FlagError ? flagError(flag, error.message, sources) : error;
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
