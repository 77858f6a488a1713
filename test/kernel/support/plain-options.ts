/** How `run` starts a signal when no flag says otherwise. */
import type { SignalOptions } from "../../../src/signals/signal.js";

export const plain: SignalOptions = {
  mode: "run",
  syscall: { mode: "aggregate", minDuration: 0, errorsOnly: false, names: [] },
  pids: [],
  comms: [],
};
