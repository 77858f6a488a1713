/** Errors of users' own signals that no call of the interface is there to catch: a line of the log for each. */
import { catchStrayErrors } from "../engine/stray-errors.js";
import { foreignError } from "../log/error-text.js";
import type { SignalLog } from "../sdk/signal.js";
import { endEarlyStrayErrors } from "./early-stray-errors.js";
import type { KnownSignals } from "./flags/own-signals.js";

/** Logs such errors from now on instead of ending the process with a stack. Does nothing without signals of users' own. */
export function logStrayErrors({ own }: Pick<KnownSignals, "own">, log: Pick<SignalLog, "error">): void {
  if (own.size === 0) {
    return;
  }
  endEarlyStrayErrors();
  catchStrayErrors({
    folders: () => [...own].map(([name, { folder }]) => [name, folder] as const),
    onError: (signal, err) => {
      log.error({ signal, err: foreignError("outside of any call of its interface", err) }, "the signal has failed");
    },
  });
}
