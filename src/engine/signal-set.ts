/** Starts the signals that are asked for, and keeps going with those that work. */
import type { Identity } from "../identity/identity.js";
import { Catalog } from "../metrics/catalog.js";
import type { RunningSignal, SignalStatus } from "./running.js";
import { messagesOf } from "../log/error-text.js";
import type { AnySignal, SignalHost } from "../sdk/signal.js";
import { type SignalStart, startSignal } from "./start-signal.js";

/** Does identity learn from this signal what the labels need? Then it runs whether its own metrics are asked for or not. */
function isNeededByIdentity({ provides }: AnySignal, { cgroups }: SignalHost): boolean {
  return provides === "processes" || (provides === "cgroups" && cgroups.inRecords);
}

/** The names of those that run where none is asked for. */
export function defaultNames(signals: readonly AnySignal[]): string[] {
  return signals.filter(({ optIn }) => optIn !== true).map(({ name }) => name);
}

export interface SignalSetOptions extends SignalStart {
  /** All there are, in the order in which they are to be drained. */
  readonly signals: readonly AnySignal[];
  /** Names of those asked for. */
  readonly wanted: readonly string[];
  /** Start all of them or none. */
  readonly strict: boolean;
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
  const { signals, wanted, host, log } = options;
  const statuses: SignalState[] = [];
  const failures: { readonly name: string; readonly error: unknown; readonly problem: string }[] = [];
  for (const signal of signals) {
    const { name } = signal;
    const isWanted = wanted.includes(name);
    if (!isWanted && !isNeededByIdentity(signal, host)) {
      continue;
    }
    try {
      const started = startSignal(signal, { ...options, catalog: isWanted ? catalog : new Catalog(), identity });
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
