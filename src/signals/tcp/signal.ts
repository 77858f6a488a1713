/** tcp: active opens by outcome, accepts, and what connections carry while they live. */
import {
  addressText,
  defineSignal,
  DetailsByPeer,
  Dimension,
  errnoName,
  keysOf,
  objectFile,
  type PeerDirectory,
  peerOf,
  type Running,
  type SignalContext,
  single,
  type TraceValue,
  wholeNumber,
} from "ringtap/signal";
import { IpFamily, TcpEvent, TcpEventKind, TcpPhase, TcpResult, TcpRole, TcpSample } from "./records.js";
import { connectExemplar, observeConnect } from "./connect-exemplar.js";
import { Connections, connectionsMemory } from "./connections.js";
import { Links } from "./links.js";

const kinds = keysOf(TcpEventKind);
const results = keysOf(TcpResult);
const families = keysOf(IpFamily);
const roles = keysOf(TcpRole);

/** The states that /proc/net/snmp counts as CurrEstab (include/net/tcp_states.h). */
const established = 1;
const closeWait = 8;

/** Interns one tuple for each value of an enum; the result is indexed by the value. */
function internAll(dimension: Dimension, values: readonly string[]): readonly number[] {
  return values.map((value) => dimension.intern(value));
}

const outcomes = families.flatMap((family) => results.map((result) => [family, result]));

/** By family and result: the index into {@link outcomes}. */
const outcomeIndexes = families.map((_, family) => results.map((_, result) => family * results.length + result));

function declareMetrics({ metrics, identity }: SignalContext, peers: PeerDirectory | undefined) {
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
      exemplar: connectExemplar,
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

function start(context: SignalContext): Running<TcpEvent> {
  const { identity, peers } = context;
  const metrics = declareMetrics(context, peers);
  const known = new Connections();
  const snapshot = context.scan("tcp_snapshot", TcpSample, "connections");
  const discover = context.scan("tcp_discover", TcpSample);
  /** Entries of the kernel's map of connections, by the last snapshot. */
  let entries = 0;
  let watches: readonly Links[] = [];

  /** Makes the gauge what a snapshot has counted, by subject and role, in one go: no scrape shows half of it. */
  function publish(open: ReadonlyMap<number, number>): void {
    metrics.connections.zero();
    for (const [key, count] of open) {
      const role = key % roles.length;
      metrics.connections.add((key - role) / roles.length, metrics.roles[role] ?? 0, count);
    }
  }

  /** Counts what a connection has carried since it was last seen. Returns its id. */
  function advance(record: TcpEvent | TcpSample, subject: number, comm: number): number {
    const id = known.advance(record);
    if (known.sent + known.received > 0) {
      const peer = peerOf(peers, record);
      if (known.sent > 0) {
        metrics.sentBytes.add(subject, peer, known.sent);
      }
      if (known.received > 0) {
        metrics.receivedBytes.add(subject, peer, known.received);
      }
    }
    if (known.retransmits > 0) {
      metrics.retransmits.add(subject, 0, known.retransmits);
    }
    if (known.sent + known.received > 0 && record.rttUs > 0) {
      metrics.rtt.observe(comm, 0, record.rttUs * 1000);
    }
    return id;
  }

  function connect(event: TcpEvent, subject: number, comm: number): void {
    const outcome = outcomeIndexes[event.family]?.[event.result];
    metrics.connects.add(subject, metrics.outcomes.id(outcome, peerOf(peers, event)), 1);
    const id = advance(event, subject, comm);
    if (event.result === TcpResult.established) {
      observeConnect(metrics.connectSeconds, comm, event);
    } else {
      known.remove(id);
    }
  }

  function close(event: TcpEvent, subject: number, comm: number): void {
    known.remove(advance(event, subject, comm));
    if (event.duration > 0) {
      metrics.connectionSeconds.observe(comm, metrics.roles[event.role] ?? 0, event.duration);
    }
  }

  function take(event: TcpEvent): void {
    const actor = identity.of(event);
    const subject = identity.subject(actor);
    const comm = identity.comm(actor);
    switch (event.kind) {
      case TcpEventKind.connect:
        connect(event, subject, comm);
        break;
      case TcpEventKind.accept:
        metrics.accepts.add(subject, metrics.families[event.family] ?? 0, 1);
        advance(event, subject, comm);
        break;
      case TcpEventKind.close:
        close(event, subject, comm);
        break;
      case TcpEventKind.reset_sent:
        metrics.resets.add(subject, metrics.sentReset, 1);
        break;
      case TcpEventKind.reset_received:
        metrics.resets.add(subject, metrics.receivedReset, 1);
        break;
    }
  }

  return {
    records(batch) {
      if (watches.length > 0) {
        while (batch.next()) {
          for (const links of watches) {
            links.take(batch.record);
          }
          take(batch.record);
        }
        return;
      }
      while (batch.next()) {
        take(batch.record);
      }
    },

    async attached() {
      await discover.run(() => undefined);
    },

    async collect() {
      const open = new Map<number, number>();
      known.beginSnapshot();
      for (const links of watches) {
        links.began();
      }
      entries = await snapshot.run((record) => {
        if (record.phase !== TcpPhase.open) {
          return;
        }
        for (const links of watches) {
          links.saw(record);
        }
        const actor = identity.of(record);
        const subject = identity.subject(actor);
        const id = advance(record, subject, identity.comm(actor));
        const isOpen = record.state === established || record.state === closeWait;
        if (known.count(id) && isOpen) {
          const key = subject * roles.length + record.role;
          open.set(key, (open.get(key) ?? 0) + 1);
        }
      });
      known.endSnapshot();
      publish(open);
      for (const links of watches) {
        links.ended();
      }
    },

    watchLinks() {
      const links: Links = new Links(identity, peers, () => {
        watches = watches.filter((other) => other !== links);
      });
      watches = [...watches, links];
      return links;
    },

    stats: () => ({
      mapEntries: [["connections", entries]],
      memoryAtLimit: connectionsMemory(context.map("connections").info.maxEntries),
    }),
  };
}

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

/** A reset may be wanted, but whoever looks for trouble looks for it. */
function failed({ kind, result }: TcpEvent): boolean {
  return kind === TcpEventKind.connect
    ? result !== TcpResult.established
    : kind === TcpEventKind.reset_sent || kind === TcpEventKind.reset_received;
}

const flags = {
  connectionsLimit: single(
    "connections-limit",
    "<n>",
    "most TCP connections tracked",
    "262144",
    wholeNumber(1, 16_777_216),
  ),
};

export const tcp = defineSignal({
  api: 1,
  name: "tcp",
  summary: "TCP connections: opens by outcome, accepts, bytes, retransmits, resets, RTT",
  object: objectFile(import.meta.url, "tcp"),
  flags,
  ring: { record: TcpEvent },
  records: [TcpSample],
  optional: { tcp_reset_received: "resets received", tcp_reset_sent: "resets sent" },
  setup: ({ connectionsLimit }) => ({ ringSize: 2 * 2 ** 20, sizes: { connections: connectionsLimit } }),
  start,
  trace: {
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
  },
  views: {
    position: 30,
    columns: [
      {
        key: "connects",
        metric: "ringtap_tcp_connects_total",
        unit: "count",
        heading: "CONN",
        help: "TCP connects that have ended, failures among them",
      },
      {
        key: "connect_failures",
        sort: "failures",
        metric: "ringtap_tcp_connects_total",
        except: { label: "result", value: "established" },
        unit: "count",
        heading: "FAIL",
        help: "TCP connects that failed",
        isFailure: true,
      },
      {
        key: "accepts",
        metric: "ringtap_tcp_accepts_total",
        unit: "count",
        heading: "ACC",
        help: "TCP connections accepted",
      },
      {
        key: "connections",
        metric: "ringtap_tcp_connections",
        unit: "count",
        isLevel: true,
        heading: "CONNS",
        help: "TCP connections open now",
      },
      {
        key: "sent_bytes",
        sort: "sent",
        metric: "ringtap_tcp_sent_bytes_total",
        unit: "bytes",
        heading: "SENT",
        help: "TCP payload sent, bytes",
      },
      {
        key: "received_bytes",
        sort: "received",
        metric: "ringtap_tcp_received_bytes_total",
        unit: "bytes",
        heading: "RECV",
        help: "TCP payload received, bytes",
      },
      {
        key: "retransmits",
        metric: "ringtap_tcp_retransmits_total",
        unit: "count",
        heading: "RTX",
        isDetail: true,
        help: "TCP segments sent again",
        isFailure: true,
      },
      { key: "resets", metric: "ringtap_tcp_resets_total", unit: "count", help: "TCP resets sent and received" },
    ],
    latencies: [
      { key: "connect", title: "TCP connect", metric: "ringtap_tcp_connect_seconds" },
      { key: "rtt", title: "TCP round trip", metric: "ringtap_tcp_rtt_seconds" },
      { key: "connection", title: "TCP connection, lifetime", metric: "ringtap_tcp_connection_seconds" },
    ],
    headline: [{ title: "TCP connects", column: "connects" }],
  },
});
