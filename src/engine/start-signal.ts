/** Starting one signal. */
import type { Identity } from "../identity/identity.js";
import type { Catalog } from "../metrics/catalog.js";
import type { FlagTable, FlagValues } from "../sdk/flags.js";
import type { PeerDirectory } from "../sdk/peers.js";
import type { AnySignal, SignalHost, SignalLog } from "../sdk/signal.js";
import { attachBest } from "./attach-best.js";
import { beginLoading, type Loaded, type LoadOptions } from "./load.js";
import { RunningSignal } from "./running.js";

/** Where problems are reported: a pino logger, or anything like one. */
export type AgentLog = SignalLog;

/** How signals are loaded. */
export interface SignalLoads {
  /** Values of the flags of each signal, by its name; a signal that is missing gets its defaults. */
  readonly flags?: Readonly<Record<string, FlagValues<FlagTable>>> | undefined;
  readonly host: SignalHost;
  /** Bytes of each ring; undefined leaves it to the signal. */
  readonly ringSize: number | undefined;
  /** See {@link LoadOptions.countRuns}. */
  readonly countRuns?: boolean | undefined;
  /** See {@link LoadOptions.changesDepth}. */
  readonly changesDepth?: boolean | undefined;
}

/** How signals are started. */
export interface SignalStart extends SignalLoads {
  readonly peers?: PeerDirectory | undefined;
  readonly log: AgentLog;
}

/** Ends a load that was begun: see {@link beginLoading}. */
export type EndLoad = () => Loaded;

function optionsOf({ name }: AnySignal, { flags, host, ringSize, countRuns, changesDepth }: SignalLoads): LoadOptions {
  return { flags: flags?.[name], host, ringSize, countRuns, changesDepth };
}

/** Begins to load a signal that {@link startSignal} then starts with the same options. */
export function beginSignal(signal: AnySignal, loads: SignalLoads): EndLoad {
  return beginLoading(signal, optionsOf(signal, loads));
}

/** The log of one signal: each line carries its name. */
function logOf(log: AgentLog, signal: string): SignalLog {
  return {
    info: (details, message) => {
      log.info({ signal, ...details }, message);
    },
    warn: (details, message) => {
      log.warn({ signal, ...details }, message);
    },
    error: (details, message) => {
      log.error({ signal, ...details }, message);
    },
  };
}

/** Logs what the kernel refused of a signal that it took. */
function warnOfRefusals(log: SignalLog, { lost, handlers }: Loaded): void {
  for (const { detail, error } of lost) {
    log.warn({ without: detail, err: error }, "a program was refused");
  }
  if (handlers.alone !== undefined) {
    log.warn({ reason: handlers.alone }, "programs on system calls attached alone: every call costs more");
  }
}

/** Loads and attaches a signal; `catalog` gets its metrics. Nothing of it is left when that fails. */
export function startSignal(
  signal: AnySignal,
  start: SignalStart & {
    readonly catalog: Catalog;
    readonly identity: Identity;
    /** The build of the same signal that runs: it keeps running, with its metrics, when this fails; otherwise the caller closes it afterwards. */
    readonly replaces?: RunningSignal | undefined;
    /** Where its load has begun. */
    readonly begun?: EndLoad | undefined;
  },
): RunningSignal {
  const { catalog, identity, peers, replaces, begun } = start;
  const log = logOf(start.log, signal.name);
  const running = attachBest(
    signal,
    optionsOf(signal, start),
    (loaded) => new RunningSignal(loaded, { catalog, identity, log, peers, replaces }),
    begun,
  );
  warnOfRefusals(log, running.loaded);
  running.publish();
  return running;
}
