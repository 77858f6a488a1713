/**
 * The signals that there are for a command line: the built-in ones and the user's own. Each has flags of its own, so that it must be
 * known before the command line can be parsed; `--signals.path`, `--signals` and `--config.file` are read ahead for that.
 */
import { statSync } from "node:fs";
import { dirname } from "node:path";
import { type FileStates, fileStates } from "../../config/watched-files.js";
import { builtFiles, loadOwnSignals, type OwnSignal, packageFolderOf } from "../../engine/own-signals.js";
import { logEarlyStrayErrors } from "../early-stray-errors.js";
import { checkUnique } from "../../engine/signal-shape.js";
import { defaultNames } from "../../engine/signal-set.js";
import { entriesOf } from "../../host/trusted-files.js";
import { messageOf } from "../../log/error-text.js";
import { quote } from "../../log/logger-text.js";
import { type Flag, type FlagTable, list, optional, type Parse } from "../../sdk/flags.js";
import { refuse } from "../../sdk/flag-values.js";
import type { AnySignal } from "../../sdk/signal.js";
import { suggestion } from "../../config/suggest.js";
import { signals as builtIn } from "../../signals/index.js";
import { UsageError } from "../errors.js";
import { fileSource, readConfigFile } from "./config-file.js";
import { environmentSource } from "./environment.js";
import { readFlag, type Source } from "./flags.js";

/** Where users' own signals lie. */
export const ownSignalFlags = {
  /** Paths of folders. */
  signalsPath: list(
    "signals.path",
    "<dir,...>",
    "folders of signals of your own, to run beside the built-in ones",
    "",
    String,
  ),
};

/** Those that there are. */
export class KnownSignals {
  /** All, in the order in which they are drained. */
  readonly all: AnySignal[];
  /** The user's own, by name. */
  readonly own = new Map<string, OwnSignal>();
  /** The state of the files that each of these was last loaded from, well or not. */
  readonly stamps = new Map<string, string>();
  /** Names of signals by those of the packages that they come in. */
  readonly packages = new Map<string, string>();

  constructor(signals: readonly AnySignal[] = builtIn) {
    this.all = [...signals];
  }

  get names(): string[] {
    return this.all.map(({ name }) => name);
  }

  /** The names of those that run by default. */
  get defaults(): string[] {
    return defaultNames(this.all);
  }

  /** Adds one, or puts another build in the place of one. Throws when it clashes with another. */
  put(own: OwnSignal): void {
    const { signal } = own;
    const before = this.own.get(signal.name)?.signal;
    checkUnique(
      signal,
      this.all.filter((other) => other !== before),
    );
    if (before === undefined) {
      this.all.push(signal);
    } else {
      this.all[this.all.indexOf(before)] = signal;
    }
    this.own.set(signal.name, own);
  }
}

/** The files that a signal was built into, as they are; an empty stamp when their folder is gone, as in the middle of an installation. */
export function builtStates(own: OwnSignal): FileStates {
  try {
    return fileStates(builtFiles(own));
  } catch {
    return { stamp: "", areStable: false };
  }
}

/**
 * What decides whether a signal may be loaded at all, as text: who may write the folders on the way to it, and the state of all in its
 * folder, packages that it imports aside.
 */
export function folderState({ folder }: OwnSignal): string {
  try {
    const way: string[] = [];
    for (let path = folder; path !== dirname(path); path = dirname(path)) {
      const { uid, mode } = statSync(path);
      way.push(`${uid} ${mode}`);
    }
    const entries = entriesOf(folder).filter((path) => !path.includes("/node_modules/"));
    return [...way, fileStates(entries).stamp].join("\n");
  } catch (error) {
    return messageOf(error);
  }
}

/** A flag's texts on a command line that is not parsed yet. */
function textsOf(name: string, args: readonly string[]): string[] {
  const flag = `--${name}`;
  const end = args.indexOf("--");
  const before = end < 0 ? args : args.slice(0, end);
  return before.flatMap((arg, at) => {
    if (arg.startsWith(`${flag}=`)) {
      return [arg.slice(flag.length + 1)];
    }
    const value = before[at + 1];
    return arg === flag && value !== undefined ? [value] : [];
  });
}

function argumentSource(args: readonly string[]): Source {
  return ({ name, split }) => {
    const texts = textsOf(name, args);
    return texts.length === 0 ? undefined : { texts: texts.flatMap(split), origin: "" };
  };
}

/** What is read ahead. No text is refused yet but by the flags' own reading, which has the message. */
const aheadFlags = {
  ...ownSignalFlags,
  signals: list("signals", "<name,...>", "", "", String),
  configFile: optional("config.file", "<file>", "", readConfigFile),
};

interface Ahead {
  readonly paths: readonly string[];
  /** Names of signals, of packages perhaps. */
  readonly names: readonly string[];
}

/** Commands that have signals; `run` and `top` have `--signals`, `run` alone a configuration file. */
const commands = ["run", "trace", "top", "check"];

function readAhead([command = "", ...args]: readonly string[], environment: Readonly<NodeJS.ProcessEnv>): Ahead {
  const given = [...(commands.includes(command) ? [argumentSource(args)] : []), environmentSource(environment)];
  if (command !== "run" && command !== "top") {
    const names = command === "trace" ? args.slice(0, 1).filter((name) => !name.startsWith("-")) : [];
    return { paths: readFlag(aheadFlags.signalsPath, given), names };
  }
  const file = command === "run" ? readFlag(aheadFlags.configFile, given) : undefined;
  const sources = file === undefined ? given : [...given, fileSource(file)];
  const names = expand(readFlag(aheadFlags.signals, sources), []);
  return { paths: readFlag(aheadFlags.signalsPath, sources), names };
}

async function load(path: string, flag: string): Promise<OwnSignal> {
  logEarlyStrayErrors(path);
  try {
    const [own] = await loadOwnSignals([path]);
    return own as OwnSignal;
  } catch (error) {
    throw new UsageError(`${flag} ${quote(path)}: ${messageOf(error)}`);
  }
}

function put(known: KnownSignals, own: OwnSignal, flag: string): void {
  try {
    const { name } = own.signal;
    const before = known.own.get(name);
    if (before !== undefined && before.folder !== own.folder) {
      throw new Error(`there is a signal ${name} already, of ${before.folder}`);
    }
    known.put(own);
    known.stamps.set(own.signal.name, builtStates(own).stamp);
  } catch (error) {
    throw new UsageError(`${flag} ${quote(own.folder)}: ${own.entry}: ${messageOf(error)}`);
  }
}

/** Is it a command line whose answer needs no signal? */
function asksForHelp(args: readonly string[]): boolean {
  return args.some((arg) => ["--help", "-h"].includes(arg));
}

/**
 * Finds the signals for a command line, the name of the program left out. Throws a UsageError that names the flag, the folder and
 * what is wrong with it.
 */
export async function findSignals(
  args: readonly string[],
  environment: Readonly<NodeJS.ProcessEnv> = process.env,
): Promise<KnownSignals> {
  const known = new KnownSignals();
  if (![...commands, "completion"].includes(args[0] ?? "")) {
    return known;
  }
  try {
    const { paths, names } = readAhead(args, environment);
    for (const path of new Set(paths)) {
      put(known, await load(path, "--signals.path"), "--signals.path");
    }
    for (const name of new Set(names)) {
      const folder = known.names.includes(name) ? undefined : packageFolderOf(name);
      if (folder !== undefined) {
        const own = await load(folder, args[0] === "trace" ? "trace" : "--signals");
        put(known, own, "--signals");
        known.packages.set(name, own.signal.name);
      }
    }
  } catch (error) {
    if (!asksForHelp(args)) {
      throw error;
    }
  }
  return known;
}

/** A signal by its name, or by that of the package that it has come in. */
function signalNameOf(known: KnownSignals): Parse<string> {
  const parse = (text: string): string => {
    const name = known.packages.get(text) ?? text;
    const names = known.names;
    return names.includes(name)
      ? name
      : refuse(
          text,
          `expected one of ${names.join(", ")}, the name of an installed npm package, ` +
            `or a signal of a folder that --signals.path names${suggestion(text, names)}`,
        );
  };
  return Object.assign(parse, { words: known.names });
}

/** In place of a name: all that run by default. */
const defaultWord = "default";

/** Before a name: that signal beside those that run by default. */
const beside = "+";

/** The names that texts of `--signals` stand for. */
function expand(texts: readonly string[], defaults: readonly string[]): string[] {
  const names = texts.flatMap((text) =>
    text === defaultWord ? defaults : text.startsWith(beside) ? [text.slice(beside.length)] : [text],
  );
  return texts.some((text) => text.startsWith(beside)) ? [...defaults, ...names] : names;
}

/** `--signals` of `run` and `top`. */
export function signalsFlag(known: KnownSignals): Flag<readonly string[]> {
  const { defaults, names } = known;
  const help = "signals to run; +NAME is one beside the default";
  const flag = list("signals", "<name,...>", help, defaults.join(","), signalNameOf(known));
  return {
    ...flag,
    words: [defaultWord, ...names, ...names.filter((name) => !defaults.includes(name)).map((name) => beside + name)],
    read: (texts) => flag.read(expand(texts, defaults)),
  };
}

/** Throws when a signal's flags are called as those of the command itself. */
export function refuseFlagsOf(known: KnownSignals, table: FlagTable, ofSignals: FlagTable): void {
  const taken = new Map(Object.values(table).map((flag) => [flag.name, flag]));
  for (const [key, { name }] of Object.entries(ofSignals)) {
    const own = known.own.get(key.split(".")[0] ?? "");
    if (taken.has(name) && own !== undefined) {
      throw new UsageError(`--signals.path ${quote(own.folder)}: its flag --${name} is one of ringtap's own`);
    }
  }
}
