/** Starts the signals that are asked for, and keeps going with those that work. */
import type { Identity } from "../identity/identity.js";
import { Catalog } from "../metrics/catalog.js";
import type { RunningSignal, SignalStatus } from "./running.js";
import { messagesOf } from "../log/error-text.js";
import type { AnySignal, SignalHost } from "../sdk/signal.js";
import { beginSignal, type EndLoad, type SignalLoads, type SignalStart, startSignal } from "./start-signal.js";

/** Does identity learn from this signal what the labels need? Then it runs whether its own metrics are asked for or not. */
function isNeededByIdentity({ provides }: AnySignal, { cgroups }: SignalHost): boolean {
  return provides === "processes" || (provides === "cgroups" && cgroups.inRecords);
}

/** The names of those that run where none is asked for. */
export function defaultNames(signals: readonly AnySignal[]): string[] {
  return signals.filter(({ optIn }) => optIn !== true).map(({ name }) => name);
}

/** Which signals are to run. */
export interface SignalChoice {
  /** All there are, in the order in which they are to be drained. */
  readonly signals: readonly AnySignal[];
  /** Names of those asked for. */
  readonly wanted: readonly string[];
}

export interface SignalSetOptions extends SignalStart, SignalChoice {
  /** Start all of them or none. */
  readonly strict: boolean;
  /** What {@link beginSignals} has begun with the same options. */
  readonly begun?: BegunSignals | undefined;
}

/** Those that are needed, in their order. */
function chosenOf({ signals, wanted, host }: SignalChoice & SignalLoads): AnySignal[] {
  return signals.filter((signal) => wanted.includes(signal.name) || isNeededByIdentity(signal, host));
}

/** Signals whose load has begun, by name. */
export type BegunSignals = ReadonlyMap<string, EndLoad>;

/** Begins to load the signals in threads of their own, so that all processors work; {@link startSignals} ends that, one after the other. */
export function beginSignals(options: SignalChoice & SignalLoads): BegunSignals {
  return new Map(chosenOf(options).map((signal) => [signal.name, beginSignal(signal, options)]));
}

/** The state of a signal as it stands: it may be replaced while the agent runs. */
export interface SignalState extends SignalStatus {
  running?: RunningSignal | undefined;
  problem?: string | undefined;
}

export interface SignalSet {
  readonly statuses: readonly SignalState[];
}

/** Those that run. */
export function runningOf(statuses: readonly SignalStatus[]): RunningSignal[] {
  return statuses.flatMap(({ running }) => running ?? []);
}

/**
 * Starts each signal; `catalog` gets the metrics of those asked for. One that fails is logged and left out; when none that was asked
 * for is left, or any is missing where all must start, an error that tells why is thrown and none stays. Call {@link requireKernel}
 * first.
 */
export function startSignals(catalog: Catalog, identity: Identity, options: SignalSetOptions): SignalSet {
  const { wanted, log } = options;
  const begun = options.begun ?? beginSignals(options);
  const statuses: SignalState[] = [];
  const failures: { readonly name: string; readonly error: unknown; readonly problem: string }[] = [];
  for (const signal of chosenOf(options)) {
    const { name } = signal;
    try {
      const ownCatalog = wanted.includes(name) ? catalog : new Catalog();
      const started = startSignal(signal, { ...options, catalog: ownCatalog, identity, begun: begun.get(name) });
      statuses.push({ name, running: started });
    } catch (error) {
      const problem = messagesOf(error);
      failures.push({ name, error, problem });
      statuses.push({ name, problem });
    }
  }
  const wantedFailures = failures.filter(({ name }) => wanted.includes(name));
  const fatal = options.strict ? failures : wantedFailures.length === wanted.length ? wantedFailures : [];
  if (fatal.length > 0) {
    for (const signal of runningOf(statuses)) {
      signal.close();
    }
    throw new Error(fatal.map(({ problem }) => problem).join("; "));
  }
  for (const { name, error } of failures) {
    log.error({ signal: name, err: error }, "signal left out");
  }
  return { statuses };
}
