/** The flags of signals as commands have them: `--<signal>.<name>`, each declared in the signal's own file. */
import { type FlagFault, flagFaultOf } from "../../engine/flag-fault.js";
import { messageOf } from "../../log/error-text.js";
import type { Flag, FlagTable, FlagValues } from "../../sdk/flags.js";
import type { AnySignal, Mode } from "../../sdk/signal.js";
import { UsageError } from "../errors.js";
import { flagError, type Source } from "./flags.js";

/** The flags of a signal, by their names in its file. */
function ownFlags({ flags = {} }: AnySignal): FlagTable {
  return flags as FlagTable;
}

/** The key under which a table of a command has a signal's flag. */
function keyOf(signal: AnySignal, key: string): string {
  return `${signal.name}.${key}`;
}

/** Values of the flags of signals among those of a command, by `<signal>.<key>`. */
export type SignalValues = Readonly<Record<`${string}.${string}`, unknown>>;

/** The flags of these signals that a command of this mode has, by `<signal>.<key>`. */
export function signalFlags(signals: readonly AnySignal[], mode: Mode): FlagTable {
  return Object.fromEntries(
    signals.flatMap((signal) =>
      Object.entries(ownFlags(signal))
        .filter(([, { inTrace = false }]) => inTrace === true || (inTrace === "only") === (mode === "trace"))
        .map(([key, flag]): [string, Flag<unknown>] => [
          keyOf(signal, key),
          { ...flag, name: `${signal.name}.${flag.name}` },
        ]),
    ),
  );
}

/** The values of one signal's flags, by their names in its file; those that the command lacks have their defaults. */
export function valuesOf(signal: AnySignal, values: SignalValues): FlagValues<FlagTable> {
  return Object.fromEntries(
    Object.entries(ownFlags(signal)).map(([key, flag]) => {
      const name = keyOf(signal, key) as `${string}.${string}`;
      return [key, name in values ? values[name] : flag.read(flag.fallback)];
    }),
  );
}

/** The values of all signals, by signal. */
export function valuesBySignal(
  signals: readonly AnySignal[],
  values: SignalValues,
): Readonly<Record<string, FlagValues<FlagTable>>> {
  return Object.fromEntries(signals.map((signal) => [signal.name, valuesOf(signal, values)]));
}

/** Throws a UsageError for the first signal whose flags do not go together, or that cannot say whether they do. */
export function validateSignals(
  signals: readonly AnySignal[],
  values: SignalValues,
  table: FlagTable,
  sources: readonly Source[],
): void {
  for (const signal of signals) {
    const fault = faultOf(signal, values);
    if (fault !== undefined) {
      throw flagError(table[keyOf(signal, fault.flag)] as Flag<unknown>, fault.problem, sources);
    }
  }
}

function faultOf(signal: AnySignal, values: SignalValues): FlagFault | undefined {
  try {
    return flagFaultOf(signal, valuesOf(signal, values));
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}
