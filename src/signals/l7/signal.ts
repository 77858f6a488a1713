/** l7: requests by protocol, role, operation and status, counted in the kernel; records for those who watch. */
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

import { giveUp, startCounting } from "./counts.js";
import { flags } from "./flags.js";
import { errors, protocols, roles } from "./protocols.js";
import { FlowLine, IpFamily, L7Event, RequestLine } from "./records.js";
import { noTlsSizes, tlsPrograms, withTls } from "./tls/signal.js";

/** The lines that are tried for a key: PROBES of bpf/include/ringtap/counts.h; and OVERFLOW_LINES of bpf/l7/request_counts.h. */
const fewestLines = 16;
const overflowLines = 4 * protocols.length;

/** Records are for those who watch. */
const watchedRingSize = 2 ** 18;

const words = Object.assign({}, ...protocols.map(({ constants }) => constants)) as Record<string, Uint8Array>;

function setup(
  { connectionsLimit, streamsLimit, countsLimit, dnsTimeout, tls }: FlagValues<typeof flags>,
  { mode, watched }: SignalHost,
): Setup {
  const isCounting = mode !== "trace";
  const lines = isCounting ? 2 ** log2Ceil(Math.max(countsLimit, fewestLines)) : fewestLines;
  const requests = lines + overflowLines;
  return {
    constants: {
      ...words,
      tls_wanted: tls ? 1 : 0,
      counting: isCounting ? 1 : 0,
      dns_timeout: dnsTimeout,
      request_lines: lines,
      flow_lines: lines,
    },
    variables: { failures_wanted: watched === "none" ? 0 : 1, successes_wanted: watched === "all" ? 1 : 0 },
    sizes: {
      connections: connectionsLimit,
      questions: connectionsLimit,
      sessions: connectionsLimit,
      streams: streamsLimit,
      requests,
      request_keys: requests,
      flows: requests,
      flow_keys: requests,
      ...(!tls && noTlsSizes),
    },
    ...(!tls && { without: tlsPrograms }),
    ...(isCounting && { ringSize: watchedRingSize }),
  };
}

function fields(event: L7Event): Record<string, TraceValue> {
  const protocol = protocols[event.protocol];
  return {
    protocol: protocol?.name,
    role: roles[event.role],
    operation: protocol?.operation(event.operation),
    status: event.status === 0 || protocol?.code ? undefined : event.status,
    code: protocol?.code?.(event.status),
    error: event.error === 0 ? undefined : errors[event.error],
    duration_seconds: event.duration / 1e9,
    local_address: addressText((index) => event.localAddress(index), event.family === IpFamily.ipv6),
    local_port: event.localPort,
    remote_address: addressText((index) => event.remoteAddress(index), event.family === IpFamily.ipv6),
    remote_port: event.remotePort,
  };
}

export const l7 = defineSignal({
  api: 1,
  name: "l7",
  summary: "requests of HTTP, gRPC, Redis, PostgreSQL, MySQL and DNS by operation, status and duration",
  object: objectFile(import.meta.url, "l7"),
  optIn: true,
  flags,
  ring: { record: L7Event },
  records: [RequestLine, FlowLine],
  setup,
  attachesLater: ({ tls }) => tls,
  start: (context, { tls, tlsFiles }) => {
    const running = context.host.mode === "trace" ? { maintain: giveUp(context) } : startCounting(context, tls);
    return tls ? withTls(context, tlsFiles, running) : running;
  },
  trace: {
    types: {
      protocol: protocols.slice(1).map(({ name }) => name),
      role: roles,
      operation: "string",
      status: "integer",
      code: "string",
      error: errors.slice(1),
      duration_seconds: "number",
      local_address: "string",
      local_port: "integer",
      remote_address: "string",
      remote_port: "integer",
    },
    aliases: { duration: "duration_seconds", sport: "local_port", dport: "remote_port" },
    outcome: ["protocol", "role", "status", "code", "error"],
    failed: ({ protocol, status, error }) => error !== 0 || status >= (protocols[protocol]?.failingStatus ?? 0),
    columns: [
      { field: "protocol", heading: "PROTOCOL", width: 8 },
      { field: "role", heading: "ROLE", width: 6 },
      { field: "operation", heading: "OPERATION", width: 9 },
      { field: "status", heading: "STATUS", width: 6 },
      { field: "code", heading: "CODE", width: 9 },
      { field: "error", heading: "ERROR", width: 9 },
      { field: "duration_seconds", heading: "DURATION", width: 10 },
      { field: "local_port", heading: "LPORT", width: 5 },
      { field: "remote_address", heading: "REMOTE", width: 15 },
      { field: "remote_port", heading: "RPORT", width: 0 },
    ],
    fields,
  },
});
