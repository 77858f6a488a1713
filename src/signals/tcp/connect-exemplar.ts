/** Connects that latency histograms show as exemplars: whose they were, and with whom. */
import { addressText, type ExemplarDefinition, type HistogramTable } from "ringtap/signal";
import { IpFamily, TcpEvent } from "./records.js";

/** A connect as an exemplar: pid, family, port, the four words of the address. */
export const connectExemplar: ExemplarDefinition = {
  width: 3 + TcpEvent.remoteAddressLength,
  labels: (numbers, at) => [
    ["pid", `${numbers[at]}`],
    ["remote_address", addressText((index) => numbers[at + 3 + index] as number, numbers[at + 1] === IpFamily.ipv6)],
    ["remote_port", `${numbers[at + 2]}`],
  ],
};

/** Keeps a connect as an exemplar of a row if it is one. */
export function showConnect({ exemplars }: HistogramTable, row: number, event: TcpEvent): void {
  const at = exemplars?.take(row, event) ?? -1;
  if (exemplars === undefined || at < 0) {
    return;
  }
  const { numbers } = exemplars;
  numbers[at] = event.tgid;
  numbers[at + 1] = event.family;
  numbers[at + 2] = event.remotePort;
  for (let word = 0; word < TcpEvent.remoteAddressLength; word++) {
    numbers[at + 3 + word] = event.remoteAddress(word);
  }
}
