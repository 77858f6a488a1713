/** The flags of the signal l7. */
import { duration, inTrace, single, toggle, wholeNumber } from "ringtap/signal";

export const flags = {
  tls: inTrace(toggle("tls", "see what TLS carries, too, by programs on functions of OpenSSL")),
  tlsFiles: single("tls-files", "<n>", "most files with OpenSSL that have such programs", "64", wholeNumber(1, 4096)),
  connectionsLimit: single(
    "connections-limit",
    "<n>",
    "most connections whose requests are followed",
    "65536",
    wholeNumber(1, 4_194_304),
  ),
  streamsLimit: single(
    "streams-limit",
    "<n>",
    "most streams of HTTP/2 that are followed at once",
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
  /** Nanoseconds. */
  dnsTimeout: single(
    "dns-timeout",
    "<duration>",
    "a DNS question over UDP that was last asked so long ago is unanswered",
    "10s",
    duration,
  ),
};
