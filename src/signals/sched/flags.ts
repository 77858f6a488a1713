/** The flags of the signal sched. */
import { duration, inTrace, single, wholeNumber } from "ringtap/signal";

export const flags = {
  /** Nanoseconds. */
  minDelay: inTrace(
    single("min-delay", "<duration>", "show only waits for a CPU that took at least this long", "1ms", duration),
  ),
  countsLimit: single(
    "counts-limit",
    "<n>",
    "most processes whose waits for a CPU are counted separately",
    "8192",
    wholeNumber(1, 1_048_576),
  ),
};
