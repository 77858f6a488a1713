/** The flags of the signal l7. */
import { single, wholeNumber } from "ringtap/signal";

export const flags = {
  connectionsLimit: single(
    "connections-limit",
    "<n>",
    "most connections whose requests are followed",
    "65536",
    wholeNumber(1, 4_194_304),
  ),
  countsLimit: single(
    "counts-limit",
    "<n>",
    "most combinations of process, method and status counted separately",
    "8192",
    wholeNumber(1, 1_048_576),
  ),
};
