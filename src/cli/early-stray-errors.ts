/** Stray errors of users' own signals from when their modules are loaded to when a command runs, before there is a log. */
import { realpathSync } from "node:fs";
import { resolve } from "node:path";

import { catchStrayErrors } from "../engine/stray-errors.js";
import { foreignError } from "../log/error-text.js";
import { createLogger } from "../log/logger.js";

const folders: string[] = [];
let stop: (() => void) | undefined;

/** Logs the stray errors of a folder's modules from now on; call it before they are loaded. */
export function logEarlyStrayErrors(folder: string): void {
  const path = resolve(folder);
  try {
    folders.push(realpathSync(path));
  } catch {
    // What is not there is not loaded.
    return;
  }
  const log = createLogger("error", "logfmt");
  stop ??= catchStrayErrors({
    folders: () => folders.map((each) => [each, each] as const),
    onError: (from, err) => {
      log.error(
        { folder: from, err: foreignError("outside of any call of its interface", err) },
        "the signal has failed",
      );
    },
  });
}

/** Ends that, for a command that does so itself from now on. */
export function endEarlyStrayErrors(): void {
  stop?.();
  stop = undefined;
}
