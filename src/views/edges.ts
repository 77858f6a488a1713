/** Who talks to whom over TCP: an edge for each process, direction and far end. */
import { TcpEvent, TcpEventKind, TcpResult, TcpRole, TcpSample } from "../signals/tcp/records.js";
import type { Identity } from "../identity/identity.js";
import { KeyTable } from "../metrics/key-table.js";
import { Connections } from "../signals/tcp/connections.js";
import { type PeerDirectory, peerOf } from "../sdk/peers.js";
import type { RunningSignal } from "../engine/running.js";
import { type ConnectionRecord, edgeEnds, edgeKeyWords, farEnd, writeEdgeKey } from "./edge-key.js";
import { labelsOf } from "./processes.js";
import type { Edge, EdgeEnds, EdgeTotals } from "./protocol.js";

/** The most edges; what others carry goes to one `~other` for each direction. */
const mostEdges = 2048;

/** An edge without open connections on which nothing happens is forgotten after this time, milliseconds. */
const memory = 60_000;

/** The same for an edge whose process has exited. */
const memoryOfExited = 10_000;

/** What the ends of `~other` are called. */
const other = "~other";

export interface EdgeWatch {
  /** The edges as they stand after the last collect. */
  edges(): Edge[];
  close(): void;
}

/** An edge as it is kept. */
interface Kept extends EdgeTotals {
  readonly ends: EdgeEnds;
  readonly comm: string;
  readonly subject: number;
  /** The subject's, by which it is told from a later one of its id. */
  readonly values: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** Connections that the census under way has shown. */
  counted: number;
  /** When something happened last, milliseconds. */
  seen: number;
}

/** The edges of the time that somebody watches. */
class Edges {
  readonly #identity: Identity;
  readonly #peers: PeerDirectory | undefined;
  readonly #known = new Connections();
  readonly #table = new KeyTable(edgeKeyWords);
  readonly #key = new Uint32Array(edgeKeyWords);
  /** By id in the table. */
  readonly #edges: (Kept | undefined)[] = [];
  readonly #others: Readonly<Record<EdgeEnds["role"], Kept>>;
  /** What connections had carried before the first census counts for nobody. */
  #isReady = false;

  constructor(identity: Identity, peers: PeerDirectory | undefined) {
    this.#identity = identity;
    this.#peers = peers;
    this.#others = { client: this.#other("client"), server: this.#other("server") };
  }

  /** Takes what a record of the ring tells. */
  take(event: TcpEvent): void {
    const { kind } = event;
    if (kind === TcpEventKind.reset_sent || kind === TcpEventKind.reset_received) {
      return;
    }
    const edge = this.#of(event);
    const connection = this.#advance(event, edge);
    const failed = kind === TcpEventKind.connect && event.result !== TcpResult.established;
    if (failed) {
      edge.failures++;
    } else if (kind !== TcpEventKind.close) {
      edge.connects++;
    }
    if (failed || kind === TcpEventKind.close) {
      this.#known.remove(connection);
    }
    edge.seen = performance.now();
  }

  began(): void {
    this.#known.beginSnapshot();
    for (const edge of this.#all()) {
      edge.counted = 0;
    }
  }

  saw(sample: TcpSample): void {
    const edge = this.#of(sample);
    if (this.#known.count(this.#advance(sample, edge))) {
      edge.counted++;
    }
  }

  ended(): void {
    this.#known.endSnapshot();
    this.#isReady = true;
    for (const edge of this.#all()) {
      edge.open = edge.counted;
    }
    const now = performance.now();
    for (const [id, edge] of this.#edges.entries()) {
      if (edge?.open === 0 && now - edge.seen > this.#memoryOf(edge)) {
        this.#edges[id] = undefined;
        this.#table.remove(id);
      }
    }
  }

  list(): Edge[] {
    const found = this.#edges.flatMap((edge, id) =>
      edge === undefined ? [] : this.#shown(edge, id, this.#peerLabels(id)),
    );
    const { client, server } = this.#others;
    const others = [client, server].filter((edge) => edge.seen > 0);
    return [...found, ...others.map((edge, index) => this.#shown(edge, -1 - index, {}))];
  }

  *#all(): Generator<Kept> {
    for (const edge of this.#edges) {
      if (edge !== undefined) {
        yield edge;
      }
    }
    yield this.#others.client;
    yield this.#others.server;
  }

  #memoryOf({ ends }: Kept): number {
    return this.#identity.stateOf(ends.pid) !== "active" ? memoryOfExited : memory;
  }

  /** The edge of a connection, a new one if need be. */
  #of(record: ConnectionRecord): Kept {
    writeEdgeKey(record, this.#key);
    const id = this.#table.find(this.#key);
    const edge = id < 0 ? undefined : this.#edges[id];
    if (edge !== undefined) {
      return edge;
    }
    if (this.#table.size >= mostEdges) {
      return record.role === TcpRole.server ? this.#others.server : this.#others.client;
    }
    const added = this.#table.add(this.#key);
    const subject = this.#identity.subject(this.#identity.of(record));
    return (this.#edges[added] = this.#begin(edgeEnds(this.#table, added), record.comm, subject));
  }

  #begin(ends: EdgeEnds, comm: string, subject: number): Kept {
    const { subjects } = this.#identity;
    return {
      ends,
      comm,
      subject,
      values: subjects.values(subject),
      labels: labelsOf(subjects, subject),
      connects: 0,
      failures: 0,
      sent_bytes: 0,
      received_bytes: 0,
      open: 0,
      counted: 0,
      seen: performance.now(),
    };
  }

  #other(role: EdgeEnds["role"]): Kept {
    const ends = { pid: 0, role, address: other, port: 0, local: other, remote: other };
    return { ...this.#begin(ends, other, this.#identity.subjects.other), seen: 0 };
  }

  /** Counts what a connection has carried since it was last seen. Returns its id. */
  #advance(record: ConnectionRecord, edge: Kept): number {
    const known = this.#known;
    const id = known.advance(record);
    if (this.#isReady && known.sent + known.received > 0) {
      edge.sent_bytes += known.sent;
      edge.received_bytes += known.received;
      edge.seen = performance.now();
    }
    return id;
  }

  #peerLabels(id: number): Record<string, string> {
    return this.#peers === undefined
      ? {}
      : labelsOf(this.#peers.dimension, peerOf(this.#peers, farEnd(this.#table, id)));
  }

  #shown(edge: Kept, id: number, peer: Record<string, string>): Edge {
    const { ends, comm, labels, connects, failures, sent_bytes, received_bytes, open } = edge;
    const { subjects } = this.#identity;
    const isThere = subjects.has(edge.subject) && subjects.values(edge.subject) === edge.values;
    const process = isThere ? edge.subject : undefined;
    return { id, ...ends, comm, process, labels, peer, connects, failures, sent_bytes, received_bytes, open };
  }
}

/**
 * Begins to watch the connections of the signal `tcp`, which costs a look-up for each of its records and each open connection at
 * each collect; without that signal there are no edges. Until the first collect, bytes are not counted.
 */
export function watchEdges(
  signals: readonly RunningSignal[],
  identity: Identity,
  peers: PeerDirectory | undefined,
): EdgeWatch {
  const edges = new Edges(identity, peers);
  const tcp = signals.find(({ signal }) => signal.record === TcpEvent);
  const stops = [
    tcp?.watch((record) => {
      if (record instanceof TcpEvent) {
        edges.take(record);
      }
    }),
    tcp?.watchCensus({
      began: () => {
        edges.began();
      },
      saw: (record) => {
        if (record instanceof TcpSample) {
          edges.saw(record);
        }
      },
      ended: () => {
        edges.ended();
      },
    }),
  ];
  return {
    edges: () => edges.list(),
    close() {
      for (const stop of stops) {
        stop?.();
      }
    },
  };
}
