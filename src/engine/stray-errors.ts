/** Errors of users' own signals that no call of the interface is there to catch: in a timer, in a promise that no one waits for. */
import { sep } from "node:path";
import { pathToFileURL } from "node:url";

/** What is followed. */
export interface StrayErrors {
  /** Folders of signals, by the signal's name. */
  readonly folders: () => Iterable<readonly [name: string, folder: string]>;
  /** Called for each error of one of these. */
  readonly onError: (name: string, error: unknown) => void;
}

/** The signal whose folder the innermost frame of the error's stack with a file lies in. */
export function ownerOf(
  error: unknown,
  folders: Iterable<readonly [name: string, folder: string]>,
): string | undefined {
  const stack = error instanceof Error ? String(error.stack) : "";
  const frame = stack.split("\n").find((line) => /^\s+at .*file:\/\//.test(line)) ?? "";
  return [...folders].find(([, folder]) => frame.includes(pathToFileURL(folder + sep).href))?.[0];
}

/** Until the returned function is called, such errors do not end the process; others do, as ever. */
export function catchStrayErrors({ folders, onError }: StrayErrors): () => void {
  const caught = (error: unknown): void => {
    const owner = ownerOf(error, folders());
    if (owner === undefined) {
      stop();
      throw error;
    }
    onError(owner, error);
  };
  const stop = (): void => {
    process.off("uncaughtException", caught);
  };
  process.on("uncaughtException", caught);
  return stop;
}
