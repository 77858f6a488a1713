/** The user's wish to end the program. */
import { once } from "node:events";

/**
 * Resolves with the name of the signal, SIGINT or SIGTERM, that asks the process to end. The next one ends it at once, as if
 * this had never been called.
 */
export async function askedToEnd(): Promise<string> {
  const aborter = new AbortController();
  const { signal } = aborter;
  const name = await Promise.race(
    ["SIGINT", "SIGTERM"].map(async (signalName) => {
      await once(process, signalName, { signal });
      return signalName;
    }),
  );
  aborter.abort();
  return name;
}
