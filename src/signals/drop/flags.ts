/** The flags of the signal drop. */
import { single, wholeNumber } from "ringtap/signal";

export const flags = {
  countsLimit: single(
    "counts-limit",
    "<n>",
    "most pairs of socket and reason counted separately",
    "4096",
    wholeNumber(1, 1_048_576),
  ),
};
