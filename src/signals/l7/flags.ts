/** The flags of the signal l7. */
import {
  atMost,
  commOf,
  duration,
  inTrace,
  list,
  oneOf,
  onlyInTrace,
  pidOf,
  refuse,
  single,
  toggle,
  wholeNumber,
} from "ringtap/signal";

import { protocols } from "./protocols.js";
import { templateOf } from "./routes/templates.js";

/** Processes, or names of processes, that can be chosen: CHOSEN_MAX of bpf/l7/left_out.h. */
const mostChosen = 1024;

/** A range of ports, both ends included. */
export interface Ports {
  readonly first: number;
  readonly last: number;
}

const mostPort = 65_535;

/** A port such as `80`, or a range such as `8000-8999`. */
function portsOf(text: string): Ports {
  const [, first = "", last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const ports = { first: Number(first), last: Number(last) };
  return ports.first >= 1 && ports.first <= ports.last && ports.last <= mostPort
    ? ports
    : refuse(text, `expected a port, or a range such as 8000-8999, from 1 to ${mostPort}`);
}

function textOf(text: string): string {
  return text === "" ? refuse(text, "expected a name") : text;
}

export const flags = {
  /** Empty for all. */
  protocols: inTrace(
    list(
      "protocols",
      "<name,...>",
      "only requests of these protocols",
      "",
      oneOf(protocols.slice(1).map(({ name }) => name)),
    ),
  ),
  /** Empty for all. */
  ports: inTrace(list("ports", "<port,...>", "only requests to these ports: 80,8000-8999", "", portsOf)),
  /** Empty for all. */
  pids: atMost(mostChosen, list("pids", "<pid,...>", "only requests of these processes", "", pidOf)),
  /** Empty for all. */
  comms: atMost(mostChosen, list("comms", "<comm,...>", "only requests of processes of these names", "", commOf)),
  /** Empty for all. A container's name, or its id. */
  containers: inTrace(
    atMost(
      mostChosen,
      list("containers", "<name,...>", "only requests of these containers, by name or id", "", textOf),
    ),
  ),
  /** Empty for all. */
  pods: inTrace(atMost(mostChosen, list("pods", "<name,...>", "only requests of these pods", "", textOf))),
  /** Empty for all. */
  namespaces: inTrace(
    atMost(mostChosen, list("namespaces", "<name,...>", "only requests of pods of these namespaces", "", textOf)),
  ),
  /** Best ones first where several match. */
  routes: inTrace(
    atMost(
      256,
      list("http.routes", "<template,...>", "routes of HTTP's requests: /cart/{id},/static/*", "", templateOf),
    ),
  ),
  routesLimit: inTrace(
    single(
      "http.routes-limit",
      "<n>",
      "most other routes learned for a program in a container; 0: none",
      "100",
      wholeNumber(0, 1000),
    ),
  ),
  sample: single(
    "sample",
    "<n>",
    "records of one in so many requests, of those that neither failed nor have a path met often; all are counted",
    "1",
    wholeNumber(1, 1_000_000),
  ),
  sizes: toggle("http.sizes", "sizes of the bodies of HTTP's requests and responses"),
  dnsNames: inTrace(toggle("dns.names", "show the names of DNS questions: in metrics as a label, dns_question_name")),
  dnsNamesLimit: single(
    "dns.names-limit",
    "<n>",
    "most names of questions shown of a program in a container",
    "100",
    wholeNumber(1, 1000),
  ),
  statements: onlyInTrace(toggle("statements", "show the statements of PostgreSQL and MySQL, without their literals")),
  unix: inTrace(toggle("unix", "requests over Unix sockets, too")),
  tls: inTrace(toggle("tls", "see what TLS carries, too, by programs on functions of OpenSSL and Go")),
  tlsFiles: single(
    "tls-files",
    "<n>",
    "most files with OpenSSL or TLS of Go that have such programs",
    "64",
    wholeNumber(1, 4096),
  ),
  connectionsLimit: single(
    "connections-limit",
    "<n>",
    "most connections whose requests are followed",
    "65536",
    wholeNumber(1, 4_194_304),
  ),
  streamsLimit: single(
    "streams-limit",
    "<n>",
    "most streams of HTTP/2, channels of AMQP and what waits on these that are followed at once",
    "65536",
    wholeNumber(1, 4_194_304),
  ),
  countsLimit: single(
    "counts-limit",
    "<n>",
    "most combinations of process, method and status counted separately",
    "8192",
    wholeNumber(1, 1_048_576),
  ),
  /** Nanoseconds. */
  dnsTimeout: single(
    "dns-timeout",
    "<duration>",
    "a DNS question over UDP that was last asked so long ago is unanswered",
    "10s",
    duration,
  ),
};
