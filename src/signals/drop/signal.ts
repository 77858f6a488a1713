/** drop: packets that the kernel drops, by its reason and by whose socket they were, counted in the kernel; records for those who watch. */
import {
  addressText,
  defineSignal,
  type FlagValues,
  log2Ceil,
  objectFile,
  type Setup,
  type SignalHost,
  type TraceValue,
} from "ringtap/signal";

import { partsOf, protocols, startCounting } from "./counts.js";
import { flags } from "./flags.js";
import { Reasons } from "./reasons.js";
import { DropEvent, DropLine, IpFamily, SocketOwner } from "./records.js";

/** The lines that are tried for a pair: PROBES of bpf/include/ringtap/counts.h. */
const fewestLines = 16;

/** Records are for those who watch, 136 bytes each: 1,900 of them. */
const watchedRingSize = 2 ** 18;

const reasons = new Reasons();

function setup({ countsLimit }: FlagValues<typeof flags>, { mode, watched }: SignalHost): Setup {
  const common = { variables: { records_wanted: watched === "none" ? 0 : 1 }, ringSize: watchedRingSize };
  if (mode === "trace") {
    return { ...common, constants: { counting: 0 }, without: ["drops", "drop_keys", "drop_sockets"] };
  }
  const lines = 2 ** log2Ceil(Math.max(countsLimit, fewestLines));
  const all = lines + protocols.length;
  return { ...common, constants: { drop_lines: lines }, sizes: { drops: all, drop_keys: all } };
}

function fields(event: DropEvent): Record<string, TraceValue> {
  const { reason, protocol } = partsOf(event.number);
  const isIpv6 = event.family === IpFamily.ipv6;
  const isIp = protocol === "ipv4" || protocol === "ipv6";
  const port = (number: number): TraceValue => (number === 0 ? undefined : number);
  return {
    reason: reasons.name(reason),
    protocol,
    bytes: event.bytes,
    device: event.device === "" ? undefined : event.device,
    source_address: isIp ? addressText((index) => event.sourceAddress(index), isIpv6) : undefined,
    source_port: port(event.sourcePort),
    destination_address: isIp ? addressText((index) => event.destinationAddress(index), isIpv6) : undefined,
    destination_port: port(event.destinationPort),
  };
}

export const drop = defineSignal({
  api: 1,
  name: "drop",
  summary: "packets that the kernel drops, by its reason",
  object: objectFile(import.meta.url, "drop"),
  optIn: true,
  flags,
  hooks: [
    { name: "tp_btf", without: ["drop_reason", "drop_plain"] },
    { name: "tp_btf_reason", without: ["drop_received", "drop_plain"] },
    { name: "tp_btf_plain", without: ["drop_received", "drop_reason"] },
  ],
  ring: { record: DropEvent },
  records: [DropLine, SocketOwner],
  setup,
  start: (context) => (context.host.mode === "trace" ? {} : startCounting(context)),
  trace: {
    types: {
      reason: "string",
      protocol: protocols,
      bytes: "integer",
      device: "string",
      source_address: "string",
      source_port: "integer",
      destination_address: "string",
      destination_port: "integer",
    },
    aliases: { saddr: "source_address", sport: "source_port", daddr: "destination_address", dport: "destination_port" },
    outcome: ["protocol", "reason"],
    failed: () => true,
    columns: [
      { field: "reason", heading: "REASON", width: 24 },
      { field: "protocol", heading: "PROTOCOL", width: 8 },
      { field: "source_address", heading: "SOURCE", width: 15 },
      { field: "source_port", heading: "SPORT", width: 5 },
      { field: "destination_address", heading: "DESTINATION", width: 15 },
      { field: "destination_port", heading: "DPORT", width: 5 },
      { field: "device", heading: "DEVICE", width: 0 },
    ],
    fields,
  },
  views: {
    position: 60,
    columns: [
      {
        key: "dropped_packets",
        sort: "drops",
        metric: "ringtap_drop_packets_total",
        unit: "count",
        heading: "DROP",
        help: "packets of its sockets that the kernel dropped",
        isFailure: true,
      },
      {
        key: "listen_drops",
        metric: "ringtap_drop_connections_total",
        unit: "count",
        heading: "LDROP",
        isDetail: true,
        help: "connections that its listening sockets could not take",
        isFailure: true,
      },
    ],
    headline: [{ title: "packets dropped", column: "dropped_packets" }],
  },
});
