/** The metrics of the signal tcp. */
import { DetailsByPeer, Dimension, type PeerDirectory, remoteExemplar, type SignalContext } from "ringtap/signal";
import { families, results, roles } from "./words.js";

/** Interns one tuple for each value of an enum; the result is indexed by the value. */
function internAll(dimension: Dimension, values: readonly string[]): readonly number[] {
  return values.map((value) => dimension.intern(value));
}

const outcomes = families.flatMap((family) => results.map((result) => [family, result]));

/** By family and result: the index into {@link outcomes}. */
export const outcomeIndexes = families.map((_, family) => results.map((_, result) => family * results.length + result));

export type TcpMetrics = ReturnType<typeof declareMetrics>;

/** Declares the metrics; those of bytes and outcomes have labels of the peer where a directory of peers is given. */
export function declareMetrics({ metrics, identity }: SignalContext, peers: PeerDirectory | undefined) {
  const peer = peers?.dimension;
  const family = new Dimension(["family"]);
  const outcome = new Dimension(["family", "result", ...(peer?.names ?? [])]);
  const role = new Dimension(["role"]);
  const direction = new Dimension(["direction"]);
  const byPeer = peer === undefined ? {} : { detail: peer };
  const { subjects, comms } = identity;
  return {
    families: internAll(family, families),
    outcomes: new DetailsByPeer(outcome, outcomes, peers),
    roles: internAll(role, roles),
    sentReset: direction.intern("sent"),
    receivedReset: direction.intern("received"),
    connects: metrics.counter({
      name: "ringtap_tcp_connects_total",
      help: "Active opens that have ended, by outcome.",
      subject: subjects,
      detail: outcome,
    }),
    connectSeconds: metrics.histogram({
      name: "ringtap_tcp_connect_seconds",
      help: "Time from SYN to established, of active opens that succeeded.",
      subject: comms,
      exemplar: remoteExemplar,
    }),
    accepts: metrics.counter({
      name: "ringtap_tcp_accepts_total",
      help: "Connections that accept or accept4 returned.",
      subject: subjects,
      detail: family,
    }),
    connections: metrics.gauge({
      name: "ringtap_tcp_connections",
      help: "Connections in state ESTABLISHED or CLOSE_WAIT.",
      subject: subjects,
      detail: role,
    }),
    connectionSeconds: metrics.histogram({
      name: "ringtap_tcp_connection_seconds",
      help: "Lifetime of connections that have ended: from SYN, or from accept, to CLOSE.",
      subject: comms,
      detail: role,
    }),
    sentBytes: metrics.counter({
      name: "ringtap_tcp_sent_bytes_total",
      help: "Payload bytes sent, retransmissions left out; open connections included.",
      subject: subjects,
      ...byPeer,
    }),
    receivedBytes: metrics.counter({
      name: "ringtap_tcp_received_bytes_total",
      help: "Payload bytes received in order; open connections included.",
      subject: subjects,
      ...byPeer,
    }),
    retransmits: metrics.counter({
      name: "ringtap_tcp_retransmits_total",
      help: "Segments retransmitted, SYN and SYN-ACK included.",
      subject: subjects,
    }),
    resets: metrics.counter({
      name: "ringtap_tcp_resets_total",
      help: "RST segments sent or received on a process's connections.",
      subject: subjects,
      detail: direction,
    }),
    rtt: metrics.histogram({
      name: "ringtap_tcp_rtt_seconds",
      help: "Smoothed round-trip time of each connection that carried data, sampled at each scrape and when the connection ends.",
      subject: comms,
      firstPower: -18,
    }),
  };
}
