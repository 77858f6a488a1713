/** Conversations of Kafka, and the requests that there are in each. */
import type { Conversation, Suite } from "./conversations.js";

/** A request: its name, and the code of its failure, or how it failed where there was no whole response. */
type Request = readonly [name: string, failure?: string];

/** A number in so many bytes, the highest one first. */
function big(number: number, bytes: number): string {
  return Array.from({ length: bytes }, (_, place) =>
    String.fromCharCode((Math.floor(number / 256 ** (bytes - 1 - place)) % 256) & 0xff),
  ).join("");
}

const signed = (number: number): string => big(number < 0 ? 0x10000 + number : number, 2);

function varint(number: number): string {
  return number < 128
    ? String.fromCharCode(number)
    : String.fromCharCode((number % 128) + 128) + varint(Math.floor(number / 128));
}

/** A nullable string, and the same as flexible versions have it. */
const text = (value?: string): string => (value === undefined ? signed(-1) : `${big(value.length, 2)}${value}`);
const compact = (value?: string): string => (value === undefined ? "\0" : `${varint(value.length + 1)}${value}`);

/** Tagged fields. */
const tags = (...values: readonly string[]): string =>
  `${varint(values.length)}${values.map((value, tag) => `${varint(tag * 200)}${varint(value.length)}${value}`).join("")}`;

function framed(message: string): string {
  return `${big(message.length, 4)}${message}`;
}

const keys = {
  produce: 0,
  fetch: 1,
  list_offsets: 2,
  metadata: 3,
  controlled_shutdown: 7,
  offset_commit: 8,
  offset_fetch: 9,
  find_coordinator: 10,
  join_group: 11,
  heartbeat: 12,
  leave_group: 13,
  sync_group: 14,
  sasl_handshake: 17,
  api_versions: 18,
  create_topics: 19,
  init_producer_id: 22,
  add_partitions_to_txn: 24,
  sasl_authenticate: 36,
  offset_delete: 47,
  describe_cluster: 60,
} as const;

const body = "some bytes \0\0\0\x01 of a body";

/** A request of a client with this name, or without one. */
function ask(
  key: keyof typeof keys | number,
  version: number,
  id: number,
  rest = body,
  client: string | undefined = "client-1",
): string {
  const number = typeof key === "number" ? key : keys[key];
  return framed(`${big(number, 2)}${big(version, 2)}${big(id, 4)}${text(client)}${rest}`);
}

const nameless = (key: keyof typeof keys, version: number, id: number): string =>
  framed(`${big(keys[key], 2)}${big(version, 2)}${big(id, 4)}${text()}${body}`);

function answer(id: number, rest = body): string {
  return framed(`${big(id, 4)}${rest}`);
}

/** Records behind the acks of Produce: a time, and what is of no interest here. */
const records = `${big(30_000, 4)}${big(1, 4)}${text("topic")}${"record ".repeat(9)}`;

interface Produce {
  readonly acks: number;
  readonly id?: string;
  readonly tags?: string;
  readonly data?: string;
}

function produce(version: number, id: number, { acks, id: transaction, tags: of = tags(), data = records }: Produce) {
  const name = version >= 9 ? `${of}${compact(transaction)}` : version >= 3 ? text(transaction) : "";
  return ask("produce", version, id, `${name}${signed(acks)}${data}`);
}

const throttled = "\0\0\0\x07";
const coded = (code: number): string => `${signed(code)}${body}`;

/** Bytes that look like messages. */
const likeMessages = `${ask("metadata", 9, 70)}${answer(3)}${produce(9, 3, { acks: 0 })}`;

const deep = Array.from({ length: 40 }, (_, index) => 1000 + index);

export const conversations: readonly Conversation<Request>[] = [
  {
    name: "one",
    steps: [
      ["C", ask("api_versions", 3, 1)],
      ["S", answer(1, coded(0))],
    ],
    requests: [["api_versions"]],
  },
  {
    name: "several",
    steps: [
      ["C", ask("api_versions", 3, 1)],
      ["S", answer(1, coded(0))],
      ["C", ask("metadata", 12, 2)],
      ["S", answer(2)],
      ["C", ask("find_coordinator", 4, 3)],
      ["S", answer(3)],
      ["C", ask("offset_commit", 8, 4)],
      ["S", answer(4)],
      ["C", ask("list_offsets", 7, 7)],
      ["S", answer(7)],
      ["C", ask("fetch", 11, 8)],
      ["S", answer(8, `${throttled}${coded(0)}`)],
    ],
    requests: [["api_versions"], ["metadata"], ["find_coordinator"], ["offset_commit"], ["list_offsets"], ["fetch"]],
  },
  {
    name: "pipelined",
    steps: [
      ["C", ask("list_offsets", 9, 1) + ask("fetch", 4, 2) + ask("offset_fetch", 5, 3) + ask("create_topics", 5, 9)],
      ["S", answer(1) + answer(2) + answer(3) + answer(9)],
    ],
    requests: [["list_offsets"], ["fetch"], ["offset_fetch"], ["create_topics"]],
  },
  {
    name: "forty deep",
    steps: [
      ["C", deep.map((id) => ask(id % 2 ? "metadata" : "fetch", 4, id, "")).join("")],
      ["S", deep.map((id) => answer(id, "")).join("")],
    ],
    requests: deep.map((id) => [id % 2 ? "metadata" : "fetch"] as const),
  },
  {
    name: "a fetch that waits, and others behind it",
    steps: [
      ["C", ask("fetch", 12, 100)],
      ["C", ask("heartbeat", 3, 101)],
      ["S", answer(100, `${tags()}${throttled}${coded(0)}`)],
      ["C", ask("metadata", 9, 102)],
      ["S", answer(101, `${throttled}${coded(0)}`)],
      ["S", answer(102)],
    ],
    requests: [["fetch"], ["heartbeat"], ["metadata"]],
  },
  ...[0, 1, 2, 3, 7, 8, 9, 11, 13].map((version): Conversation<Request> => ({
    name: `produce of version ${version}`,
    steps: [
      ["C", produce(version, 5, { acks: 1 })],
      ["S", answer(5)],
      ["C", produce(version, 6, { acks: -1, id: "transaction" })],
      ["S", answer(6)],
      ["C", produce(version, 7, { acks: 0 }) + produce(version, 8, { acks: 0, id: "t" }) + ask("metadata", 1, 9)],
      ["S", answer(9)],
    ],
    requests: [["produce"], ["produce"], ["produce"], ["produce"], ["metadata"]],
  })),
  {
    name: "produce with tagged fields, and long names",
    steps: [
      ["C", produce(9, 1, { acks: 1, tags: tags("", "a value", "x".repeat(200)), id: "y".repeat(300) })],
      ["S", answer(1, `${tags("tag")}${body}`)],
      ["C", produce(9, 2, { acks: 0, tags: tags("v".repeat(130)), id: "" })],
      ["C", produce(10, 3, { acks: 1, tags: tags("") })],
      ["S", answer(3)],
    ],
    requests: [["produce"], ["produce"], ["produce"]],
  },
  {
    name: "produce without a response alone",
    steps: [
      ["C", produce(7, 1, { acks: 0 })],
      ["C", produce(7, 2, { acks: 0 }) + produce(7, 3, { acks: 0 })],
    ],
    requests: [["produce"], ["produce"], ["produce"]],
  },
  {
    name: "produce without a response in front of all",
    steps: [
      ["C", produce(2, 1, { acks: 0 }) + ask("metadata", 1, 2)],
      ["S", answer(2)],
    ],
    requests: [["produce"], ["metadata"]],
  },
  {
    name: "produce without a response, cut short",
    steps: [
      ["C", ask("api_versions", 0, 1)],
      ["S", answer(1, coded(0))],
      ["C", produce(8, 2, { acks: 0 }).slice(0, -10)],
    ],
    requests: [["api_versions"], ["produce", "closed"]],
  },
  {
    name: "produce with a response, cut short",
    steps: [
      ["C", ask("api_versions", 0, 1)],
      ["S", answer(1, coded(0))],
      ["C", produce(8, 2, { acks: 1 }).slice(0, -10)],
    ],
    requests: [["api_versions"], ["produce", "closed"]],
  },
  {
    name: "a head that is cut short",
    steps: [
      ["C", ask("api_versions", 0, 1)],
      ["S", answer(1, coded(0))],
      ["C", produce(8, 2, { acks: 1 }).slice(0, 24)],
    ],
    requests: [["api_versions"]],
  },
  {
    name: "codes behind nothing",
    steps: [
      ["C", ask("find_coordinator", 0, 1)],
      ["S", answer(1, coded(15))],
      ["C", ask("join_group", 1, 2)],
      ["S", answer(2, coded(79))],
      ["C", ask("heartbeat", 0, 3)],
      ["S", answer(3, coded(27))],
      ["C", ask("sasl_handshake", 1, 4)],
      ["S", answer(4, coded(33))],
      ["C", ask("sasl_authenticate", 1, 5)],
      ["S", answer(5, coded(58))],
      ["C", ask("offset_delete", 0, 6)],
      ["S", answer(6, coded(0))],
    ],
    requests: [
      ["find_coordinator", "COORDINATOR_NOT_AVAILABLE"],
      ["join_group", "MEMBER_ID_REQUIRED"],
      ["heartbeat", "REBALANCE_IN_PROGRESS"],
      ["sasl_handshake", "UNSUPPORTED_SASL_MECHANISM"],
      ["sasl_authenticate", "SASL_AUTHENTICATION_FAILED"],
      ["offset_delete"],
    ],
  },
  {
    name: "codes behind a time",
    steps: [
      ["C", ask("find_coordinator", 2, 1)],
      ["S", answer(1, `${throttled}${coded(16)}`)],
      ["C", ask("leave_group", 3, 2)],
      ["S", answer(2, `${throttled}${coded(25)}`)],
      ["C", ask("fetch", 7, 3)],
      ["S", answer(3, `${throttled}${coded(70)}`)],
      ["C", ask("init_producer_id", 1, 4)],
      ["S", answer(4, `${throttled}${coded(51)}`)],
      ["C", ask("sync_group", 3, 5)],
      ["S", answer(5, `${throttled}${coded(0)}`)],
    ],
    requests: [
      ["find_coordinator", "NOT_COORDINATOR"],
      ["leave_group", "UNKNOWN_MEMBER_ID"],
      ["fetch", "FETCH_SESSION_ID_NOT_FOUND"],
      ["init_producer_id", "CONCURRENT_TRANSACTIONS"],
      ["sync_group"],
    ],
  },
  {
    name: "codes behind tagged fields",
    steps: [
      ["C", ask("find_coordinator", 3, 1)],
      ["S", answer(1, `${tags()}${throttled}${coded(15)}`)],
      ["C", ask("heartbeat", 4, 2)],
      ["S", answer(2, `${tags("x".repeat(150), "")}${throttled}${coded(22)}`)],
      ["C", ask("sasl_authenticate", 2, 3)],
      ["S", answer(3, `${tags("a")}${coded(58)}`)],
      ["C", ask("describe_cluster", 0, 4)],
      ["S", answer(4, `${tags()}${throttled}${coded(31)}`)],
      ["C", ask("add_partitions_to_txn", 4, 5)],
      ["S", answer(5, `${tags()}${throttled}${coded(90)}`)],
    ],
    requests: [
      ["find_coordinator", "COORDINATOR_NOT_AVAILABLE"],
      ["heartbeat", "ILLEGAL_GENERATION"],
      ["sasl_authenticate", "SASL_AUTHENTICATION_FAILED"],
      ["describe_cluster", "CLUSTER_AUTHORIZATION_FAILED"],
      ["add_partitions_to_txn", "PRODUCER_FENCED"],
    ],
  },
  {
    name: "no code for all of a response",
    steps: [
      ["C", ask("find_coordinator", 4, 1)],
      ["S", answer(1, `${tags()}${throttled}${coded(15)}`)],
      ["C", ask("metadata", 1, 2)],
      ["S", answer(2, coded(3))],
      ["C", ask("fetch", 6, 3)],
      ["S", answer(3, `${throttled}${coded(70)}`)],
      ["C", ask("add_partitions_to_txn", 3, 5)],
      ["S", answer(5, `${tags()}${throttled}${coded(90)}`)],
    ],
    requests: [["find_coordinator"], ["metadata"], ["fetch"], ["add_partitions_to_txn"]],
  },
  {
    name: "codes that are not known, and the lowest one",
    steps: [
      ["C", ask("heartbeat", 0, 1)],
      ["S", answer(1, coded(999))],
      ["C", ask("heartbeat", 0, 2)],
      ["S", answer(2, coded(-1))],
      ["C", ask("heartbeat", 0, 3)],
      ["S", answer(3, coded(-7))],
      ["C", ask("heartbeat", 0, 4)],
      ["S", answer(4, coded(128))],
    ],
    requests: [
      ["heartbeat", "_OTHER"],
      ["heartbeat", "UNKNOWN_SERVER_ERROR"],
      ["heartbeat", "_OTHER"],
      ["heartbeat", "INVALID_REGULAR_EXPRESSION"],
    ],
  },
  {
    name: "a version that is not supported",
    steps: [
      ["C", ask("api_versions", 4, 1)],
      ["S", answer(1, `${signed(35)}\0\0\0\x01\0\x12\0\0\0\x03`)],
      ["C", ask("api_versions", 0, 2)],
      ["S", answer(2, coded(0))],
    ],
    requests: [["api_versions", "UNSUPPORTED_VERSION"], ["api_versions"]],
  },
  {
    name: "keys and versions that are not known",
    steps: [
      ["C", ask("api_versions", 6, 1)],
      ["S", answer(1, coded(35))],
      ["C", ask(200, 7, 2) + ask(120, 0, 3) + ask(0x1234, 77, 4) + ask("fetch", 40, 5)],
      ["S", answer(2) + answer(3) + answer(4) + answer(5)],
    ],
    requests: [["api_versions"], ["_OTHER"], ["_OTHER"], ["_OTHER"], ["fetch"]],
  },
  {
    name: "clients without a name",
    steps: [
      ["C", nameless("api_versions", 2, 1)],
      ["S", answer(1, coded(0))],
      ["C", nameless("metadata", 2, 2) + ask("metadata", 2, 3, body, "") + nameless("fetch", 4, 4)],
      ["S", answer(2) + answer(3) + answer(4)],
      ["C", framed(`\0\x07\0\0${big(5, 4)}${big(1, 4)}`)],
      ["S", answer(5, coded(0))],
    ],
    requests: [["api_versions"], ["metadata"], ["metadata"], ["fetch"], ["controlled_shutdown"]],
  },
  {
    name: "clients with long names",
    steps: [
      ["C", ask("api_versions", 0, 1, "", "a client with a name! ".repeat(30))],
      ["S", answer(1, coded(0))],
      ["C", ask("metadata", 0, 2, "", "\xff\0".repeat(1000))],
      ["S", answer(2)],
    ],
    requests: [["api_versions"], ["metadata"]],
  },
  {
    name: "correlation ids of all kinds",
    steps: [
      ["C", ask("list_offsets", 1, 0xffff_ffff)],
      ["S", answer(0xffff_ffff)],
      ["C", ask("list_offsets", 1, 0) + ask("list_offsets", 1, 0x8000_0000) + ask("list_offsets", 1, 3)],
      ["S", answer(0) + answer(0x8000_0000) + answer(3)],
    ],
    requests: [["list_offsets"], ["list_offsets"], ["list_offsets"], ["list_offsets"]],
  },
  {
    name: "responses without a body",
    steps: [
      ["C", ask("list_offsets", 1, 1, "") + ask("create_topics", 2, 2, "")],
      ["S", answer(1, "") + answer(2, "")],
      ["C", ask("heartbeat", 0, 3, "")],
      ["S", answer(3, "\0\0")],
    ],
    requests: [["list_offsets"], ["create_topics"], ["heartbeat"]],
  },
  {
    name: "bodies that look like messages",
    steps: [
      ["C", ask("create_topics", 4, 1, likeMessages) + produce(7, 2, { acks: 1, data: `${records}${likeMessages}` })],
      ["S", answer(1, likeMessages) + answer(2, likeMessages)],
      ["C", produce(7, 3, { acks: 0, data: likeMessages })],
      ["C", ask("metadata", 4, 4, likeMessages)],
      ["S", answer(4)],
    ],
    requests: [["create_topics"], ["produce"], ["produce"], ["metadata"]],
  },
  {
    name: "large bodies",
    steps: [
      ["C", produce(7, 1, { acks: -1, data: likeMessages.repeat(900) })],
      ["S", answer(1)],
      ["C", ask("fetch", 11, 2)],
      ["S", answer(2, `${throttled}${signed(0)}${likeMessages.repeat(1100)}`)],
    ],
    requests: [["produce"], ["fetch"]],
  },
  {
    name: "a response that is cut in its body",
    first: "S",
    steps: [
      ["C", ask("fetch", 11, 1)],
      ["S", answer(1, `${throttled}${coded(70)}`).slice(0, -5)],
    ],
    requests: [["fetch", "truncated"]],
  },
  {
    name: "a response that is cut in its code",
    first: "S",
    steps: [
      ["C", ask("list_offsets", 11, 1)],
      ["S", answer(1)],
      ["C", ask("fetch", 11, 2)],
      ["S", answer(2, `${throttled}${coded(70)}`).slice(0, 13)],
    ],
    requests: [["list_offsets"], ["fetch", "truncated"]],
  },
  {
    name: "a response that is cut in its head",
    first: "S",
    steps: [
      ["C", ask("list_offsets", 11, 1)],
      ["S", answer(1)],
      ["C", ask("fetch", 11, 2) + ask("list_offsets", 1, 3)],
      ["S", answer(2).slice(0, 6)],
    ],
    requests: [["list_offsets"], ["fetch", "truncated"], ["list_offsets", "closed"]],
  },
  {
    name: "no response",
    first: "S",
    steps: [["C", ask("api_versions", 3, 1) + ask("metadata", 3, 2)]],
    requests: [
      ["api_versions", "closed"],
      ["metadata", "closed"],
    ],
  },
  {
    name: "a client that goes before the response",
    steps: [
      ["C", ask("list_offsets", 3, 1)],
      ["S", answer(1)],
      ["C", ask("fetch", 3, 2)],
    ],
    requests: [["list_offsets"], ["fetch", "closed"]],
  },
  {
    name: "three hundred",
    steps: Array.from({ length: 300 }, (_, id) => id).flatMap((id): (readonly ["C" | "S", string])[] => [
      ["C", id % 3 ? ask("fetch", 4, id, "x".repeat(id % 50)) : produce(id % 12, id, { acks: 1 })],
      ["S", answer(id, "y".repeat((id * 7) % 400))],
    ]),
    requests: Array.from({ length: 300 }, (_, id) => [id % 3 ? "fetch" : "produce"] as const),
  },
];

export const suite: Suite<Request> = {
  conversations,
  metrics: {
    client: "messaging_client_operation_duration_seconds",
    server: "ringtap_messaging_server_operation_duration_seconds",
  },
  labels: ["messaging_system", "messaging_operation_name", "error_type"],
  valuesOf: ([name, failure = ""]) => ["kafka", name, failure],
};
