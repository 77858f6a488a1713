/** How a TCP event is traced. */
import { addressText, errnoName, type Trace, type TraceValue } from "ringtap/signal";
import type { TcpEvent } from "./records.js";
import { IpFamily, TcpEventKind, TcpResult } from "./records.js";
import { families, kinds, results, roles } from "./words.js";

function fields(event: TcpEvent): Record<string, TraceValue> {
  const { kind } = event;
  const connects = kind === TcpEventKind.connect;
  const carried = kind === TcpEventKind.close;
  return {
    event: kinds[kind],
    role: roles[event.role],
    family: families[event.family],
    local_address: addressText((index) => event.localAddress(index), event.family === IpFamily.ipv6),
    local_port: event.localPort,
    remote_address: addressText((index) => event.remoteAddress(index), event.family === IpFamily.ipv6),
    remote_port: event.remotePort,
    result: connects ? results[event.result] : undefined,
    error: connects && event.error !== 0 ? errnoName(event.error) : undefined,
    duration_seconds: event.duration > 0 ? event.duration / 1e9 : undefined,
    sent_bytes: carried ? event.sent : undefined,
    received_bytes: carried ? event.received : undefined,
    retransmits: connects || carried ? event.retransmits : undefined,
    rtt_seconds: event.rttUs > 0 ? event.rttUs / 1e6 : undefined,
  };
}

/** Resets count as failures: some are intended, but a search for trouble has to show them. */
function failed({ kind, result }: TcpEvent): boolean {
  return kind === TcpEventKind.connect
    ? result !== TcpResult.established
    : kind === TcpEventKind.reset_sent || kind === TcpEventKind.reset_received;
}

export const trace: Trace<TcpEvent> = {
  types: {
    event: kinds,
    role: roles,
    family: families,
    local_address: "string",
    local_port: "integer",
    remote_address: "string",
    remote_port: "integer",
    result: results,
    error: "string",
    duration_seconds: "number",
    sent_bytes: "integer",
    received_bytes: "integer",
    retransmits: "integer",
    rtt_seconds: "number",
  },
  aliases: { sport: "local_port", dport: "remote_port", saddr: "local_address", daddr: "remote_address" },
  outcome: ["event", "result"],
  failed,
  columns: [
    { field: "event", heading: "EVENT", width: 14 },
    { field: "local_address", heading: "LOCAL", width: 15 },
    { field: "local_port", heading: "LPORT", width: 5 },
    { field: "remote_address", heading: "REMOTE", width: 15 },
    { field: "remote_port", heading: "RPORT", width: 5 },
    { field: "result", heading: "RESULT", width: 11 },
    { field: "duration_seconds", heading: "DURATION", width: 10 },
    { field: "sent_bytes", heading: "SENT", width: 10 },
    { field: "received_bytes", heading: "RECEIVED", width: 0 },
  ],
  fields,
};
