/** l7: requests by protocol, role, operation and status, counted in the kernel; records for routes and for those who watch. */
import {
  addressText,
  defineSignal,
  type FlagValues,
  log2Ceil,
  objectFile,
  type Running,
  type Setup,
  type SignalContext,
  type SignalHost,
  type TraceValue,
} from "ringtap/signal";

import { areGroupsChosen, judgeGroups, noGroupSizes } from "./chosen-groups.js";
import { giveUp, startCounting } from "./counts.js";
import { hasFailed } from "./failure.js";
import { flags, type Ports } from "./flags.js";
import { RequestPaths } from "./http2/request-paths.js";
import { UnnamedRequests } from "./http2/unnamed.js";
import { Names } from "./names.js";
import { mostKnownPaths } from "./routes/known-paths.js";
import { hasPath, longestPath } from "./routes/path.js";
import { errors, protocols, roles } from "./protocols.js";
import {
  FlowLine,
  IpFamily,
  L7Active,
  L7Event,
  L7GroupNotice,
  L7HeaderPart,
  L7Protocol,
  RequestLine,
  SizeLine,
  TlsNotice,
} from "./records.js";
import { Routes } from "./routes/routes.js";
import { statementOf } from "./statement.js";
import { noTlsSizes, tlsPrograms, withTls } from "./tls/signal.js";
import { isOverUnix, noUnixSizes, UnixNames, unixPrograms, withUnix } from "./unix.js";
import { views } from "./views.js";

/** PROTOCOLS of bpf/l7/connection.h. */
const mostProtocols = 16;

/** The lines that are tried for a key: PROBES of bpf/include/ringtap/counts.h; and OVERFLOW_LINES of bpf/l7/request_counts.h. */
const fewestLines = 16;
const overflowLines = 6 * mostProtocols;

/** Where records are for those who watch alone. */
const watchedRingSize = 2 ** 18;

/** Bytes of a record without a path. */
const pathlessSize = L7Event.size - longestPath;

/** A page, where no header blocks are wanted. */
const noBlocksSize = 4096;

const allProtocols = 2 ** 32 - 1;

/** Protocols whose requests have routes, as bits: calls of gRPC are requests of HTTP/2 to the program. */
const routedProtocols = (1 << L7Protocol.http) | (1 << L7Protocol.http2);

function areRouted({ routes, routesLimit }: Values): boolean {
  return routes.length > 0 || routesLimit > 0;
}

let chosenSeed: Uint8Array | undefined;

/** For bpf/l7/path.h, the same each time. Chosen for an agent that wants it: Node takes some milliseconds for the first one. */
function pathSeed(): Uint8Array {
  return (chosenSeed ??= crypto.getRandomValues(new Uint8Array(8)));
}

function textsOf({ routes, routesLimit, dnsNames, dnsNamesLimit }: Values, paths: RequestPaths | undefined) {
  return {
    routes: new Routes({ templates: routes, limit: routesLimit }, paths),
    names: new Names({ areWanted: dnsNames, limit: dnsNamesLimit }),
  };
}

/** What traced records have their texts of: what counts them too, of the agent that was started last. */
let traced: (ReturnType<typeof textsOf> & { readonly unix: UnixNames | undefined }) | undefined;

type Values = FlagValues<typeof flags>;

/** The hook set of calls that return: bpf/l7/returns.h. */
const atReturn = "sys_exit";

const words = Object.assign({}, ...protocols.map(({ constants }) => constants)) as Record<string, Uint8Array>;

/** The bitmap `chosen_ports` of bpf/l7/left_out.h. */
function bitmapOf(ranges: readonly Ports[]): Uint8Array {
  const bitmap = new Uint8Array(65_536 / 8);
  for (const { first, last } of ranges) {
    for (let port = first; port <= last; port++) {
      bitmap[port >>> 3] = (bitmap[port >>> 3] as number) | (1 << (port & 7));
    }
  }
  return bitmap;
}

/** What is looked for, as bpf/l7/left_out.h has it: all where nothing is chosen. */
function choiceOf({ protocols: chosen, ports }: Values) {
  return {
    ...(chosen.length > 0 && {
      wanted_protocols: protocols.reduce((bits, { name }, value) => bits | (chosen.includes(name) ? 1 << value : 0), 0),
    }),
    ...(ports.length > 0 && { ports_chosen: 1, chosen_ports: bitmapOf(ports) }),
  };
}

/** A name as the kernel has it, padded with zeros. */
function commKey(comm: string): Uint8Array {
  const key = new Uint8Array(16);
  key.set(Buffer.from(comm));
  return key;
}

function setup(values: Values, { mode, watched, byPeer, cgroups, only }: SignalHost): Setup {
  const { connectionsLimit, streamsLimit, countsLimit, dnsTimeout, dnsNames, tls, unix } = values;
  const isSized = values.sizes && mode !== "trace";
  const hasRoutes = areRouted(values);
  const told = (hasRoutes ? routedProtocols : 0) | (dnsNames ? 1 << L7Protocol.dns : 0);
  const isCounting = mode !== "trace";
  const isByGroup = areGroupsChosen(values);
  if (isByGroup && !cgroups.inRecords) {
    throw new Error(
      "--l7.containers, --l7.pods and --l7.namespaces need a label of containers: add container_id, or container, pod or namespace, to --labels",
    );
  }
  const pids = [...values.pids, ...only.pids];
  const comms = [...values.comms, ...only.comms];
  const lines = isCounting ? 2 ** log2Ceil(Math.max(countsLimit, fewestLines)) : fewestLines;
  const requests = lines + overflowLines;
  return {
    constants: {
      ...words,
      ...choiceOf(values),
      groups_chosen: isByGroup ? 1 : 0,
      tls_wanted: tls ? 1 : 0,
      unix_wanted: unix ? 1 : 0,
      counting: isCounting ? 1 : 0,
      record_one_in: values.sample,
      blocks_wanted: hasRoutes ? 1 : 0,
      dns_timeout: dnsTimeout,
      names_wanted: dnsNames ? 1 : 0,
      statements_wanted: values.statements ? 1 : 0,
      sizes_wanted: isSized ? 1 : 0,
      path_seed: pathSeed(),
      request_lines: lines,
      flow_lines: lines,
    },
    sets: {
      chosen_pids: pids.map((tgid) => new Uint8Array(Uint32Array.of(tgid).buffer)),
      chosen_comms: comms.map(commKey),
    },
    variables: {
      pids_chosen: pids.length > 0 ? 1 : 0,
      comms_chosen: comms.length > 0 ? 1 : 0,
      paths_wanted: hasRoutes ? 1 : 0,
      recorded_protocols: !isCounting ? 0 : byPeer ? allProtocols : told,
      // Which peer a request had, records alone tell.
      routes_counted: isCounting && hasRoutes && !byPeer ? 1 : 0,
      failures_wanted: watched === "none" ? 0 : 1,
      successes_wanted: watched === "all" ? 1 : 0,
    },
    sizes: {
      connections: connectionsLimit,
      questions: connectionsLimit,
      question_names: dnsNames ? connectionsLimit : 1,
      sessions: connectionsLimit,
      streams: streamsLimit,
      known_paths: hasRoutes ? mostKnownPaths : 1,
      requests,
      request_keys: requests,
      flows: requests,
      flow_keys: requests,
      sizes: isSized ? requests : 1,
      size_keys: isSized ? requests : 1,
      ...(!isSized && { waiting_sizes: 1 }),
      ...(!tls && noTlsSizes),
      ...(!unix && noUnixSizes),
      ...(!isByGroup && noGroupSizes),
      ...(!hasRoutes && { header_blocks: noBlocksSize }),
    },
    without: [...(tls ? [] : tlsPrograms), ...(unix ? [] : unixPrograms)],
    ...(isCounting && told === 0 && !byPeer && { ringSize: watchedRingSize }),
  };
}

function fields(event: L7Event): Record<string, TraceValue> {
  const protocol = protocols[event.protocol];
  const isNamed = hasPath(event) || event.stream !== 0;
  const isDns = event.protocol === L7Protocol.dns;
  const statement = statementOf(event);
  const isUnix = isOverUnix(event);
  const isIpv6 = event.family === IpFamily.ipv6;
  return {
    protocol: protocol?.name,
    role: roles[event.role],
    operation: protocol?.operation(event.operation),
    route: isDns || statement !== undefined || !isNamed ? undefined : traced?.routes.text(traced.routes.of(event)),
    name: isDns ? traced?.names.textOf(event) : undefined,
    statement,
    status: event.status === 0 || protocol?.code ? undefined : event.status,
    code: protocol?.code?.(event.status),
    error: event.error === 0 ? undefined : errors[event.error],
    duration_seconds: event.duration / 1e9,
    local_address: isUnix ? undefined : addressText((index) => event.localAddress(index), isIpv6),
    local_port: isUnix ? undefined : event.localPort,
    remote_address: isUnix ? undefined : addressText((index) => event.remoteAddress(index), isIpv6),
    remote_port: isUnix ? undefined : event.remotePort,
    unix_socket: isUnix ? traced?.unix?.of(event) : undefined,
  };
}

/** Where nothing is counted. */
function traceOnly(context: SignalContext, routes: Routes): Running<L7Event> {
  const giveUpQuestions = giveUp(context);
  return {
    async maintain() {
      routes.drain();
      await giveUpQuestions();
    },
  };
}

export const l7 = defineSignal({
  api: 1,
  name: "l7",
  summary:
    "requests of HTTP, gRPC, Redis, memcached, AMQP, Kafka, PostgreSQL, MySQL and DNS by operation, status and duration",
  object: objectFile(import.meta.url, "l7"),
  optIn: true,
  syscalls: [
    ...["read", "write", "readv", "writev", "recvfrom", "sendto", "recvmsg", "sendmsg"],
    ...["recvmmsg", "recvmmsg_time64", "sendmmsg", "sendfile", "sendfile64", "splice", "recv", "send", "socketcall"],
  ],
  hooks: [
    { name: "tp_btf", without: ["l7_sys_exit"] },
    { name: atReturn, without: ["tp_btf/sock_"] },
  ],
  flags,
  ring: { record: L7Event, shortest: pathlessSize },
  records: [RequestLine, FlowLine, SizeLine, L7HeaderPart, L7Active, L7GroupNotice, TlsNotice],
  setup,
  attachesLater: ({ tls }) => tls,
  start(context, values) {
    const { tls, tlsFiles } = values;
    const unix = values.unix && context.hook !== atReturn;
    if (values.unix && !unix) {
      context.log.warn({}, "no requests over Unix sockets are seen: --l7.unix needs Linux 6.3 or newer");
    }
    if (areGroupsChosen(values)) {
      judgeGroups(context, values);
    }
    const isTracing = context.host.mode === "trace";
    const unnamed = areRouted(values) && !isTracing ? new UnnamedRequests(context) : undefined;
    const paths = areRouted(values) ? new RequestPaths(context, (reason) => unnamed?.add(reason)) : undefined;
    const texts = { ...textsOf(values, paths), unix: unix ? new UnixNames(context) : undefined };
    traced = texts;
    const counting = isTracing ? traceOnly(context, texts.routes) : startCounting(context, texts, values, unnamed);
    const running = tls ? withTls(context, tlsFiles, counting) : counting;
    return unix ? withUnix(context, running) : running;
  },
  trace: {
    types: {
      protocol: protocols.slice(1).map(({ name }) => name),
      role: roles,
      operation: "string",
      route: "string",
      name: "string",
      statement: "string",
      status: "integer",
      code: "string",
      error: errors.slice(1),
      duration_seconds: "number",
      local_address: "string",
      local_port: "integer",
      remote_address: "string",
      remote_port: "integer",
      unix_socket: "string",
    },
    aliases: { duration: "duration_seconds", sport: "local_port", dport: "remote_port" },
    outcome: ["protocol", "role", "status", "code", "error"],
    failed: hasFailed,
    columns: [
      { field: "protocol", heading: "PROTOCOL", width: 8 },
      { field: "role", heading: "ROLE", width: 6 },
      { field: "operation", heading: "OPERATION", width: 9 },
      { field: "route", heading: "ROUTE", width: 24 },
      { field: "status", heading: "STATUS", width: 6 },
      { field: "code", heading: "CODE", width: 9 },
      { field: "error", heading: "ERROR", width: 9 },
      { field: "duration_seconds", heading: "DURATION", width: 10 },
      { field: "local_port", heading: "LPORT", width: 5 },
      { field: "remote_address", heading: "REMOTE", width: 15 },
      { field: "remote_port", heading: "RPORT", width: 5 },
      { field: "unix_socket", heading: "UNIX", width: 24 },
      { field: "name", heading: "NAME", width: 4 },
      { field: "statement", heading: "STATEMENT", width: 0 },
    ],
    fields,
  },
  views,
});
