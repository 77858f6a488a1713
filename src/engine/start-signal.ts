/** Starting one signal. */
import type { Identity } from "../identity/identity.js";
import { objectFolder } from "../binding/installation.js";
import type { Catalog } from "../metrics/catalog.js";
import { type Loaded, loadSignal } from "./load.js";
import { RunningSignal } from "./running.js";
import type { Signal, SignalOptions } from "../sdk/signal.js";

/** Where trouble is told: a pino logger, or anything like one. */
export interface AgentLog {
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

/** How a signal is to be started. */
export interface SignalStart {
  readonly signalOptions: SignalOptions;
  /** Bytes, if it is not to be left to the signal. */
  readonly ringSize: number | undefined;
  readonly log: AgentLog;
}

/** At most one log line about a failing handler in this time, milliseconds. */
const complaintInterval = 60_000;

/** A handler that logs the first error, then one a minute with the number that went by. */
function complainSparingly(log: AgentLog, signal: string): (error: unknown) => void {
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
function warnOfRefusals(log: AgentLog, signal: string, { refused, lost }: Loaded): void {
  for (const { hook, error } of refused) {
    log.warn({ signal, hook: hook.name, err: error }, "a better hook was refused");
  }
  for (const { detail, error } of lost) {
    log.warn({ signal, without: detail, err: error }, "a program was refused");
  }
}

/** Loads and attaches a signal; `catalog` gets its metrics. Nothing of it stays when that fails. */
export function startSignal(signal: Signal, catalog: Catalog, identity: Identity, start: SignalStart): RunningSignal {
  const { signalOptions, ringSize, log } = start;
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
