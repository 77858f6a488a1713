/** Conversations of AMQP 0-9-1, and the operations that there are in each. */
import type { Conversation, Suite } from "./conversations.js";

/** An operation: its name, and its failure. */
type Operation = readonly [name: string, failure?: string];

type Step = readonly [who: "C" | "S", text: string];

function times<T>(count: number, value: T): T[] {
  return Array.from({ length: count }, () => value);
}

function upTo<T>(count: number, of: (number: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => of(index + 1));
}

function big(number: number, bytes: number): string {
  return Array.from({ length: bytes }, (_, place) =>
    String.fromCharCode(Math.floor(number / 256 ** (bytes - 1 - place)) % 256),
  ).join("");
}

function frame(type: number, channel: number, payload: string): string {
  return `${big(type, 1)}${big(channel, 2)}${big(payload.length, 4)}${payload}\xce`;
}

const classes = { connection: 10, channel: 20, access: 30, exchange: 40, queue: 50, basic: 60, confirm: 85, tx: 90 };

/** A method's frame. */
function method(channel: number, ofClass: keyof typeof classes, number: number, args = ""): string {
  return frame(1, channel, `${big(classes[ofClass], 2)}${big(number, 2)}${args}`);
}

function short(text: string): string {
  return `${big(text.length, 1)}${text}`;
}

/** Nothing but zeros: of reserved arguments, bits and tables. */
function zeros(bytes: number): string {
  return "\0".repeat(bytes);
}

const table = zeros(4);
const heartbeat = frame(8, 0, "");

/** The frames of a content: its head, and its body in frames of at most so many bytes. */
function contentFrames(channel: number, body: string, most = 1000): string[] {
  const head = frame(2, channel, `${big(60, 2)}${zeros(2)}${big(body.length, 8)}\x10\0\x02`);
  return [
    head,
    ...upTo(Math.ceil(body.length / most), (number) =>
      frame(3, channel, body.slice((number - 1) * most, number * most)),
    ),
  ];
}

function content(channel: number, body: string, most?: number): string {
  return contentFrames(channel, body, most).join("");
}

const publishing = (channel: number, key = "q"): string =>
  method(channel, "basic", 40, `${zeros(2)}${short("")}${short(key)}\0`);
const publish = (channel: number, body = "body", most?: number): string =>
  `${publishing(channel)}${content(channel, body, most)}`;
const delivering = (channel: number, tag = 1): string =>
  method(channel, "basic", 60, `${short("tag")}${big(tag, 8)}\0${short("")}${short("q")}`);
const deliver = (channel: number, body = "body", tag = 1): string =>
  `${delivering(channel, tag)}${content(channel, body)}`;
const ack = (channel: number, tag: number, multiple = 0): string =>
  method(channel, "basic", 80, `${big(tag, 8)}${big(multiple, 1)}`);
const nack = (channel: number, tag: number, bits = 0): string =>
  method(channel, "basic", 120, `${big(tag, 8)}${big(bits, 1)}`);

const openChannel = (channel: number): string => method(channel, "channel", 10, short(""));
const channelOpened = (channel: number): string => method(channel, "channel", 11, table);
const closeOf = (code: number, ids: string): string => `${big(code, 2)}${short("REPLY - text")}${ids}`;
const idsOf = (ofClass: keyof typeof classes, number: number): string => `${big(classes[ofClass], 2)}${big(number, 2)}`;
const closeChannel = (channel: number, code = 200, ids = zeros(4)): string =>
  method(channel, "channel", 40, closeOf(code, ids));
const channelClosed = (channel: number): string => method(channel, "channel", 41);
const closeConnection = (code = 200, ids = zeros(4)): string => method(0, "connection", 50, closeOf(code, ids));
const connectionClosed = method(0, "connection", 51);

const declare = (channel: number, bits = 0, name = "q"): string =>
  method(channel, "queue", 10, `${zeros(2)}${short(name)}${big(bits, 1)}${table}`);
const declared = (channel: number): string => method(channel, "queue", 11, `${short("q")}${zeros(8)}`);
const get = (channel: number): string => method(channel, "basic", 70, `${zeros(2)}${short("q")}\0`);
const getting = (channel: number): string =>
  method(channel, "basic", 71, `${big(1, 8)}\0${short("")}${short("q")}${zeros(4)}`);
const got = (channel: number, body = "body", most?: number): string =>
  `${getting(channel)}${content(channel, body, most)}`;
const gotNothing = (channel: number): string => method(channel, "basic", 72, short(""));
const select = (channel: number, bits = 0): string => method(channel, "confirm", 10, big(bits, 1));
const selected = (channel: number): string => method(channel, "confirm", 11);

const opening = "AMQP\0\0\x09\x01";
const start = method(0, "connection", 10, `\0\x09${table}${big(5, 4)}PLAIN${big(5, 4)}en_US`);
const startOk = method(0, "connection", 11, `${table}${short("PLAIN")}${big(4, 4)}\0a\0b${short("en_US")}`);
const tune = method(0, "connection", 30, `${big(2047, 2)}${big(131_072, 4)}${big(60, 2)}`);
const tuneOk = method(0, "connection", 31, `${big(2047, 2)}${big(131_072, 4)}${big(60, 2)}`);
const openHost = method(0, "connection", 40, `${short("/")}${short("")}\0`);

/** Without a login: the parser does not ask for one. */
const begun: readonly Step[] = [
  ["C", opening],
  ["S", start],
];

/** Behind the opening of a channel. */
function onChannel(steps: readonly Step[], requests: readonly Operation[]) {
  return {
    steps: [...begun, ["C", openChannel(1)], ["S", channelOpened(1)], ...steps] as const,
    requests: [["channel.open"], ...requests] as readonly Operation[],
  };
}

/** Each method that is answered, its arguments, and the answers. */
const asked: readonly (readonly [name: string, ask: string, answer: string])[] = [
  [
    "exchange.declare",
    method(1, "exchange", 10, `${zeros(2)}${short("x")}${short("topic")}\x02${table}`),
    method(1, "exchange", 11),
  ],
  [
    "exchange.bind",
    method(1, "exchange", 30, `${zeros(2)}${short("x")}${short("y")}${short("k")}\0${table}`),
    method(1, "exchange", 31),
  ],
  [
    "exchange.unbind",
    method(1, "exchange", 40, `${zeros(2)}${short("x")}${short("y")}${short("k")}\0${table}`),
    method(1, "exchange", 51),
  ],
  ["exchange.delete", method(1, "exchange", 20, `${zeros(2)}${short("x")}\x01`), method(1, "exchange", 21)],
  ["queue.declare", declare(1, 0x0f, "a name of a queue that is longer than others"), declared(1)],
  [
    "queue.bind",
    method(1, "queue", 20, `${zeros(2)}${short("q")}${short("x")}${short("k".repeat(255))}\0${table}`),
    method(1, "queue", 21),
  ],
  [
    "queue.unbind",
    method(1, "queue", 50, `${zeros(2)}${short("q")}${short("x")}${short("k")}${table}`),
    method(1, "queue", 51),
  ],
  ["queue.purge", method(1, "queue", 30, `${zeros(2)}${short("q")}\0`), method(1, "queue", 31, zeros(4))],
  ["queue.delete", method(1, "queue", 40, `${zeros(2)}${short("q")}\x03`), method(1, "queue", 41, zeros(4))],
  ["basic.qos", method(1, "basic", 10, `${zeros(4)}\0\x0a\0`), method(1, "basic", 11)],
  [
    "basic.consume",
    method(1, "basic", 20, `${zeros(2)}${short("q")}${short("")}\x07${table}`),
    method(1, "basic", 21, short("tag")),
  ],
  ["basic.cancel", method(1, "basic", 30, `${short("tag")}\0`), method(1, "basic", 31, short("tag"))],
  ["basic.recover", method(1, "basic", 110, "\x01"), method(1, "basic", 111)],
  ["confirm.select", select(1), selected(1)],
  ["tx.select", method(1, "tx", 10), method(1, "tx", 11)],
  ["tx.commit", method(1, "tx", 20), method(1, "tx", 21)],
  ["tx.rollback", method(1, "tx", 30), method(1, "tx", 31)],
  ["access.request", method(1, "access", 10, `${short("/")}\0`), method(1, "access", 11, zeros(2))],
  ["channel.flow", method(1, "channel", 20, "\x01"), method(1, "channel", 21, "\x01")],
  ["connection.update-secret", method(0, "connection", 70, `${big(1, 4)}s${short("r")}`), method(0, "connection", 71)],
];

/** The same of methods that need no answer, and say so. */
const unanswered: readonly (readonly [name: string, ask: string])[] = [
  ["exchange.declare", method(1, "exchange", 10, `${zeros(2)}${short("x")}${short("topic")}\x10${table}`)],
  ["exchange.delete", method(1, "exchange", 20, `${zeros(2)}${short("x")}\x02`)],
  ["exchange.bind", method(1, "exchange", 30, `${zeros(2)}${short("x")}${short("y")}${short("")}\x01${table}`)],
  ["exchange.unbind", method(1, "exchange", 40, `${zeros(2)}${short("x")}${short("")}${short("k")}\x01${table}`)],
  ["queue.declare", declare(1, 0x10)],
  ["queue.bind", method(1, "queue", 20, `${zeros(2)}${short("")}${short("x")}${short("")}\x01${table}`)],
  ["queue.purge", method(1, "queue", 30, `${zeros(2)}${short("q")}\x01`)],
  ["queue.delete", method(1, "queue", 40, `${zeros(2)}${short("q")}\x04`)],
  ["basic.consume", method(1, "basic", 20, `${zeros(2)}${short("q")}${short("t")}\x08${table}`)],
  ["basic.cancel", method(1, "basic", 30, `${short("t")}\x01`)],
  ["confirm.select", select(1, 1)],
];

/** A body that looks like frames. */
const likeFrames = `${declare(1)}${publish(1)}${channelClosed(1)}\xce\xce${opening}`;

export const conversations: readonly Conversation<Operation>[] = [
  {
    name: "opening",
    steps: [
      ...begun,
      ["C", startOk],
      ["S", tune],
      ["C", `${tuneOk}${openHost}`],
      ["S", method(0, "connection", 41, short(""))],
      ["C", openChannel(1)],
      ["S", channelOpened(1)],
      ["C", closeChannel(1)],
      ["S", channelClosed(1)],
      ["C", closeConnection()],
      ["S", connectionClosed],
    ],
    requests: [["connection.open"], ["channel.open"], ["channel.close"], ["connection.close"]],
  },
  {
    name: "refusedlogin",
    steps: [...begun, ["C", startOk], ["S", closeConnection(403, idsOf("connection", 11))], ["C", connectionClosed]],
    first: "S",
    requests: [["connection.close", "ACCESS_REFUSED"]],
  },
  {
    name: "refusedhost",
    steps: [...begun, ["C", openHost], ["S", closeConnection(530, idsOf("connection", 40))], ["C", connectionClosed]],
    first: "S",
    requests: [["connection.open", "NOT_ALLOWED"]],
  },
  {
    name: "published",
    ...onChannel(
      [
        ["C", publish(1)],
        ["C", publish(1, "")],
        ["C", publish(1, "x".repeat(2500))],
      ],
      times(3, ["basic.publish"]),
    ),
  },
  {
    name: "manypublished",
    ...onChannel([["C", publish(1).repeat(100)]], times(100, ["basic.publish"])),
  },
  {
    name: "confirmed",
    ...onChannel(
      [
        ["C", select(1)],
        ["S", selected(1)],
        ["C", publish(1)],
        ["S", ack(1, 1)],
        ["C", publish(1, "")],
        ["S", nack(1, 2)],
      ],
      [["confirm.select"], ["basic.publish"], ["basic.publish", "NACK"]],
    ),
  },
  {
    name: "confirmedtogether",
    ...onChannel(
      [
        ["C", `${select(1)}${publish(1).repeat(7)}`],
        ["S", `${selected(1)}${ack(1, 3, 1)}`],
        ["C", publish(1)],
        ["S", `${nack(1, 5, 1)}${ack(1, 0, 1)}`],
        ["C", publish(1)],
        ["S", ack(1, 9)],
      ],
      [
        ["confirm.select"],
        ...times<Operation>(7, ["basic.publish"]),
        ...times<Operation>(2, ["basic.publish", "NACK"]),
      ],
    ),
  },
  {
    name: "confirmedanyorder",
    ...onChannel(
      [
        ["C", `${select(1)}${publish(1).repeat(8)}`],
        ["S", `${selected(1)}${ack(1, 2)}${ack(1, 4)}${nack(1, 1)}${ack(1, 2)}${ack(1, 6, 1)}${ack(1, 8)}${ack(1, 7)}`],
      ],
      [["confirm.select"], ...times<Operation>(7, ["basic.publish"]), ["basic.publish", "NACK"]],
    ),
  },
  {
    name: "confirmedquietly",
    ...onChannel(
      [
        ["C", `${select(1, 1)}${publish(1)}${select(1, 1)}${publish(1)}`],
        ["S", `${ack(1, 1)}${nack(1, 2)}`],
      ],
      [["confirm.select"], ["confirm.select"], ["basic.publish"], ["basic.publish", "NACK"]],
    ),
  },
  {
    name: "confirmedchannels",
    steps: [
      ...begun,
      ["C", `${openChannel(1)}${openChannel(7)}${select(1)}${select(7)}${publish(7)}${publish(1)}${publish(7)}`],
      ["S", `${channelOpened(7)}${selected(7)}${channelOpened(1)}${selected(1)}${nack(7, 2, 1)}${ack(1, 1)}`],
    ],
    requests: [
      ...times<Operation>(2, ["channel.open"]),
      ...times<Operation>(2, ["confirm.select"]),
      ["basic.publish"],
      ...times<Operation>(2, ["basic.publish", "NACK"]),
    ],
  },
  {
    name: "got",
    ...onChannel(
      [
        ["C", get(1)],
        ["S", got(1)],
        ["C", ack(1, 1)],
        ["C", get(1)],
        ["S", gotNothing(1)],
        ["C", get(1)],
        ["S", got(1, "")],
        ["C", get(1)],
        ["S", got(1, "y".repeat(3500))],
      ],
      [...times<Operation>(4, ["basic.get"]), ["basic.ack"]],
    ),
  },
  {
    name: "consumed",
    ...onChannel(
      [
        ["C", method(1, "basic", 20, `${zeros(2)}${short("q")}${short("")}\0${table}`)],
        [
          "S",
          `${method(1, "basic", 21, short("tag"))}${deliver(1)}${deliver(1, "", 2)}${deliver(1, "x".repeat(1500), 3)}`,
        ],
        ["C", `${ack(1, 1)}${nack(1, 2, 3)}${method(1, "basic", 90, `${big(3, 8)}\x01`)}`],
        ["S", deliver(1, "again", 4)],
        ["C", ack(1, 4, 1)],
        ["C", method(1, "basic", 100, "\x01")],
      ],
      [
        ["basic.consume"],
        ...times<Operation>(4, ["basic.deliver"]),
        ...times<Operation>(2, ["basic.ack"]),
        ["basic.nack"],
        ["basic.reject"],
        ["basic.recover-async"],
      ],
    ),
  },
  {
    name: "channels",
    steps: [
      ...begun,
      ["C", `${openChannel(1)}${openChannel(2)}`],
      ["S", `${channelOpened(2)}${channelOpened(1)}`],
      ["C", `${get(1)}${declare(2)}`],
      ["S", declared(2)],
      ["C", get(2)],
      ["S", `${gotNothing(2)}${got(1)}`],
    ],
    requests: [["channel.open"], ["channel.open"], ["basic.get"], ["queue.declare"], ["basic.get"]],
  },
  {
    name: "pipelines",
    steps: [
      ...begun,
      ["C", upTo(3, (channel) => `${openChannel(channel)}${get(channel)}${declare(channel)}`).join("")],
      ["S", `${channelOpened(3)}${channelOpened(1)}${got(3)}${channelOpened(2)}${got(2)}${declared(2)}`],
      ["C", get(2)],
      ["S", `${declared(3)}${gotNothing(1)}${declared(1)}${gotNothing(2)}`],
    ],
    requests: [
      ...times<Operation>(3, ["channel.open"]),
      ...times<Operation>(4, ["basic.get"]),
      ...times<Operation>(3, ["queue.declare"]),
    ],
  },
  {
    name: "deep",
    ...onChannel(
      [
        ["C", `${declare(1)}${get(1)}`.repeat(40)],
        ["S", `${declared(1)}${gotNothing(1)}`.repeat(20)],
        ["C", declare(1)],
        ["S", `${declared(1)}${got(1)}`.repeat(20)],
        ["S", declared(1)],
      ],
      [...times<Operation>(41, ["queue.declare"]), ...times<Operation>(40, ["basic.get"])],
    ),
  },
  {
    name: "manychannels",
    steps: [
      ...begun,
      ["C", upTo(60, openChannel).join("")],
      ["S", upTo(60, (number) => channelOpened(61 - number)).join("")],
      ["C", upTo(60, (channel) => closeChannel(channel)).join("")],
      ["S", upTo(60, channelClosed).join("")],
      ["C", openChannel(65_535)],
      ["S", channelOpened(65_535)],
    ],
    requests: [...times<Operation>(61, ["channel.open"]), ...times<Operation>(60, ["channel.close"])],
  },
  {
    name: "byturns",
    steps: [
      ...begun,
      [
        "C",
        [
          ...[publishing(1), publishing(2), ...contentFrames(2, "x".repeat(50), 20).slice(0, 2)],
          ...[...contentFrames(1, "y".repeat(30), 20).slice(0, 2), heartbeat, ack(3, 1), publishing(3)],
          ...[...contentFrames(2, "x".repeat(50), 20).slice(2), ...contentFrames(3, "")],
          ...contentFrames(1, "y".repeat(30), 20).slice(2),
        ].join(""),
      ],
    ],
    requests: [...times<Operation>(3, ["basic.publish"]), ["basic.ack"]],
  },
  {
    name: "answersbyturns",
    steps: [
      ...begun,
      ["C", `${get(1)}${get(2)}${declare(3)}`],
      [
        "S",
        [
          ...[getting(2), getting(1), ...contentFrames(1, "x".repeat(50), 20).slice(0, 3), declared(3)],
          ...[delivering(4), ...contentFrames(2, "y"), ...contentFrames(4, "")],
          ...contentFrames(1, "x".repeat(50), 20).slice(3),
        ].join(""),
      ],
    ],
    requests: [...times<Operation>(2, ["basic.get"]), ["queue.declare"], ["basic.deliver"]],
  },
  {
    name: "answered",
    ...onChannel(
      asked.flatMap(([, ask, answer]): Step[] => [
        ["C", ask],
        ["S", answer],
      ]),
      asked.map(([name]) => [name] as const),
    ),
  },
  {
    name: "answeredatonce",
    ...onChannel(
      [
        ["C", asked.map(([, ask]) => ask).join(heartbeat)],
        ["S", asked.map(([, , answer]) => answer).join(heartbeat)],
      ],
      asked.map(([name]) => [name] as const),
    ),
  },
  {
    name: "nowait",
    ...onChannel(
      [
        ["C", `${unanswered.map(([, ask]) => ask).join("")}${get(1)}`],
        ["S", gotNothing(1)],
      ],
      [...unanswered.map(([name]) => [name] as const), ["basic.get"]],
    ),
  },
  {
    name: "failed",
    ...onChannel(
      [
        ["C", declare(1, 1)],
        ["S", closeChannel(1, 404, idsOf("queue", 10))],
        ["C", channelClosed(1)],
        ["C", openChannel(1)],
        ["S", channelOpened(1)],
        ["C", declare(1)],
        ["S", declared(1)],
      ],
      [["queue.declare", "NOT_FOUND"], ["channel.open"], ["queue.declare"]],
    ),
  },
  {
    name: "failedbefore",
    ...onChannel(
      [
        ["C", `${declare(1)}${get(1)}${declare(1, 1)}${get(1)}${declare(1)}${publish(1)}`],
        ["S", `${declared(1)}${gotNothing(1)}${closeChannel(1, 406, idsOf("queue", 10))}`],
        ["C", `${get(1)}${channelClosed(1)}${openChannel(1)}`],
        ["S", channelOpened(1)],
      ],
      [
        ["queue.declare"],
        ["basic.get"],
        ["queue.declare", "PRECONDITION_FAILED"],
        ...times<Operation>(2, ["basic.get", "aborted"]),
        ["queue.declare", "aborted"],
        ["basic.publish"],
        ["channel.open"],
      ],
    ),
  },
  {
    name: "failedpublishing",
    ...onChannel(
      [
        ["C", `${publish(1)}${declare(1)}`],
        ["S", closeChannel(1, 404, idsOf("basic", 40))],
        ["C", channelClosed(1)],
        ["C", closeConnection()],
        ["S", connectionClosed],
      ],
      [["basic.publish"], ["channel.close", "NOT_FOUND"], ["queue.declare", "aborted"], ["connection.close"]],
    ),
  },
  {
    name: "closedboth",
    ...onChannel(
      [
        ["C", closeChannel(1)],
        ["S", closeChannel(1, 406, idsOf("basic", 80))],
        ["C", channelClosed(1)],
        ["S", channelClosed(1)],
        ["C", openChannel(1)],
        ["S", channelOpened(1)],
      ],
      [["channel.close"], ["channel.close", "PRECONDITION_FAILED"], ["channel.open"]],
    ),
  },
  {
    name: "unconfirmed",
    ...onChannel(
      [
        ["C", `${select(1)}${publish(1).repeat(3)}${closeChannel(1)}`],
        ["S", `${selected(1)}${ack(1, 2)}${channelClosed(1)}`],
        ["C", `${openChannel(1)}${publish(1)}`],
        ["S", channelOpened(1)],
      ],
      [
        ["confirm.select"],
        ...times<Operation>(2, ["basic.publish"]),
        ...times<Operation>(2, ["basic.publish", "closed"]),
        ["channel.close"],
        ["channel.open"],
      ],
    ),
  },
  {
    name: "returned",
    ...onChannel(
      [
        ["C", `${select(1)}${publish(1)}`],
        ["S", `${selected(1)}${method(1, "basic", 50, `${big(312, 2)}${short("NO_ROUTE")}${short("")}${short("q")}`)}`],
        ["S", `${content(1, "body")}${ack(1, 1)}`],
      ],
      [["confirm.select"], ["basic.publish"], ["basic.return", "NO_ROUTE"]],
    ),
  },
  {
    name: "heartbeats",
    ...onChannel(
      [
        ["C", `${heartbeat}${publishing(1)}${contentFrames(1, "abcdef", 2).join(heartbeat)}${heartbeat}`],
        ["S", `${heartbeat}${heartbeat}`],
        ["C", get(1)],
        ["S", [getting(1), ...contentFrames(1, "abcdef", 2)].join(heartbeat)],
      ],
      [["basic.publish"], ["basic.get"]],
    ),
  },
  {
    name: "likeframes",
    ...onChannel(
      [
        ["C", `${publish(1, likeFrames, 30)}${get(1)}`],
        ["S", got(1, likeFrames, 40)],
      ],
      [["basic.publish"], ["basic.get"]],
    ),
  },
  {
    name: "large",
    ...onChannel(
      [
        ["C", publish(1, "x".repeat(200_000), 131_064)],
        ["C", get(1)],
        ["S", got(1, "y".repeat(300_000), 131_064)],
      ],
      [["basic.publish"], ["basic.get"]],
    ),
  },
  {
    name: "toldbyserver",
    ...onChannel(
      [
        ["S", method(0, "connection", 60, short("low on memory"))],
        ["S", method(0, "connection", 61)],
        ["S", `${method(1, "channel", 20, "\0")}${method(1, "basic", 30, `${short("tag")}\x01`)}`],
        ["C", method(1, "channel", 21, "\0")],
      ],
      [["connection.blocked"], ["connection.unblocked"], ["channel.flow"], ["basic.cancel"]],
    ),
  },
  {
    name: "forced",
    ...onChannel(
      [
        ["C", get(1)],
        ["S", closeConnection(320)],
        ["C", connectionClosed],
      ],
      [
        ["basic.get", "closed"],
        ["connection.close", "CONNECTION_FORCED"],
      ],
    ),
    first: "S",
  },
  {
    name: "unknown",
    ...onChannel(
      [
        ["C", `${frame(1, 1, `\0\x46\0\x0a${zeros(9)}`)}${frame(1, 1, "\0\x3c\0\xff")}${get(1)}`],
        ["S", `${frame(1, 1, "\0\x3c\0\x63")}${gotNothing(1)}`],
        ["C", get(1)],
        ["S", closeChannel(1, 999, idsOf("basic", 70))],
      ],
      [["basic.get"], ["basic.get", "_OTHER"]],
    ),
  },
  {
    name: "beforeitsrequest",
    ...onChannel(
      [
        ["C", get(1)],
        ["S", `${gotNothing(1)}${declared(1)}`],
        ["C", declare(1)],
        ["S", got(1)],
        ["C", get(1)],
        ["C", select(1)],
        ["S", `${selected(1)}${nack(1, 1)}${ack(1, 3, 1)}`],
        ["C", publish(1)],
        ["C", publish(1).repeat(3)],
        ["S", ack(1, 4)],
      ],
      [
        ...times<Operation>(2, ["basic.get"]),
        ["queue.declare"],
        ["confirm.select"],
        ["basic.publish", "NACK"],
        ...times<Operation>(3, ["basic.publish"]),
      ],
    ),
  },
  {
    name: "cutpublished",
    ...onChannel(
      [["C", `${publish(1)}${publishing(1)}${contentFrames(1, "body")[0]}`]],
      [["basic.publish"], ["basic.publish", "closed"]],
    ),
  },
  {
    name: "cutgot",
    ...onChannel(
      [
        ["C", `${get(1)}${declare(1)}`],
        ["S", got(1).slice(0, -3)],
      ],
      [
        ["basic.get", "truncated"],
        ["queue.declare", "closed"],
      ],
    ),
    first: "S",
  },
  {
    name: "cutanswer",
    ...onChannel(
      [
        ["C", declare(1)],
        ["S", declared(1).slice(0, -2)],
      ],
      [["queue.declare", "truncated"]],
    ),
    first: "S",
  },
  {
    name: "cutdelivered",
    ...onChannel([["S", deliver(1).slice(0, -1)]], [["basic.deliver", "truncated"]]),
    first: "S",
  },
  {
    name: "waiting",
    steps: [
      ...begun,
      ["C", `${declare(1)}${get(9)}${get(9)}${get(9)}${select(5)}${publish(5).repeat(5)}`],
      ["S", `${selected(5)}${ack(5, 3)}${gotNothing(9)}`],
    ],
    requests: [
      ["queue.declare", "closed"],
      ["basic.get"],
      ...times<Operation>(2, ["basic.get", "closed"]),
      ["confirm.select"],
      ["basic.publish"],
      ...times<Operation>(4, ["basic.publish", "closed"]),
    ],
  },
];

export const suite: Suite<Operation> = {
  conversations,
  metrics: {
    client: "messaging_client_operation_duration_seconds",
    server: "ringtap_messaging_server_operation_duration_seconds",
  },
  labels: ["messaging_system", "messaging_operation_name", "error_type"],
  valuesOf: ([name, failure = ""]) => ["rabbitmq", name, failure],
};
