/** The part of an agent's start that takes the kernel's time, so that it can begin before all that the agent is made of is there. */
import { type BegunSignals, beginSignals, defaultNames, type SignalChoice } from "../engine/signal-set.js";
import type { SignalLoads } from "../engine/start-signal.js";
import { type CgroupHierarchy, chooseHierarchy } from "../host/cgroup-hierarchy.js";
import { defaultLabels } from "../identity/defaults.js";
import { needCgroups } from "../identity/labels.js";
import type { FlagTable, FlagValues } from "../sdk/flags.js";
import { defaultHost } from "../sdk/host.js";
import type { AnySignal, SignalHost } from "../sdk/signal.js";
import { signals as builtIn } from "../signals/index.js";

/** What an agent loads. */
export interface AgentLoads {
  /** All signals there are, in the order in which they are to be drained. Default: the built-in ones. */
  readonly signals?: readonly AnySignal[];
  /** Names of the signals whose metrics are asked for. Default: all there are. */
  readonly wanted?: readonly string[] | undefined;
  /** Labels that identify the series of processes. Default {@link defaultLabels}. */
  readonly labels?: readonly string[] | undefined;
  /** Bytes of each ring. Default: left to the signals. */
  readonly ringSize?: number | undefined;
  /** Are runs of programs and their time asked for? */
  readonly countRuns?: boolean | undefined;
  /** What the agent may cost, as a share of a core, before signals go to cheaper depths. Default: no limit. */
  readonly overheadLimit?: number | undefined;
  /** The hierarchy of control groups that identifies containers. Default `auto`. */
  readonly cgroupHierarchy?: CgroupHierarchy | "auto";
  /** Values of the flags of signals, by the signal's name. Default: the flags' defaults. */
  readonly flags?: Readonly<Record<string, FlagValues<FlagTable>>> | undefined;
}

/** An agent whose signals are being loaded. */
export interface BegunAgent {
  readonly choice: SignalChoice;
  readonly how: SignalLoads;
  readonly begun: BegunSignals;
}

/** Begins to load the signals; `byPeer` says whether the agent will know who is at the other end of connections. */
export function beginAgent(loads: AgentLoads & { readonly byPeer: boolean }): BegunAgent {
  const { signals = builtIn, wanted = defaultNames(signals), labels = defaultLabels, byPeer } = loads;
  const hierarchy = chooseHierarchy(loads.cgroupHierarchy ?? "auto");
  const host: SignalHost = { ...defaultHost, byPeer, cgroups: { hierarchy, inRecords: needCgroups(labels) } };
  const { ringSize, countRuns, flags, overheadLimit } = loads;
  const how = { ringSize, countRuns, flags, changesDepth: overheadLimit !== undefined, host };
  const choice = { signals, wanted };
  return { choice, how, begun: beginSignals({ ...choice, ...how }) };
}
