/** Starts the signals that are asked for, and keeps going with those that work. */
import { Cgroups } from "../identity/cgroups.js";
import { Identity } from "../identity/identity.js";
import { objectFolder } from "../kernel/installation.js";
import { Catalog } from "../metrics/catalog.js";
import { type Loaded, loadSignal } from "../signals/load.js";
import { RunningSignal } from "../signals/running.js";
import type { SignalStatus } from "../signals/self-metrics.js";
import type { Signal, SignalOptions } from "../signals/signal.js";
import { describeError } from "./error-text.js";

/** Where trouble is told: a pino logger, or anything like one. */
export interface AgentLog {
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

/** The signals that keep the identity table: they run whether their own metrics are asked for or not. */
function identitySignals({ signalOptions }: SignalSetOptions): readonly string[] {
  return signalOptions.cgroup.inRecords ? ["process", "cgroup"] : ["process"];
}

export interface SignalSetOptions {
  /** All there are, in the order in which they are to be drained. */
  readonly signals: readonly Signal[];
  /** Names of those asked for. */
  readonly wanted: readonly string[];
  readonly labels: readonly string[];
  readonly seriesLimit: number;
  readonly identityLimit: number;
  /** Bytes, if it is not to be left to the signals. */
  readonly ringSize: number | undefined;
  readonly signalOptions: SignalOptions;
  /** Start all of them or none. */
  readonly strict: boolean;
  readonly log: AgentLog;
}

export interface SignalSet {
  readonly catalog: Catalog;
  readonly identity: Identity;
  readonly running: readonly RunningSignal[];
  readonly statuses: readonly (SignalStatus & { readonly error?: unknown })[];
}

/** At most one log line about a failing handler in this time, milliseconds. */
const complaintInterval = 60_000;

/** A handler that logs the first error, then one a minute with the number that went by. */
export function complainSparingly(log: AgentLog, signal: string): (error: unknown) => void {
  let silentUntil = -Infinity;
  let unsaid = 0;
  return (err) => {
    const now = performance.now();
    if (now < silentUntil) {
      unsaid++;
      return;
    }
    log.error({ signal, err, unsaid }, "handling a record failed");
    silentUntil = now + complaintInterval;
    unsaid = 0;
  };
}

/** Logs what the kernel refused of a signal that it took. */
export function warnOfRefusals(log: AgentLog, signal: string, { refused, lost }: Loaded): void {
  for (const { hook, error } of refused) {
    log.warn({ signal, hook: hook.name, err: error }, "a better hook was refused");
  }
  for (const { detail, error } of lost) {
    log.warn({ signal, without: detail, err: error }, "a program was refused");
  }
}

/** Loads and attaches one signal; `catalog` gets its metrics. Nothing of it stays when that fails. */
function startSignal(signal: Signal, catalog: Catalog, identity: Identity, options: SignalSetOptions): RunningSignal {
  const { signalOptions, ringSize, log } = options;
  const loaded = loadSignal(signal, signalOptions, { folder: objectFolder, ringSize });
  warnOfRefusals(log, signal.name, loaded);
  try {
    const failed = complainSparingly(log, signal.name);
    const running = new RunningSignal(signal, loaded, catalog, identity, signalOptions, failed);
    running.attach();
    return running;
  } catch (error) {
    loaded.object.close();
    throw new Error(`attaching signal ${signal.name}: ${loaded.hook.name}`, { cause: error });
  }
}

/**
 * Starts each signal. One that fails is logged and left out; when none that was asked for is left, or any is missing where all
 * must start, an error that tells why is thrown and none stays. Call {@link requireKernel} first.
 */
export function startSignals(options: SignalSetOptions): SignalSet {
  const { signals, wanted, log } = options;
  const catalog = new Catalog({ seriesLimit: options.seriesLimit });
  const identity = new Identity(catalog, options.labels, {
    limit: options.identityLimit,
    cgroups: new Cgroups({ limit: options.identityLimit }),
  });
  const statuses: SignalSet["statuses"][number][] = [];
  for (const signal of signals) {
    const isWanted = wanted.includes(signal.name);
    if (!isWanted && !identitySignals(options).includes(signal.name)) {
      continue;
    }
    try {
      const running = startSignal(signal, isWanted ? catalog : new Catalog(), identity, options);
      statuses.push({ name: signal.name, running });
    } catch (error) {
      statuses.push({ name: signal.name, error });
    }
  }
  const running = statuses.flatMap((status) => status.running ?? []);
  const failures = statuses.filter((status) => status.running === undefined);
  const wantedFailures = failures.filter(({ name }) => wanted.includes(name));
  const fatal = options.strict ? failures : wantedFailures.length === wanted.length ? wantedFailures : [];
  if (fatal.length > 0) {
    for (const signal of running) {
      signal.close();
    }
    throw new Error(fatal.map(({ error }) => describeError(error)).join("; "));
  }
  for (const { name, error } of failures) {
    log.error({ signal: name, err: error }, "signal left out");
  }
  return { catalog, identity, statuses, running };
}
