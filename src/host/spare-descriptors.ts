/** File descriptors that are reserved for later. */
import { closeSync, openSync } from "node:fs";

/**
 * Reserves `count` file descriptors: whatever is opened while they are held leaves that many for later. Returns a function that
 * releases them. Throws when fewer are available.
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
    const fix = "raise the limit (ulimit -n, or LimitNOFILE= of the service)";
    throw new Error(`too few file descriptors: ${count} are needed for serving; ${fix}`, { cause });
  }
  return release;
}
