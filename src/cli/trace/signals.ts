/** The signal that is traced, and the one beside it that tells where processes run. */
import type { Logger } from "pino";

import type { Cgroups } from "../../identity/cgroups.js";
import { Identity } from "../../identity/identity.js";
import { chooseHierarchy } from "../../host/cgroup-hierarchy.js";
import { Catalog } from "../../metrics/catalog.js";
import { cgroup } from "../../signals/cgroup/signal.js";
import type { RunningSignal } from "../../engine/running.js";
import type { EventRecord, Signal, SignalOptions } from "../../sdk/signal.js";
import { startSignal } from "../../engine/start-signal.js";
import type { TraceOptions } from "./options.js";

/** How often the control groups are looked after, milliseconds. */
const upkeepInterval = 1000;

/** A signal whose records go to a printer. */
export interface TracedSignals {
  readonly traced: RunningSignal;
  /** In the order in which they are to be drained: who knows control groups comes first. */
  readonly running: readonly RunningSignal[];
  /** Detaches and unmaps everything. */
  close(): void;
}

function signalOptions(options: TraceOptions): SignalOptions {
  const { syscallMinDuration, syscallErrorsOnly, syscallNames, cgroupHierarchy, pids, comms } = options;
  return {
    mode: "trace",
    syscall: { mode: "stream", minDuration: syscallMinDuration, errorsOnly: syscallErrorsOnly, names: syscallNames },
    cgroup: { hierarchy: chooseHierarchy(cgroupHierarchy), inRecords: true },
    pids,
    comms,
  };
}

/** The signal with `print` in place of its metrics. What it discovers at its start, it still discovers. */
function printing(signal: Signal, print: (record: EventRecord) => void): Signal {
  return {
    ...signal,
    start: (context, options) => ({
      ...signal.start(context, options),
      records(batch) {
        while (batch.next()) {
          print(batch.record);
        }
      },
    }),
  };
}

/**
 * Loads and attaches `signal`, each record of which goes to `print`, and what feeds `cgroups`. Without that the records come all
 * the same; the log says so. Nothing stays when `signal` itself fails.
 */
export function startTracing(
  signal: Signal,
  options: TraceOptions,
  cgroups: Cgroups,
  print: (record: EventRecord) => void,
  log: Logger,
): TracedSignals {
  const forSignals = signalOptions(options);
  const start = (started: Signal, its: SignalOptions): RunningSignal => {
    const catalog = new Catalog();
    const identity = new Identity(catalog, [], { cgroups });
    return startSignal(started, catalog, identity, { signalOptions: its, ringSize: options.ringSize, log });
  };

  const beside: RunningSignal[] = [];
  try {
    beside.push(start(cgroup, { ...forSignals, mode: "run" }));
  } catch (err) {
    log.warn({ err }, "control groups and containers are not known");
  }
  const upkeep = setInterval(() => {
    for (const running of beside) {
      void running.relieve();
    }
  }, upkeepInterval);
  const close = (running: readonly RunningSignal[]): void => {
    clearInterval(upkeep);
    for (const each of running) {
      each.close();
    }
  };
  try {
    const traced = start(printing(signal, print), forSignals);
    const running = [...beside, traced];
    return {
      traced,
      running,
      close() {
        close(running);
      },
    };
  } catch (error) {
    close(beside);
    throw error;
  }
}
