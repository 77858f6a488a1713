/** The flags of the signal block. */
import { duration, inTrace, single, wholeNumber } from "ringtap/signal";

export const flags = {
  /** Nanoseconds. */
  slow: inTrace(
    single("slow", "<duration>", "records only of requests that failed or took at least this long", "10ms", duration),
  ),
  countsLimit: single(
    "counts-limit",
    "<n>",
    "most combinations of process, disk and operation counted separately",
    "2048",
    wholeNumber(1, 1_048_576),
  ),
  requestsLimit: single(
    "requests-limit",
    "<n>",
    "most requests under way whose process is known",
    "8192",
    wholeNumber(1, 1_048_576),
  ),
};
