/** Conversations of HTTP/2 in cleartext, and the requests that there are in each. */

import type { Conversation, Suite } from "./conversations.js";
import {
  continued,
  data,
  endHeaders,
  endStream,
  field,
  frame,
  goAway,
  hasPriority,
  headers,
  indexed,
  padded,
  ping,
  preface,
  reset,
  settings,
  settingsAck,
  tableSize,
  types,
  windowUpdate,
  word,
} from "./http2-frames.js";
import { proxyHeaders } from "./proxy-headers.js";

/** A request: its method, the status of its response, and how it failed; 0 where there was no response. */
type Request = readonly [method: string, status: number | "~unknown", error?: "truncated" | "closed" | "reset"];

type Steps = Conversation<Request>["steps"];

/** Indices of the static table. */
const [methodIs, get, post, path, scheme, statusIs, ok] = [2, 2, 3, 4, 6, 8, 8];
const statuses = [200, 204, 206, 304, 400, 404, 500];

const target = indexed(path) + indexed(scheme) + field(1, "example");
const getHead = indexed(get) + target;
const postHead = indexed(post) + target;
const okHead = indexed(ok) + field(28, "5");
const trailers = field("checksum", "1234");

/** The client's first bytes, and the server's. */
const opening = `${preface}${settings}`;
const greeting = `${settings}${settingsAck}`;

const getOn = (stream: number, block = getHead): string => headers(stream, block, endStream);
const okOn = (stream: number): string => headers(stream, okHead) + data(stream, "hello", endStream);
const statusOn = (stream: number, block: string): string => headers(stream, block, endStream);

/** Odd numbers from 1 on: streams of a client. */
function streams(count: number): number[] {
  return Array.from({ length: count }, (_, index) => 2 * index + 1);
}

function times<T>(count: number, value: T): T[] {
  return Array.from({ length: count }, () => value);
}

/** A conversation with requests that are sent at once, and what the server sends to them. */
function conversation(name: string, sent: string, answered: string, requests: readonly Request[]) {
  const steps: Steps = [
    ["C", opening + sent],
    ["S", greeting + answered],
  ];
  return { name, steps, requests };
}

/** Responses of one header block each, to as many requests. */
function answers(name: string, blocks: readonly string[], found: readonly (number | "~unknown")[]) {
  return conversation(
    name,
    streams(blocks.length)
      .map((stream) => getOn(stream))
      .join(""),
    blocks.map((block, index) => statusOn(2 * index + 1, block)).join(""),
    found.map((status) => ["GET", status]),
  );
}

/** Requests of one header block each, and as many responses. */
function requestsOf(name: string, blocks: readonly string[], methods: readonly string[]) {
  return conversation(
    name,
    blocks.map((block, index) => headers(2 * index + 1, block, endStream)).join(""),
    streams(blocks.length).map(okOn).join(""),
    methods.map((method) => [method, 200]),
  );
}

/** More than are kept of a header table: 20. */
const otherStatuses = Array.from({ length: 22 }, (_, index) => 401 + index);
/** With digits of five and of six bits at each place. */
const codedStatuses = [201, 333, 345, 367, 389, 512, 599, 912, 999];
const methods = ["HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"];

/** Frames in the payload of another one. */
const likeFrames = okOn(1) + reset(1) + getOn(3);

const several = streams(50);
const many = streams(200);

export const conversations: readonly Conversation<Request>[] = [
  conversation("one", getOn(1), okOn(1), [["GET", 200]]),
  {
    name: "proxy",
    steps: [
      ["C", proxyHeaders.binary + opening + getOn(1)],
      ["S", greeting + okOn(1)],
    ],
    requests: [["GET", 200]],
  },
  {
    name: "serverfirst",
    steps: [
      ["S", settings],
      ["C", opening + settingsAck + getOn(1)],
      ["S", settingsAck + okOn(1)],
      ["C", getOn(3)],
      ["S", okOn(3)],
    ],
    requests: [
      ["GET", 200],
      ["GET", 200],
    ],
  },
  conversation("reversed", several.map((stream) => getOn(stream)).join(""), several.toReversed().map(okOn).join(""), [
    ...times(50, ["GET", 200] as const),
  ]),
  conversation(
    "interleaved",
    several.map((stream) => headers(stream, postHead)).join("") +
      several.map((stream) => data(stream, "first")).join("") +
      several.map((stream) => data(stream, "last", endStream)).join(""),
    several.map((stream) => headers(stream, okHead)).join("") +
      several.map((stream) => data(stream, "he")).join("") +
      several.map((stream) => data(stream, "llo", endStream)).join(""),
    times(50, ["POST", 200]),
  ),
  conversation("many", many.map((stream) => getOn(stream)).join(""), many.map(okOn).join(""), times(200, ["GET", 200])),
  answers(
    "static",
    statuses.map((_, index) => indexed(ok + index)),
    statuses,
  ),
  answers(
    "literal",
    [
      field(statusIs, "503"),
      field(statusIs, "503", "plain", true),
      field(12, "429", "never"),
      field(":status", "418"),
      field(":status", "451", "plain", true),
      field(statusIs, "99"),
      field(statusIs, "2000"),
    ],
    [503, 503, 429, 418, 451, "~unknown", "~unknown"],
  ),
  answers(
    "huffman",
    codedStatuses.map((status) => field(statusIs, `${status}`, "plain", true)),
    codedStatuses,
  ),
  answers(
    "inserted",
    [
      field(statusIs, "503", "insert"),
      indexed(62),
      indexed(62) + field("x-a", "b", "insert"),
      indexed(63),
      field(statusIs, "201", "insert", true),
      indexed(64) + field(28, "0"),
      indexed(62),
      field(62, "202"),
      field(64, "301", "insert"),
      indexed(62),
      indexed(63),
    ],
    [503, 503, 503, 503, 201, 503, 201, 202, 301, 301, 201],
  ),
  answers(
    "replaced",
    [
      ...otherStatuses.map((status) => field(statusIs, `${status}`, "insert")),
      ...[62, 81, 82, 83].map((index) => indexed(index)),
      field(statusIs, "421", "insert"),
      ...[62, 64, 82, 83].map((index) => indexed(index)),
    ],
    [...otherStatuses, 422, 403, "~unknown", "~unknown", 421, 421, "~unknown", 403, "~unknown"],
  ),
  answers(
    "tablesize",
    [
      tableSize(0) + tableSize(4096) + indexed(ok),
      tableSize(65_536) + field(statusIs, "503", "insert"),
      ...Array.from({ length: 200 }, (_, index) => indexed(62 + index) + field("x-counter", `${index}`, "insert")),
      indexed(262),
    ],
    [200, ...times(202, 503)],
  ),
  requestsOf(
    "methods",
    methods.map((method) => field(methodIs, method) + target),
    methods,
  ),
  requestsOf(
    "coded",
    [...methods, "GET", "POST", "QUERY"].map((method) => field(methodIs, method, "plain", true) + target),
    [...methods, "GET", "POST", "_OTHER"],
  ),
  requestsOf(
    "insertedmethods",
    [
      field(methodIs, "PUT", "insert") + target,
      indexed(62) + field(path, "/a", "insert") + indexed(scheme),
      field(":method", "PATCH", "insert", true) + target,
      indexed(62) + target,
      indexed(64) + target,
      field(methodIs, "MKCOL", "insert") + target,
      indexed(62) + target,
      field(methodIs, "PROPFIND", "insert") + target,
    ],
    ["PUT", "PUT", "PATCH", "PATCH", "PUT", "_OTHER", "_OTHER", "_OTHER"],
  ),
  conversation(
    "continuation",
    continued(1, getHead + field("cookie", "c".repeat(300)), 5, endStream) + continued(3, getHead, 2, endStream),
    continued(1, field(statusIs, "503") + field("x-long", "v".repeat(300)), 40) +
      data(1, "no", endStream) +
      continued(3, field(":status", "502", "insert", true) + field("x-y", "z"), 12, endStream),
    [
      ["GET", 503],
      ["GET", 502],
    ],
  ),
  conversation(
    "emptyparts",
    frame(types.headers, endStream, 1) +
      frame(types.continuation, 0, 1) +
      frame(types.continuation, 0, 1, getHead) +
      frame(types.continuation, endHeaders, 1),
    okOn(1),
    [["GET", 200]],
  ),
  conversation(
    "padding",
    frame(types.headers, padded | endHeaders | endStream, 1, `\x07${getHead}${"\0".repeat(7)}`) +
      frame(types.headers, padded | endHeaders, 3, `\0${postHead}`) +
      frame(types.data, padded | endStream, 3, `\x05abc${"\0".repeat(5)}`) +
      frame(types.headers, padded | endStream, 5, `\x20${getHead.slice(0, 2)}${"\x88".repeat(32)}`) +
      frame(types.continuation, endHeaders, 5, getHead.slice(2)),
    frame(types.headers, padded | endHeaders, 1, `\xff${okHead}${"\x8c".repeat(255)}`) +
      frame(types.data, padded | endStream, 1, `\xff${"\0".repeat(255)}`) +
      okOn(3) +
      okOn(5),
    [
      ["GET", 200],
      ["POST", 200],
      ["GET", 200],
    ],
  ),
  conversation(
    "priority",
    frame(types.priority, 0, 3, `${word(1)}\x10`) +
      frame(types.headers, hasPriority | endHeaders | endStream, 1, `${word(0x80000000)}\xff${getHead}`) +
      frame(types.headers, hasPriority | padded | endHeaders | endStream, 3, `\x03${word(1)}\x08${getHead}\0\0\0`),
    okOn(3) + okOn(1),
    times(2, ["GET", 200]),
  ),
  conversation(
    "trailers",
    headers(1, postHead) + data(1, "body") + headers(1, trailers, endStream) + getOn(3),
    headers(1, okHead) +
      data(1, "hello") +
      headers(1, trailers, endStream) +
      headers(3, indexed(13)) +
      headers(3, trailers, endStream),
    [
      ["POST", 200],
      ["GET", 404],
    ],
  ),
  conversation(
    "interim",
    headers(1, postHead + field("expect", "100-continue")) + getOn(3) + data(1, "body", endStream),
    headers(1, field(statusIs, "100")) +
      headers(3, field(statusIs, "103", "insert")) +
      headers(3, indexed(62)) +
      okOn(3) +
      okOn(1),
    [
      ["GET", 200],
      ["POST", 200],
    ],
  ),
  conversation(
    "nobody",
    getOn(1) + getOn(3, field(methodIs, "HEAD") + target) + getOn(5),
    statusOn(1, indexed(9)) + statusOn(3, okHead) + headers(5, okHead) + data(5, "", endStream),
    [
      ["GET", 204],
      ["HEAD", 200],
      ["GET", 200],
    ],
  ),
  {
    name: "early",
    steps: [
      ["C", opening + headers(1, postHead) + data(1, "first")],
      ["S", greeting + headers(1, indexed(12)) + data(1, "no", endStream) + reset(1, 0)],
      ["C", data(1, "late") + getOn(3)],
      ["S", okOn(3)],
    ],
    requests: [
      ["POST", 400],
      ["GET", 200],
    ],
  },
  {
    name: "clientresets",
    steps: [
      ["C", opening + getOn(1) + getOn(3) + getOn(5)],
      ["S", greeting + headers(3, okHead) + data(3, "he")],
      ["C", reset(1) + reset(3)],
      ["S", okOn(5)],
      ["C", reset(5) + getOn(7)],
      ["S", data(3, "llo", endStream) + okOn(1) + okOn(7)],
    ],
    requests: [
      ["GET", 0, "reset"],
      ["GET", 200, "truncated"],
      ["GET", 200],
      ["GET", 200],
    ],
  },
  conversation(
    "serverresets",
    getOn(1) + getOn(3) + getOn(5),
    reset(1, 7) + headers(3, okHead) + reset(3, 2) + okOn(5),
    [
      ["GET", 0, "reset"],
      ["GET", 200, "truncated"],
      ["GET", 200],
    ],
  ),
  conversation("goaway", getOn(1) + getOn(3) + getOn(5), goAway(3) + okOn(1) + headers(3, okHead) + data(3, "he"), [
    ["GET", 200],
    ["GET", 200, "truncated"],
    ["GET", 0, "closed"],
  ]),
  {
    ...conversation("serverends", getOn(1) + headers(3, postHead), goAway(0), [
      ["GET", 0, "closed"],
      ["POST", 0, "closed"],
    ]),
    first: "S",
  },
  conversation("cutshort", getOn(1), headers(1, okHead) + data(1, "hello", endStream).slice(0, -2), [
    ["GET", 200, "truncated"],
  ]),
  conversation("halfhead", getOn(1) + getOn(3).slice(0, -3), okOn(1), [["GET", 200]]),
  conversation(
    "push",
    getOn(1) + getOn(3),
    frame(types.promise, endHeaders, 1, word(2) + getHead) +
      frame(types.promise, padded, 1, `\x02${word(4)}${getHead.slice(0, 3)}\0\0`) +
      frame(types.continuation, endHeaders, 1, getHead.slice(3)) +
      headers(2, indexed(14)) +
      okOn(1) +
      data(2, "pushed", endStream) +
      statusOn(4, field(statusIs, "503", "insert")) +
      statusOn(3, indexed(62)),
    [
      ["GET", 200],
      ["GET", 503],
    ],
  ),
  conversation(
    "others",
    ping +
      windowUpdate(0) +
      getOn(1) +
      windowUpdate(1) +
      frame(types.ping, 1, 0, "pingpong") +
      frame(0xbb, 0xff, 7, "an extension") +
      settings +
      getOn(3),
    windowUpdate(0) + frame(0x0a, 0, 0, "altsvc") + okOn(1) + settingsAck + ping + windowUpdate(3) + okOn(3),
    times(2, ["GET", 200]),
  ),
  conversation(
    "longfields",
    getOn(1, `${getHead}${field("cookie", "c".repeat(5_000))}${field("x", "d".repeat(127))}`),
    headers(1, okHead + field("y".repeat(200), "z".repeat(4_000), "insert") + field("a".repeat(24), "b".repeat(24))) +
      data(1, "", endStream),
    [["GET", 200]],
  ),
  conversation("large", headers(1, postHead) + data(1, "u".repeat(30_000), endStream), headers(1, okHead), [
    ["POST", 200, "truncated"],
  ]),
  conversation(
    "larger",
    getOn(1) + getOn(3),
    headers(1, okHead) +
      headers(3, okHead) +
      Array.from({ length: 12 }, () => data(1, "x".repeat(16_384)) + data(3, "y".repeat(1_000))).join("") +
      data(1, "", endStream) +
      data(3, "z", endStream),
    times(2, ["GET", 200]),
  ),
  conversation(
    "likeframes",
    headers(1, postHead) + data(1, likeFrames, endStream),
    headers(1, okHead) + data(1, likeFrames) + data(1, likeFrames, endStream),
    [["POST", 200]],
  ),
  {
    name: "tunnel",
    steps: [
      ["C", opening + headers(1, field(methodIs, "CONNECT") + field(1, "other:443")) + getOn(3)],
      ["S", greeting + headers(1, indexed(ok))],
      ["C", data(1, likeFrames)],
      ["S", data(1, likeFrames) + okOn(3) + data(1, "", endStream)],
      ["C", headers(5, field(methodIs, "CONNECT") + field(1, "other:443"))],
      ["S", headers(5, field(statusIs, "502"), endStream)],
    ],
    requests: [
      ["CONNECT", 200],
      ["GET", 200],
      ["CONNECT", 502],
    ],
  },
  requestsOf(
    "grpcweb",
    ["application/grpc-web", "application/json", "application/grpcx"].map(
      (type, index) => postHead + field(31, type, "insert", index === 0),
    ),
    times(3, "POST"),
  ),
];

export const suite: Suite<Request> = {
  conversations,
  metrics: { client: "http_client_request_duration_seconds", server: "http_server_request_duration_seconds" },
  labels: ["http_request_method", "http_response_status_code", "error_type", "network_protocol_version"],
  valuesOf([method, status, error], role) {
    const failed = Number(status) >= (role === "client" ? 400 : 500) ? `${status}` : "";
    return [method, status === 0 ? "" : `${status}`, error ?? failed, "2"];
  },
};
