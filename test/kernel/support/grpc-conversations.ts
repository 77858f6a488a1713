/** Conversations of gRPC over HTTP/2 in cleartext, and the calls that there are in each. */

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

/** A call: its code, and how it failed; undefined where there was none. */
type Call = readonly [code: number | "~unknown" | undefined, error?: "truncated" | "closed" | "reset"];

const post = indexed(3);
const plain = "application/grpc";
const service = indexed(6) + field(4, "/shop.Cart/Add") + field(1, "example");
const [contentType, ok] = [31, indexed(8)];

const callHead = post + service + field(contentType, plain) + field("te", "trailers");
const answerHead = ok + field(contentType, plain);

/** A message with its five bytes of a head. */
function message(text: string): string {
  return `\0${word(text.length)}${text}`;
}

const callOn = (stream: number, head = callHead): string =>
  headers(stream, head) + data(stream, message("question"), endStream);

const statusField = (code: number | string): string => field("grpc-status", `${code}`);

const answerOn = (stream: number, block: string): string =>
  headers(stream, answerHead) + data(stream, message("answer")) + headers(stream, block, endStream);

function streams(count: number): number[] {
  return Array.from({ length: count }, (_, index) => 2 * index + 1);
}

function conversation(name: string, sent: string, answered: string, requests: readonly Call[]) {
  const steps: Conversation<Call>["steps"] = [
    ["C", preface + settings + sent],
    ["S", settings + settingsAck + answered],
  ];
  return { name, steps, requests };
}

/** Calls, and the trailers that they end with. */
function ends(name: string, blocks: readonly string[], codes: readonly (number | "~unknown")[]) {
  return conversation(
    name,
    streams(blocks.length)
      .map((stream) => callOn(stream))
      .join(""),
    blocks.map((block, index) => answerOn(2 * index + 1, block)).join(""),
    codes.map((code) => [code]),
  );
}

/** Calls that begin with such blocks. */
function begins(name: string, blocks: readonly string[]) {
  return conversation(
    name,
    blocks.map((block, index) => callOn(2 * index + 1, block)).join(""),
    streams(blocks.length)
      .map((stream) => answerOn(stream, statusField(0)))
      .join(""),
    blocks.map(() => [0]),
  );
}

const unknown = ["~unknown", "~unknown"] as const;
const allCodes = Array.from({ length: 17 }, (_, code) => code);
const many = streams(100);

export const conversations: readonly Conversation<Call>[] = [
  conversation("one", callOn(1), answerOn(1, statusField(0)), [[0]]),
  ends("codes", allCodes.map(statusField), allCodes),
  ends(
    "coded",
    allCodes.map((code) => field("grpc-status", `${code}`, "plain", true)),
    allCodes,
  ),
  ends(
    "inserted",
    [
      field("grpc-status", "0", "insert"),
      indexed(62),
      field("grpc-status", "14", "insert", true) + field("grpc-message", "no", "insert"),
      indexed(63),
      indexed(64),
      field(63, "5"),
      field(64, "13", "insert"),
      indexed(62) + field("grpc-message", "again"),
    ],
    [0, 0, 14, 14, 0, 5, 13, 13],
  ),
  ends("others", ["17", "29", "30", "999", "x", ""].map(statusField), [17, 29, ...unknown, ...unknown]),
  ends("without", [field("x-other", "1")], ["~unknown"]),
  begins("types", [
    post + service + field(contentType, "application/grpc+proto"),
    post + service + field(contentType, "application/grpc;charset=utf-8"),
    post + service + field(contentType, plain, "insert", true),
    post + service + indexed(62),
    post + service + field(contentType, "application/grpc+json", "never", true),
    post + service + field("content-type", plain),
    post + service + field("content-type", plain, "insert", true),
    post + service + indexed(62) + indexed(63),
  ]),
  conversation(
    "trailersonly",
    callOn(1) + callOn(3),
    headers(1, answerHead + statusField(12), endStream) + answerOn(3, statusField(0)),
    [[12], [0]],
  ),
  conversation(
    "streaming",
    headers(1, callHead) + data(1, message("a") + message("b")) + headers(3, callHead) + data(1, "", endStream),
    headers(1, answerHead) +
      headers(3, answerHead) +
      Array.from({ length: 20 }, (_, index) => data(1 + 2 * (index % 2), message("x".repeat(500)))).join("") +
      headers(3, statusField(0), endStream) +
      headers(1, statusField(1), endStream),
    [[0], [1]],
  ),
  conversation(
    "many",
    many.map((stream) => callOn(stream)).join(""),
    many.map((stream) => headers(stream, answerHead)).join("") +
      many
        .toReversed()
        .map((stream) => data(stream, message("answer")) + headers(stream, statusField(stream % 17), endStream))
        .join(""),
    many.map((stream) => [stream % 17]),
  ),
  {
    name: "cancelled",
    steps: [
      ["C", preface + settings + callOn(1) + callOn(3) + callOn(5)],
      ["S", settings + headers(3, answerHead)],
      ["C", reset(1) + reset(3)],
      ["S", answerOn(5, statusField(0)) + reset(5, 0)],
    ],
    requests: [[undefined, "reset"], [undefined, "truncated"], [0]],
  },
  conversation("closed", callOn(1) + callOn(3), headers(1, answerHead) + data(1, message("answer")), [
    [undefined, "truncated"],
    [undefined, "closed"],
  ]),
  conversation(
    "continued",
    continued(1, callHead, 20) + data(1, message("question"), endStream),
    continued(1, answerHead, 10) +
      continued(1, statusField(16) + field("grpc-message", "m".repeat(200)), 30, endStream),
    [[16]],
  ),
  conversation("noanswer", callOn(1) + callOn(3), "", [
    [undefined, "closed"],
    [undefined, "closed"],
  ]),
  conversation(
    "padding",
    frame(types.headers, endHeaders | padded | hasPriority, 1, `\x07${word(0)}\x10${callHead}${"\0".repeat(7)}`) +
      frame(types.data, endStream | padded, 1, `\x04${message("question")}\0\0\0\0`),
    frame(types.headers, endHeaders | padded, 1, `\x03${answerHead}\0\0\0`) +
      frame(types.headers, endHeaders | endStream | padded, 1, `\xff${statusField(9)}${"\0".repeat(255)}`),
    [[9]],
  ),
  conversation(
    "between",
    ping + callOn(1) + windowUpdate(0) + windowUpdate(1) + frame(types.priority, 0, 3, `${word(0)}\x05`) + callOn(3),
    ping +
      headers(1, answerHead) +
      windowUpdate(0) +
      data(1, message("answer")) +
      ping +
      headers(1, statusField(2), endStream) +
      frame(77, 255, 3, "unknown to all") +
      answerOn(3, statusField(3)),
    [[2], [3]],
  ),
  {
    name: "serverfirst",
    steps: [
      ["S", settings],
      ["C", preface + settings + settingsAck + callOn(1)],
      ["S", settingsAck + answerOn(1, statusField(0))],
      ["C", callOn(3)],
      ["S", answerOn(3, statusField(7))],
    ],
    requests: [[0], [7]],
  },
  {
    name: "talk",
    steps: [
      ["C", preface + settings + headers(1, callHead)],
      ["S", settings + settingsAck + headers(1, answerHead)],
      ...talk(1, 40),
      ["C", data(1, "", endStream)],
      ["S", headers(1, statusField(0), endStream)],
    ],
    requests: [[0]],
  },
  {
    name: "early",
    // The server has its answer before the client has sent all; what comes on the stream then belongs to no call.
    steps: [
      ["C", preface + settings + headers(1, callHead) + data(1, message("a"))],
      ["S", settings + settingsAck + headers(1, answerHead + statusField(8), endStream) + reset(1, 0)],
      ["C", data(1, message("b"), endStream) + callOn(3)],
      ["S", answerOn(3, statusField(0))],
    ],
    requests: [[8], [0]],
  },
  {
    name: "deadlines",
    // The client gives up behind what it has received, and the server hears of it.
    steps: [
      [
        "C",
        preface +
          settings +
          streams(4)
            .map((stream) => callOn(stream))
            .join(""),
      ],
      ["S", settings + settingsAck + headers(1, answerHead) + data(1, message("answer")) + answerOn(3, statusField(4))],
      ["C", reset(1) + reset(5)],
      ["S", reset(7, 7)],
      ["C", callOn(9)],
      ["S", answerOn(9, statusField(4))],
    ],
    requests: [[undefined, "truncated"], [4], [undefined, "reset"], [undefined, "reset"], [4]],
  },
  {
    name: "goaway",
    steps: [
      ["C", preface + settings + callOn(1) + callOn(3)],
      ["S", settings + settingsAck + goAway(1) + answerOn(1, statusField(0))],
    ],
    first: "S",
    requests: [[0], [undefined, "closed"]],
  },
  conversation(
    "sizes",
    headers(1, callHead) +
      data(1, "", endStream) +
      headers(3, callHead) +
      data(3, message("x".repeat(16_000)), endStream),
    headers(1, answerHead) +
      data(1, "") +
      data(1, "\x01" + message("").slice(1)) +
      headers(1, statusField(0), endStream) +
      headers(3, answerHead) +
      Array.from({ length: 5 }, () => data(3, message("y".repeat(16_000)))).join("") +
      headers(3, statusField(11), endStream),
    [[0], [11]],
  ),
  conversation(
    "interim",
    callOn(1),
    headers(1, field(8, "103")) + headers(1, field(8, "100")) + answerOn(1, statusField(6)),
    [[6]],
  ),
  conversation(
    "proxied",
    // A proxy's answer: the call ends without a code.
    callOn(1) + callOn(3),
    headers(1, field(8, "503") + field(contentType, "text/html")) +
      data(1, "<p>", endStream) +
      headers(3, indexed(14), endStream),
    [["~unknown"], ["~unknown"]],
  ),
  conversation(
    "mixed",
    headers(1, indexed(2) + service, endStream) + callOn(3) + headers(5, indexed(2) + service, endStream) + callOn(7),
    headers(5, ok, endStream) +
      answerOn(7, statusField(0)) +
      headers(1, field(8, "404"), endStream) +
      answerOn(3, statusField(15)),
    [[0], [15]],
  ),
  ends(
    "tablesizes",
    [
      tableSize(0) + tableSize(4096) + field("grpc-status", "14", "insert"),
      indexed(62),
      tableSize(0) + tableSize(200) + field("grpc-status", "4", "insert"),
      indexed(62),
      field("grpc-message", "m".repeat(120), "insert") + field("grpc-status", "5", "never"),
    ],
    [14, 14, 4, 4, 5],
  ),
  ends(
    "order",
    [
      field("grpc-message", "late") + field("x-trace-bin", "\0\x01\xff") + statusField(2),
      field("grpc-status-details-bin", "CAUSAhIE") + statusField(3) + field("grpc-message", "early"),
      field("grpc-statuses", "9") + field("grpc-statu", "9") + statusField(1),
    ],
    [2, 3, 1],
  ),
  {
    name: "cutshort",
    // The connection ends within the frame that would have ended the call.
    steps: [
      ["C", preface + settings + callOn(1)],
      ["S", settings + settingsAck + answerOn(1, statusField(0)).slice(0, -3)],
    ],
    first: "S",
    requests: [[undefined, "truncated"]],
  },
];

/** Of a stream: the client's and the server's messages in turn. */
function talk(stream: number, turns: number): Conversation<Call>["steps"] {
  return Array.from({ length: turns }, (_, turn) =>
    turn % 2 === 0
      ? (["C", data(stream, message(`question ${turn}`))] as const)
      : (["S", data(stream, message(`answer ${turn}`))] as const),
  );
}

export const suite: Suite<Call> = {
  conversations,
  metrics: { client: "rpc_client_duration_seconds", server: "rpc_server_duration_seconds" },
  labels: ["rpc_system", "rpc_grpc_status_code", "error_type"],
  valuesOf: ([code, error = ""]) => ["grpc", code === undefined ? "" : `${code}`, error],
};
