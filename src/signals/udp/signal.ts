/** udp: datagrams and bytes by process, errors, full queues, counted in the kernel; records of failures for those who watch. */
import {
  addressText,
  defineSignal,
  errnoName,
  type FlagValues,
  keysOf,
  log2Ceil,
  objectFile,
  type Setup,
  type SignalHost,
  type TraceValue,
} from "ringtap/signal";

import { families, startCounting } from "./counts.js";
import { flags } from "./flags.js";
import { IpFamily, SocketOwner, UdpEvent, UdpKind, UdpLine } from "./records.js";

/** The lines that are tried for a key: PROBES of bpf/include/ringtap/counts.h; and OVERFLOW_LINES of bpf/udp/datagram_counts.h. */
const fewestLines = 16;
const overflowLines = 8;

/** Records are for those who watch, 128 bytes each: 2,000 of them. */
const watchedRingSize = 2 ** 18;

/** Maps that only telling peers apart takes, and only counting what no call to send completes. */
const ofPeers = ["batches", "arrivals"];
const ofCorked = ["unfinished"];

/** What both take. */
const atReturn = ["udp_returned"];

/** What there are records of. */
const events = keysOf(UdpKind).slice(1);

function setup({ corked, countsLimit }: FlagValues<typeof flags>, { mode, watched, byPeer }: SignalHost): Setup {
  const common = { variables: { records_wanted: watched === "none" ? 0 : 1 }, ringSize: watchedRingSize };
  if (mode === "trace") {
    return {
      ...common,
      constants: { counting: 0 },
      without: ["datagrams", "datagram_keys", "udp_sockets", ...ofPeers, ...ofCorked, ...atReturn],
    };
  }
  const lines = 2 ** log2Ceil(Math.max(countsLimit, fewestLines));
  const all = lines + overflowLines;
  return {
    ...common,
    constants: { by_peer: byPeer ? 1 : 0, corked: corked ? 1 : 0, datagram_lines: lines },
    sizes: { datagrams: all, datagram_keys: all },
    without: [...(byPeer ? [] : ofPeers), ...(corked ? [] : ofCorked), ...(byPeer || corked ? [] : atReturn)],
  };
}

function fields(event: UdpEvent): Record<string, TraceValue> {
  const isIpv6 = event.family === IpFamily.ipv6;
  const isConnected = event.remotePort !== 0;
  return {
    event: keysOf(UdpKind)[event.kind],
    error: errnoName(event.error),
    family: families[event.family],
    local_address: addressText((index) => event.localAddress(index), isIpv6),
    local_port: event.localPort,
    remote_address: isConnected ? addressText((index) => event.remoteAddress(index), isIpv6) : undefined,
    remote_port: isConnected ? event.remotePort : undefined,
  };
}

export const udp = defineSignal({
  api: 1,
  name: "udp",
  summary: "UDP datagrams and bytes, errors, full queues",
  object: objectFile(import.meta.url, "udp"),
  optIn: true,
  flags,
  ring: { record: UdpEvent },
  records: [UdpLine, SocketOwner],
  syscalls: [
    "recvfrom",
    "recvmsg",
    "recvmmsg",
    "recvmmsg_time64",
    "setsockopt",
    "sendfile",
    "sendfile64",
    "socketcall",
  ],
  optional: {
    udp_send: "datagrams sent",
    udp_receive: "datagrams received",
    udp_returned: "peers of what sockets that are not connected receive, datagrams that setsockopt(2) completes",
  },
  setup,
  start: (context) => (context.host.mode === "trace" ? {} : startCounting(context)),
  trace: {
    types: {
      event: events,
      error: "string",
      family: families,
      local_address: "string",
      local_port: "integer",
      remote_address: "string",
      remote_port: "integer",
    },
    aliases: { sport: "local_port", dport: "remote_port", saddr: "local_address", daddr: "remote_address" },
    outcome: ["event", "error"],
    failed: () => true,
    columns: [
      { field: "event", heading: "EVENT", width: 14 },
      { field: "error", heading: "ERROR", width: 12 },
      { field: "local_address", heading: "LOCAL", width: 15 },
      { field: "local_port", heading: "LPORT", width: 5 },
      { field: "remote_address", heading: "REMOTE", width: 15 },
      { field: "remote_port", heading: "RPORT", width: 0 },
    ],
    fields,
  },
  views: {
    position: 40,
    columns: [
      {
        key: "udp_datagrams",
        sort: "udp",
        metric: "ringtap_udp_datagrams_total",
        unit: "count",
        heading: "UDP",
        help: "UDP datagrams sent and received",
      },
      {
        key: "udp_bytes",
        metric: "ringtap_udp_bytes_total",
        unit: "bytes",
        heading: "UDPB",
        isDetail: true,
        help: "payload of UDP datagrams sent and received, bytes",
      },
      {
        key: "udp_drops",
        metric: "ringtap_udp_receive_queue_drops_total",
        unit: "count",
        heading: "UDROP",
        isDetail: true,
        help: "UDP datagrams that did not fit into its sockets' queues",
        isFailure: true,
      },
    ],
  },
});
