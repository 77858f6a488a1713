/** tcp: active opens by outcome, accepts, and what connections carry while they live. */
import {
  defineSignal,
  type FlagValues,
  type HookSet,
  objectFile,
  peerOf,
  type Running,
  showRemote,
  type SignalContext,
} from "ringtap/signal";
import { Connections, connectionsMemory } from "./connections.js";
import { Counts } from "./counts.js";
import { flags } from "./flags.js";
import { Links } from "./links.js";
import { declareMetrics, outcomeIndexes } from "./metrics.js";
import { TcpEvent, TcpEventKind, TcpLine, TcpPhase, TcpResult, TcpSample } from "./records.js";
import { hasPreallocated, setup } from "./setup.js";
import { Strays } from "./strays.js";
import { trace } from "./trace.js";
import { views } from "./views.js";
import { roles } from "./words.js";

/** The states that /proc/net/snmp counts as CurrEstab (include/net/tcp_states.h). */
const established = 1;
const closeWait = 8;

/** The kernel's map of resets that are not decided has room for 16 times as many (UNDECIDED_MAX, bpf/tcp/resets.h). */
const fewResets = 1024;

/** Programs at the return of the calls of `syscalls` alone, and for those that wait in accept(2) already: bpf/tcp/accepting.h. */
const fexit: HookSet = { name: "fexit", without: ["tcp_sys_exit"], compat: ["fexit/__ia32_"] };
const dispatched: HookSet = { name: "tp_btf", without: ["fexit/", "fentry/", "tcp_accepting", "accepting"] };

function start(context: SignalContext, values: FlagValues<typeof flags>): Running<TcpEvent> {
  const { identity, peers } = context;
  const metrics = declareMetrics(context, peers);
  const { connectionsLimit } = values;
  const known = new Connections(connectionsLimit);
  const counts = context.host.mode === "trace" ? undefined : new Counts(context, metrics);
  const snapshots = (hasPreallocated(values) ? ["preallocated", "connections"] : ["connections"]).map((map) =>
    context.scan("tcp_snapshot", TcpSample, map),
  );
  const accepting = context.hook === fexit.name ? context.scan("tcp_accepting", TcpSample) : undefined;
  const discover = context.scan("tcp_discover", TcpSample);
  const discoverUnowned = context.scan("tcp_discover_unowned", TcpSample);
  const decide = context.scan("tcp_decide", TcpSample, "undecided");
  const strays = new Strays(context, [
    (subject, count) => {
      metrics.retransmits.add(subject, 0, count);
    },
    (subject, count) => {
      metrics.resets.add(subject, metrics.sentReset, count);
    },
  ]);
  /** Entries of the kernel's maps of connections, by the last snapshot. */
  let entries = 0;
  /** Has the kernel decided on few resets when it was asked last, so that its map of those that are not decided is far from full? */
  let decidesFew = false;
  let watches: readonly Links[] = [];

  /** Makes the gauge what a snapshot has counted, by subject and role, in one go: no scrape shows half of it. */
  function publish(open: ReadonlyMap<number, number>): void {
    metrics.connections.zero();
    for (const [key, count] of open) {
      const role = key % roles.length;
      metrics.connections.add((key - role) / roles.length, metrics.roles[role] ?? 0, count);
    }
  }

  /** Counts what `known` says that a connection has carried since it was last seen. */
  function carry(record: TcpEvent | TcpSample, subject: number, comm: number): void {
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
  }

  function connect(event: TcpEvent, subject: number, comm: number): void {
    const outcome = outcomeIndexes[event.family]?.[event.result];
    metrics.connects.add(subject, metrics.outcomes.id(outcome, peerOf(peers, event)), 1);
    if (event.result === TcpResult.established) {
      known.advance(event);
      if (event.duration > 0) {
        const row = metrics.connectSeconds.row(comm);
        metrics.connectSeconds.observeAt(row, event.duration);
        showRemote(metrics.connectSeconds, row, event);
      }
    } else {
      known.end(event);
    }
    carry(event, subject, comm);
  }

  function close(event: TcpEvent, subject: number, comm: number): void {
    known.end(event);
    carry(event, subject, comm);
    if (event.duration > 0) {
      metrics.connectionSeconds.observe(comm, metrics.roles[event.role] ?? 0, event.duration);
    }
  }

  /** An event that a line of the kernel has is only shown. */
  function show(event: TcpEvent): void {
    if (event.kind === TcpEventKind.connect && event.result === TcpResult.established && event.duration > 0) {
      const { connectSeconds } = metrics;
      showRemote(connectSeconds, connectSeconds.row(identity.comm(identity.of(event))), event);
    }
  }

  function take(event: TcpEvent): void {
    if (event.counted !== 0) {
      show(event);
      return;
    }
    const actor = identity.of(event);
    const subject = identity.subject(actor);
    const comm = identity.comm(actor);
    switch (event.kind) {
      case TcpEventKind.connect:
        connect(event, subject, comm);
        break;
      case TcpEventKind.accept:
        metrics.accepts.add(subject, metrics.families[event.family] ?? 0, 1);
        known.advance(event);
        carry(event, subject, comm);
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

  /** Reads what the kernel has counted, and has it count the resets that have turned out to be received. */
  async function readCounts(): Promise<void> {
    await decide.run(() => undefined);
    await strays.read();
    const before = counts?.resetsReceived ?? 0;
    await counts?.read();
    decidesFew = (counts?.resetsReceived ?? 0) - before < fewResets;
  }

  return {
    records(batch) {
      if (watches.length > 0) {
        while (batch.next()) {
          for (const links of watches) {
            links.addRecord(batch.record);
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
      await accepting?.run(() => undefined);
      await discover.run(() => undefined);
      await discoverUnowned.run(() => undefined);
    },

    async collect() {
      await readCounts();
      const open = new Map<number, number>();
      known.beginSnapshot();
      for (const links of watches) {
        links.beginScan();
      }
      const takeSample = (record: TcpSample): void => {
        if (record.phase !== TcpPhase.open) {
          return;
        }
        for (const links of watches) {
          links.addSample(record);
        }
        const actor = identity.of(record);
        const subject = identity.subject(actor);
        const isFirst = known.show(record);
        carry(record, subject, identity.comm(actor));
        if (isFirst && (record.state === established || record.state === closeWait)) {
          const key = subject * roles.length + record.role;
          open.set(key, (open.get(key) ?? 0) + 1);
        }
      };
      let found = 0;
      for (const snapshot of snapshots) {
        found += await snapshot.run(takeSample);
      }
      entries = found;
      known.endSnapshot();
      publish(open);
      for (const links of watches) {
        links.endScan();
      }
    },

    maintain: readCounts,
    get maintainMayWait() {
      return decidesFew;
    },

    watchLinks() {
      const links: Links = new Links(identity, peers, connectionsLimit, () => {
        watches = watches.filter((other) => other !== links);
      });
      watches = [...watches, links];
      return links;
    },

    stats: () => ({
      collected: strays.collected + (counts?.collected ?? 0),
      mapEntries: [
        ["connections", entries],
        [strays.counters.name, strays.counters.size],
        ...(counts === undefined ? [] : [[counts.counters.name, counts.counters.size] as const]),
      ],
      memoryAtLimit:
        connectionsMemory(connectionsLimit) + strays.counters.memoryAtLimit + (counts?.counters.memoryAtLimit ?? 0),
    }),
  };
}

export const tcp = defineSignal({
  api: 1,
  name: "tcp",
  summary: "TCP connections: opens by outcome, accepts, bytes, retransmits, resets, RTT",
  object: objectFile(import.meta.url, "tcp"),
  syscalls: ["connect", "accept", "accept4", "getsockopt", "socketcall"],
  hooks: [fexit, dispatched],
  flags,
  ring: { record: TcpEvent },
  records: [TcpSample, TcpLine],
  optional: {
    tcp_reset_received: "resets received",
    tcp_reset_sent: "resets sent",
    tcp_synack_retransmitted: "SYN-ACKs sent again before the handshake",
  },
  setup,
  start,
  trace,
  views,
});
