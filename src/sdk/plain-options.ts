/** How signals run when nobody asks for anything in particular. */
import type { SignalOptions } from "./signal.js";

export const plain: SignalOptions = {
  mode: "run",
  syscall: { mode: "aggregate", minDuration: 0, errorsOnly: false, names: [] },
  cgroup: { hierarchy: "unified", inRecords: false },
  pids: [],
  comms: [],
};

/** The same with a record for every system call. */
export const plainStream: SignalOptions = { ...plain, syscall: { ...plain.syscall, mode: "stream" } };
