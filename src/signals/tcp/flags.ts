/** The flags of the signal tcp. */
import { single, wholeNumber } from "ringtap/signal";

export const flags = {
  connectionsLimit: single(
    "connections-limit",
    "<n>",
    "most TCP connections tracked",
    "262144",
    wholeNumber(1, 16_777_216),
  ),
  countsLimit: single(
    "counts-limit",
    "<n>",
    "most pairs of process and role counted separately",
    "4096",
    wholeNumber(1, 1_048_576),
  ),
};
