/** The flags of the signal udp. */
import { single, toggle, wholeNumber } from "ringtap/signal";

export const flags = {
  corked: toggle("corked", "count the datagrams that setsockopt(UDP_CORK) or the end of sendfile(2) completes, too"),
  countsLimit: single(
    "counts-limit",
    "<n>",
    "most processes, of each IP version and each error, counted separately",
    "4096",
    wholeNumber(1, 1_048_576),
  ),
};
