/** Events that latency histograms show as exemplars: whose they were, and with whom. */
import type { ExemplarDefinition, TimedEvent } from "../metrics/exemplars.js";
import type { HistogramTable } from "../metrics/histogram-table.js";
import { addressText } from "../net/address-text.js";
import type { RemoteEnd } from "./peers.js";

/** `family` of records with addresses: enum ip_family of bpf/include/ringtap/endpoints.h. */
const ipv6 = 1;

const addressWords = 4;

/** An event with a far end, as an exemplar: pid, family, port, the words of the address. */
export const remoteExemplar: ExemplarDefinition = {
  width: 3 + addressWords,
  labels: (numbers, at) => [
    ["pid", `${numbers[at]}`],
    // Nothing over IP has no port.
    ...(numbers[at + 2] === 0
      ? []
      : ([
          ["remote_address", addressText((index) => numbers[at + 3 + index] as number, numbers[at + 1] === ipv6)],
          ["remote_port", `${numbers[at + 2]}`],
        ] as const)),
  ],
};

/** Keeps an event as an exemplar of a row, of a table whose exemplars are {@link remoteExemplar}, if it is the slowest one. */
export function showRemote(
  { exemplars }: HistogramTable,
  row: number,
  event: RemoteEnd & TimedEvent & { readonly tgid: number },
): void {
  const at = exemplars?.take(row, event) ?? -1;
  if (exemplars === undefined || at < 0) {
    return;
  }
  const { numbers } = exemplars;
  numbers[at] = event.tgid;
  numbers[at + 1] = event.family;
  numbers[at + 2] = event.remotePort;
  for (let word = 0; word < addressWords; word++) {
    numbers[at + 3 + word] = event.remoteAddress(word);
  }
}
