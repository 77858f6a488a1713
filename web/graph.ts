/** From links to a graph of two sides: who connects, and who listens. */
import type { Link, LinkRequests } from "../src/views/protocol.js";
import { endpoint } from "./format.js";
import type { RatedLink } from "./model.js";

/** What makes a line wide. */
export type Measure = "connects" | "requests" | "bytes" | "open";

export interface GraphNode {
  readonly name: string;
  /** Is it a process of this machine? */
  readonly isLocal: boolean;
  /** The sum of its lines. */
  value: number;
  failing: number;
}

export interface GraphLine {
  readonly from: GraphNode;
  readonly to: GraphNode;
  /** As the measure says; a second, but for what is open. */
  value: number;
  /** Failed connects and requests a second. */
  failing: number;
  /** Requests a second. */
  asking: number;
  /** Connects, failures and open connections altogether. */
  connects: number;
  failures: number;
  open: number;
  /** Requests altogether, by protocol. */
  readonly requests: Map<string, LinkRequests>;
}

export interface Graph {
  readonly clients: readonly GraphNode[];
  readonly servers: readonly GraphNode[];
  readonly lines: readonly GraphLine[];
  /** Nodes beyond the limit. */
  readonly hidden: number;
}

/** The node of all that is beyond the limit. */
const other = "~other";

/** How a process is called: by a label of its own. A process without that label goes by its comm. */
function processName({ labels, comm, pid }: Link, group: string): string {
  const value = labels[group] ?? "";
  return group === "process" ? `${comm} ${pid}` : value === "" ? comm : value;
}

/** The far end: by the name of its service where the agent knows one. */
function farName({ peer, remote, role, port }: Link): string {
  const { peer_service: service = "", peer_namespace: namespace = "" } = peer;
  const name =
    service === "" || service.startsWith("~") ? remote : namespace === "" ? service : `${service}.${namespace}`;
  return role === "client" && remote !== other ? endpoint(name, port) : name;
}

function place({ address, port }: Link): string {
  return `${address} ${port}`;
}

function valueOf({ row, rates }: RatedLink, measure: Measure): number {
  switch (measure) {
    case "connects":
      return rates.connects + rates.failures;
    case "requests":
      return rates.requests;
    case "bytes":
      return rates.sent_bytes + rates.received_bytes;
    case "open":
      return row.open;
  }
}

/** The nodes of one side, by name. */
class Side {
  readonly #nodes = new Map<string, GraphNode>();

  node(name: string, isLocal: boolean): GraphNode {
    const node = this.#nodes.get(name) ?? { name, isLocal, value: 0, failing: 0 };
    this.#nodes.set(name, node);
    return node;
  }

  get sorted(): GraphNode[] {
    return [...this.#nodes.values()].sort(
      (a, b) => b.value - a.value || b.failing - a.failing || (a.name < b.name ? -1 : 1),
    );
  }
}

/** Adds requests of a protocol to those of others; what 99 % took is that of the slowest. */
function addRequests(to: Map<string, LinkRequests>, of: LinkRequests): void {
  const { requests = 0, failures = 0, p99 = 0 } = to.get(of.protocol) ?? {};
  to.set(of.protocol, {
    protocol: of.protocol,
    requests: requests + of.requests,
    failures: failures + of.failures,
    p99: Math.max(p99, of.p99),
  });
}

/** Lines between two sides. */
class Lines {
  readonly clients = new Side();
  readonly servers = new Side();
  readonly #lines = new Map<string, GraphLine>();

  add(
    client: readonly [string, boolean],
    server: readonly [string, boolean],
    { requests, ...what }: Omit<GraphLine, "from" | "to" | "requests"> & { readonly requests: Iterable<LinkRequests> },
  ): void {
    const from = this.clients.node(...client);
    const to = this.servers.node(...server);
    const key = JSON.stringify([from.name, to.name]);
    const line = this.#lines.get(key) ?? {
      ...{ from, to, value: 0, failing: 0, asking: 0, connects: 0, failures: 0, open: 0 },
      requests: new Map<string, LinkRequests>(),
    };
    this.#lines.set(key, line);
    for (const name of ["value", "failing", "asking", "connects", "failures", "open"] as const) {
      line[name] += what[name];
    }
    for (const of of requests) {
      addRequests(line.requests, of);
    }
    for (const node of [from, to]) {
      node.value += what.value;
      node.failing += what.failing;
    }
  }

  get all(): GraphLine[] {
    return [...this.#lines.values()];
  }
}

/** Draws the lines of nodes beyond the first `most` of each side to one node. */
function limited(lines: Lines, most: number): Graph {
  const shown = (side: Side): Set<GraphNode> => new Set(side.sorted.slice(0, most));
  const clients = shown(lines.clients);
  const servers = shown(lines.servers);
  const less = new Lines();
  for (const { from, to, requests, ...what } of lines.all) {
    less.add(
      clients.has(from) ? [from.name, from.isLocal] : [other, false],
      servers.has(to) ? [to.name, to.isLocal] : [other, false],
      { ...what, requests: requests.values() },
    );
  }
  const hidden = lines.clients.sorted.length + lines.servers.sorted.length - clients.size - servers.size;
  return { clients: less.clients.sorted, servers: less.servers.sorted, lines: less.all, hidden };
}

/** Makes the graph, with at most `most` nodes on each side and one for the rest; `group` is a label, or "process". */
export function graphOf(rated: readonly RatedLink[], group: string, measure: Measure, most: number): Graph {
  /** Who listens where, of the processes of this machine. */
  const listeners = new Map<string, string>();
  /** Connections that are seen at their client's end too. */
  const seen = new Set<string>();
  for (const { row } of rated) {
    if (row.role === "server") {
      listeners.set(place(row), `${processName(row, group)} :${row.port}`);
    } else {
      seen.add(`${row.local} ${place(row)}`);
    }
  }
  const lines = new Lines();
  for (const link of rated) {
    const { row, rates } = link;
    const isServer = row.role === "server";
    if (isServer && seen.has(`${row.remote} ${place(row)}`)) {
      continue;
    }
    const listener = listeners.get(place(row));
    const far = farName(row);
    lines.add(
      isServer ? [far, false] : [processName(row, group), true],
      isServer ? [listener ?? far, true] : [listener ?? far, listener !== undefined],
      {
        value: valueOf(link, measure),
        failing: rates.failures + rates.request_failures,
        asking: rates.requests,
        connects: row.connects,
        failures: row.failures,
        open: row.open,
        requests: row.requests ?? [],
      },
    );
  }
  return limited(lines, most);
}
