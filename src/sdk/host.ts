/** How signals run by default. */
import type { SignalHost } from "./signal.js";

/** Metrics for everything, without control groups in records. */
export const defaultHost: SignalHost = {
  mode: "run",
  watched: "none",
  byPeer: false,
  cgroups: { hierarchy: "unified", inRecords: false },
  only: { pids: [], comms: [] },
};
