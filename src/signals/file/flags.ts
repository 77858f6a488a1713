/** The flags of the signal file. */
import { single, wholeNumber } from "ringtap/signal";

export const flags = {
  countsLimit: single(
    "counts-limit",
    "<n>",
    "most pairs of process and outcome of an open counted separately",
    "16384",
    wholeNumber(1, 4_194_304),
  ),
};
