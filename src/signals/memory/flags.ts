/** The flags of the signal memory. */
import { duration, inTrace, single, toggle, wholeNumber } from "ringtap/signal";

export const flags = {
  /** Nanoseconds. */
  minStall: inTrace(
    single("min-stall", "<duration>", "show only waits for memory that took at least this long", "1ms", duration),
  ),
  pageCache: toggle("page-cache", "count pages that come into the page cache and go from it"),
  countsLimit: single(
    "counts-limit",
    "<n>",
    "most pairs of process and kind of reclaim counted separately",
    "4096",
    wholeNumber(1, 1_048_576),
  ),
};
