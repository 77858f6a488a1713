/** The flags of the signal udp. */
import { single, wholeNumber } from "ringtap/signal";

export const flags = {
  countsLimit: single(
    "counts-limit",
    "<n>",
    "most processes, of each IP version and each error, counted separately",
    "4096",
    wholeNumber(1, 1_048_576),
  ),
};
