/** Which signals a program that embeds ringtap wants, and with which flags: checked, as callers without types may give anything. */
import { flagFaultOf } from "../engine/flag-fault.js";
import { defaultNames } from "../engine/signal-set.js";
import { defaultFlags } from "../engine/load.js";
import { type Flag, FlagError, type FlagTable, type FlagValues } from "../sdk/flags.js";
import { type AnySignal, signalApi } from "../sdk/signal.js";
import { checkWords } from "./check-arguments.js";

/** The signals that there are, and the names of those that are wanted. */
export interface ChosenSignals {
  readonly signals: readonly AnySignal[];
  readonly wanted: readonly string[];
}

function checkSignal(signal: Partial<AnySignal> | null, taken: readonly string[]): asserts signal is AnySignal {
  const name = signal?.name;
  if (typeof signal !== "object" || typeof name !== "string" || !/^[a-z][a-z0-9_]*$/i.test(name)) {
    throw new TypeError(`signals: want names and signals, not ${JSON.stringify(signal)}`);
  }
  if (signal?.api !== signalApi) {
    throw new RangeError(`signal ${name}: its api is ${JSON.stringify(signal?.api)}: want ${signalApi}`);
  }
  if (taken.includes(name)) {
    throw new RangeError(`signal ${name}: there is another one of this name`);
  }
}

/** Chooses among the `builtIn` signals by name, and adds those that are given themselves. Without a choice, all built-in ones run but those that are opted in to. */
export function chooseSignals(
  builtIn: readonly AnySignal[],
  chosen: readonly (string | AnySignal)[] | undefined,
): ChosenSignals {
  const names = builtIn.map(({ name }) => name);
  if (chosen === undefined) {
    return { signals: builtIn, wanted: defaultNames(builtIn) };
  }
  const own: AnySignal[] = [];
  const wanted = chosen.map((choice) => {
    if (typeof choice === "string") {
      checkWords("signal", [choice], names);
      return choice;
    }
    checkSignal(choice, [...names, ...own.map(({ name }) => name)]);
    own.push(choice);
    return choice.name;
  });
  return { signals: [...builtIn, ...own], wanted };
}

/** Types of the values that a flag takes, in an array for a list, and what messages call them. */
const kinds: Readonly<Record<Flag<unknown>["kind"], { readonly types: readonly string[]; readonly wanted: string }>> = {
  single: { types: ["string", "number"], wanted: "a text or a number" },
  list: { types: ["string", "number"], wanted: "an array of texts or numbers" },
  switch: { types: ["boolean"], wanted: "a value of type boolean" },
};

/** Throws a TypeError for a value of a type that the flag has not, and a RangeError for one that it cannot have. */
function valueOf(path: string, flag: Flag<unknown>, value: unknown): unknown {
  const { types, wanted } = kinds[flag.kind];
  const items: readonly unknown[] = flag.kind === "list" && Array.isArray(value) ? value : [value];
  if (Array.isArray(value) !== (flag.kind === "list") || !items.every((item) => types.includes(typeof item))) {
    throw new TypeError(`flag ${path}: ${JSON.stringify(value)}: want ${wanted}`);
  }
  try {
    return flag.read(items.map((item) => (typeof item === "number" ? flag.write(item) : String(item))));
  } catch (error) {
    throw error instanceof FlagError ? new RangeError(`flag ${path}: ${error.message}`) : error;
  }
}

function valuesOf(signal: AnySignal, given: Readonly<Record<string, unknown>>): FlagValues<FlagTable> {
  const table = (signal.flags ?? {}) as FlagTable;
  checkWords(
    `flag of signal ${signal.name}`,
    Object.keys(given),
    Object.keys(table).filter((key) => table[key]?.inTrace !== "only"),
  );
  const chosen = Object.entries(given).filter(([, value]) => value !== undefined);
  const values = {
    ...defaultFlags(signal),
    ...Object.fromEntries(
      chosen.map(([key, value]) => [key, valueOf(`${signal.name}.${key}`, table[key] as Flag<unknown>, value)]),
    ),
  } as FlagValues<FlagTable>;
  const fault = flagFaultOf(signal, values);
  if (fault !== undefined) {
    throw new RangeError(`flag ${signal.name}.${fault.flag}: ${fault.problem}`);
  }
  return values;
}

/** Values of the flags of signals, by signal; what is not given has its default. */
export function chooseFlags(
  signals: readonly AnySignal[],
  given: Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>,
): Readonly<Record<string, FlagValues<FlagTable>>> {
  checkWords(
    "signal in flags",
    Object.keys(given),
    signals.map(({ name }) => name),
  );
  return Object.fromEntries(signals.map((signal) => [signal.name, valuesOf(signal, given[signal.name] ?? {})]));
}
