/** AMQP 0-9-1: the names of its methods, and of the codes by which a broker tells that one has failed. */
import { messagingMetrics } from "./messaging.js";
import type { Protocol } from "./protocol.js";
import { statusOk, statusOther } from "./words.js";

/** Classes in the order in which bpf/l7/protocols/amqp_state.h numbers them, and their methods that count. */
const classes: readonly (readonly [name: string, methods: Readonly<Record<string, number>>])[] = [
  ["connection", { open: 40, close: 50, blocked: 60, unblocked: 61, "update-secret": 70 }],
  ["channel", { open: 10, flow: 20, close: 40 }],
  ["access", { request: 10 }],
  ["exchange", { declare: 10, delete: 20, bind: 30, unbind: 40 }],
  ["queue", { declare: 10, bind: 20, purge: 30, delete: 40, unbind: 50 }],
  [
    "basic",
    {
      ...{ qos: 10, consume: 20, cancel: 30, publish: 40, return: 50, deliver: 60, get: 70, ack: 80, reject: 90 },
      ...{ "recover-async": 100, recover: 110, nack: 120 },
    },
  ],
  ["confirm", { select: 10 }],
  ["tx", { select: 10, commit: 20, rollback: 30 }],
];

/** Names by AMQP_OPERATION there. */
const operations = new Map(
  classes.flatMap(([name, methods], index) =>
    Object.entries(methods).map(([method, number]) => [(index << 7) | number, `${name}.${method}`] as const),
  ),
);

/** STATUS_NACK there: the broker has refused what was published. */
const statusNack = 3;

const codes = new Map([
  [statusNack, "NACK"],
  [311, "CONTENT_TOO_LARGE"],
  [312, "NO_ROUTE"],
  [313, "NO_CONSUMERS"],
  [320, "CONNECTION_FORCED"],
  [402, "INVALID_PATH"],
  [403, "ACCESS_REFUSED"],
  [404, "NOT_FOUND"],
  [405, "RESOURCE_LOCKED"],
  [406, "PRECONDITION_FAILED"],
  [501, "FRAME_ERROR"],
  [502, "SYNTAX_ERROR"],
  [503, "COMMAND_INVALID"],
  [504, "CHANNEL_ERROR"],
  [505, "UNEXPECTED_FRAME"],
  [506, "RESOURCE_ERROR"],
  [530, "NOT_ALLOWED"],
  [540, "NOT_IMPLEMENTED"],
  [541, "INTERNAL_ERROR"],
]);

/** In place of a method or a code that has no name here. */
const other = "_OTHER";

const operation = (number: number): string => operations.get(number) ?? other;

const code = (status: number): string | undefined => (status <= statusOk ? undefined : (codes.get(status) ?? other));

export const amqp: Protocol = {
  name: "amqp",
  metrics: messagingMetrics,
  failingStatus: statusOther,
  operation,
  code,
  values: (number, status, error) => ["rabbitmq", operation(number), error === "" ? (code(status) ?? "") : error],
};
