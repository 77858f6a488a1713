/** The signal that is traced, and the one beside it that tells where processes run. */
import type { Logger } from "pino";

import type { Cgroups } from "../../identity/cgroups.js";
import { Identity } from "../../identity/identity.js";
import { chooseHierarchy } from "../../host/cgroup-hierarchy.js";
import { Catalog } from "../../metrics/catalog.js";
import { signals as builtIn } from "../../signals/index.js";
import type { RunningSignal } from "../../engine/running.js";
import type { AnySignal, EventRecord, Running, SignalContext, SignalHost, Watcher } from "../../sdk/signal.js";
import type { FlagTable, FlagValues } from "../../sdk/flags.js";
import { startSignal } from "../../engine/start-signal.js";
import type { TraceableSignal } from "../../views/trace-event.js";
import type { TraceOptions } from "./options.js";
import { processesOf } from "./where.js";

/** How often the signals are maintained, milliseconds. */
const upkeepInterval = 1000;

/** A signal whose records go to a printer. */
export interface TracedSignals {
  readonly traced: RunningSignal;
  /** In the order in which they are to be drained: who knows control groups comes first. */
  readonly running: readonly RunningSignal[];
  /** Detaches and unmaps everything. */
  close(): void;
}

/** Of --where and of --pid and --comm, all of which must hold, the former has one value at the most: nothing is narrower. */
function hostOf(signal: TraceableSignal, { cgroupHierarchy, where, pids, comms }: TraceOptions): SignalHost {
  const asked = processesOf(where, signal);
  return {
    mode: "trace",
    watched: "all",
    byPeer: false,
    cgroups: { hierarchy: chooseHierarchy(cgroupHierarchy), inRecords: true },
    only: {
      pids: asked.pids.length > 0 ? asked.pids : pids,
      comms: asked.comms.length > 0 ? asked.comms : comms,
    },
  };
}

/** The signal without metrics of its records. What it discovers at its start, it still discovers; what it decides later, it decides. */
function withoutMetrics(signal: AnySignal): AnySignal {
  return {
    ...signal,
    start(context: SignalContext, flags: FlagValues<FlagTable>): Running {
      const running = signal.start(context, flags) as Running;
      return {
        attached: () => running.attached?.(),
        maintain: () => running.maintain?.(),
        stats: () => running.stats?.() ?? {},
        close: () => running.close?.(),
      };
    },
  };
}

/**
 * Loads and attaches `signal`, each record of which goes to `print`, and what feeds `cgroups`. Without that the records come all
 * the same; the log says so. Nothing stays when `signal` itself fails.
 */
export function startTracing(
  signal: TraceableSignal,
  options: TraceOptions,
  cgroups: Cgroups,
  print: Watcher<EventRecord>,
  log: Logger,
): TracedSignals {
  const host = hostOf(signal, options);
  const start = (started: AnySignal, its: SignalHost): RunningSignal => {
    const catalog = new Catalog();
    const identity = new Identity(catalog, [], { cgroups });
    const flags = { [signal.name]: options.ofSignal };
    return startSignal(started, { catalog, identity, flags, host: its, ringSize: options.ringSize, log });
  };

  const running: RunningSignal[] = [];
  try {
    for (const provider of builtIn.filter(({ provides }) => provides === "cgroups")) {
      running.push(start(provider, { ...host, mode: "run", watched: "none", only: { pids: [], comms: [] } }));
    }
  } catch (err) {
    log.warn({ err }, "control groups and containers are not known");
  }
  const upkeep = setInterval(() => {
    for (const each of running) {
      void each.maintain();
    }
  }, upkeepInterval);
  const close = (): void => {
    clearInterval(upkeep);
    for (const each of running) {
      each.close();
    }
  };
  try {
    const traced = start(withoutMetrics(signal), host);
    traced.watchTraced(print);
    running.push(traced);
    for (const each of running) {
      void each.attached();
    }
    return {
      traced,
      running,
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}
