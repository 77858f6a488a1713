/**
 * Flags of signals. A signal declares a table of them in its own file; each becomes `--<signal>.<name>`, an environment variable, a
 * key of the configuration file, a line of the help, of the completion and of the man page:
 *
 *     const flags = { limit: single("limit", "<n>", "connections kept", "1000", wholeNumber(1, 1_000_000)) };
 *     export default { …, flags, start(context, { limit }) { … } }; // limit is a number
 */

/** A value that cannot be. The message begins with the quoted text and says what is accepted; the caller adds the flag's name. */
export class FlagError extends Error {
  override readonly name = "FlagError";
}

/** A flag, whatever its value's type. */
export interface Flag<T> {
  /** Without dashes and, for a signal's flag, without the signal's name: `min-duration`. */
  readonly name: string;
  readonly help: string;
  /** `single` takes one value, `list` several (repeated or separated by commas), `switch` none. */
  readonly kind: "single" | "list" | "switch";
  /** How the help writes the value, as `<address>`; empty for a switch. */
  readonly placeholder: string;
  /** What holds when no source has the flag, written as a user would. */
  readonly fallback: readonly string[];
  /** The texts that one text stands for: the items of a list. */
  readonly split: (text: string) => string[];
  /** As {@link Parse.words}. */
  readonly words: readonly string[];
  /** Of a signal's flag: does `ringtap trace` have it, too (`true`), or alone (`"only"`)? Default: only `ringtap run` has. */
  readonly inTrace?: boolean | "only";
  /** Makes the value of its texts. Throws a {@link FlagError}. */
  read(texts: readonly string[]): T;
  /** As {@link Parse.write}. */
  readonly write: (number: number) => string;
}

/** The flags of one command or signal by the names under which their values are read. */
export type FlagTable = Readonly<Record<string, Flag<unknown>>>;

/** The values of a table's flags. */
export type FlagValues<Table extends FlagTable> = {
  readonly [Key in keyof Table]: Table[Key] extends Flag<infer Value> ? Value : never;
};

/** Turns one text into a value, or throws a {@link FlagError}. */
export interface Parse<T> {
  (text: string): T;
  /** All texts there are, where they are few: shells complete them. */
  readonly words?: readonly string[];
  /** The text of a number that a program gives in place of a text, as `5000000` for `5ms`. Default: `String`. */
  readonly write?: (number: number) => string;
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
    write: parse.write ?? String,
  };
}

function whole(text: string): string[] {
  return [text];
}

/** A flag with one value or none. */
export function optional<T>(name: string, placeholder: string, help: string, parse: Parse<T>): Flag<T | undefined> {
  const read = ([text]: readonly string[]): T | undefined => (text === undefined ? undefined : parse(text));
  const { words = [], write = String } = parse;
  return { name, help, kind: "single", placeholder, fallback: [], words, split: whole, read, write };
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
    write: parse.write ?? String,
    read(given) {
      if (given.length === 0 && texts.length > 0) {
        throw new FlagError("[]: expected at least one value");
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
        throw new FlagError(`has ${values.length} values: expected at most ${most}`);
      }
      return values;
    },
  };
}

/** A flag that is on or off; `--no-<name>` turns off what the environment, the file or the fallback turns on. */
export function toggle(name: string, help: string, fallback: "true" | "false" = "false"): Flag<boolean> {
  const read = ([text = ""]: readonly string[]): boolean => readSwitch(text);
  return {
    name,
    help,
    kind: "switch",
    placeholder: "",
    fallback: [fallback],
    words: [],
    split: whole,
    read,
    write: String,
  };
}

/** A signal's flag that `ringtap trace <signal>` has as well. */
export function inTrace<T>(flag: Flag<T>): Flag<T> {
  return { ...flag, inTrace: true };
}

/** A signal's flag that `ringtap trace <signal>` alone has. */
export function onlyInTrace<T>(flag: Flag<T>): Flag<T> & { readonly inTrace: "only" } {
  return { ...flag, inTrace: "only" };
}

/** As YAML 1.2 writes booleans, and as environments do. */
const switches = new Map([
  ["true", true],
  ["1", true],
  ["false", false],
  ["0", false],
]);

function readSwitch(text: string): boolean {
  const value = switches.get(text.toLowerCase());
  if (value === undefined) {
    throw new FlagError(`${JSON.stringify(text)}: expected true or false`);
  }
  return value;
}

/** The items of a list written as one text, separated by commas. */
function splitItems(text: string): string[] {
  return text.split(",").map((item) => item.trim());
}

/** The values of a table when no source gives any. */
export function defaultValues<Table extends FlagTable>(flags: Table): FlagValues<Table> {
  const values = Object.entries(flags).map(([key, flag]) => [key, flag.read(flag.fallback)] as const);
  return Object.fromEntries(values) as FlagValues<Table>;
}
