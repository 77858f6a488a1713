/** File descriptors that are kept free for later. */
import { closeSync, openSync } from "node:fs";

/**
 * Holds `count` file descriptors, so that whatever is opened before they are given up leaves as many to those who come after.
 * Returns what gives them up. Throws when there are too few.
 */
export function holdDescriptors(count: number): () => void {
  const held: number[] = [];
  const release = (): void => {
    held.splice(0).forEach(closeSync);
  };
  try {
    while (held.length < count) {
      held.push(openSync("/", "r"));
    }
  } catch (cause) {
    release();
    const mend = "raise the limit (ulimit -n, or LimitNOFILE= of the service)";
    throw new Error(`too few file descriptors: ${count} are wanted for serving; ${mend}`, { cause });
  }
  return release;
}
