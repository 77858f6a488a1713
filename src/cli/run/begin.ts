/** The first steps of `ringtap run`: as little as it takes to have the signals loaded, in threads of their own. */
import { type AgentLoads, beginAgent, type BegunAgent } from "../../agent/begin-agent.js";
import { requireKernel } from "../../host/requirements.js";
import { holdDescriptors } from "../../host/spare-descriptors.js";
import { defaultServerLimits } from "../../http/server-limits.js";
import { systemdSockets } from "../../net/systemd-sockets.js";
import { valuesBySignal } from "../flags/signals.js";
import { askedToEnd } from "../ending.js";
import { seriesLabels } from "./options.js";
import { noteHangUp, type OptionsSource } from "./reload.js";

/** File descriptors beside those of clients: iterators, files that are read again, the Kubernetes API, look-ups of names. */
const descriptorsForWork = 32;

/** What {@link beginRun} has begun. */
export interface BegunRun {
  readonly source: OptionsSource;
  readonly listenAddresses: readonly string[];
  readonly loads: AgentLoads;
  readonly begun: BegunAgent;
  /** Has SIGHUP come until now? To be asked once, by what answers further ones. */
  readonly hasHungUp: () => boolean;
  /** The name of the POSIX signal that asks it to end. */
  readonly ending: ReturnType<typeof askedToEnd>;
  /** Reserves the file descriptors of the server, its clients and the work between scrapes, until the returned function is called. */
  readonly hold: () => () => void;
}

/** Throws when nothing can be loaded here, or when there are too few file descriptors for clients. */
export function beginRun(source: OptionsSource): BegunRun {
  const { initial: options, known } = source;
  const hasHungUp = noteHangUp();
  requireKernel();
  const ending = askedToEnd();
  const listenAddresses = options.systemdSocket ? systemdSockets(process.env, process.pid) : options.listenAddresses;
  const listening = listenAddresses.length * (1 + defaultServerLimits.maxConnections);
  const hold = (): (() => void) => holdDescriptors(listening + descriptorsForWork);
  hold()();
  const loads = {
    signals: known.all,
    wanted: options.signals,
    labels: seriesLabels(options),
    ringSize: options.ringSize,
    countRuns: options.bpfStats,
    overheadLimit: options.overheadLimit,
    cgroupHierarchy: options.cgroupHierarchy,
    flags: valuesBySignal(known.all, options),
  };
  const begun = beginAgent({ ...loads, byPeer: options.peerLabels.length > 0 });
  return { source, listenAddresses, loads, begun, ending, hasHungUp, hold };
}
