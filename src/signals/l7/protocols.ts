/** The protocols that there are, and the words of the records' enums. */
import { keysOf } from "ringtap/signal";

import { amqp } from "./protocols/amqp.js";
import { dns } from "./protocols/dns.js";
import { grpc } from "./protocols/grpc.js";
import { http, http2 } from "./protocols/http.js";
import { kafka } from "./protocols/kafka.js";
import { memcached } from "./protocols/memcached.js";
import { mysql } from "./protocols/mysql.js";
import { postgresql } from "./protocols/postgresql.js";
import type { Protocol } from "./protocols/protocol.js";
import { L7Error, L7Protocol, L7Role } from "./records.js";
import { redis } from "./protocols/redis.js";

/** By value. */
export const roles = keysOf(L7Role) as readonly (keyof typeof L7Role)[];
export const errors = keysOf(L7Error);

/** In place of an operation: requests beyond the limit of lines. OTHER_OPERATION of bpf/l7/request_counts.h. */
export const otherOperation = 1023;

/** Connections of which no protocol is known. */
const unknown: Protocol = { name: "unknown", failingStatus: 0, operation: () => "", values: () => [] };

const byName: Readonly<Record<keyof typeof L7Protocol, Protocol>> = {
  unknown,
  http,
  redis,
  postgresql,
  mysql,
  dns,
  http2,
  grpc,
  memcached,
  amqp,
  kafka,
};

/** By enum l7_protocol of bpf/l7/connection.h. */
export const protocols: readonly Protocol[] = Object.entries(L7Protocol)
  .toSorted(([, a], [, b]) => a - b)
  .map(([name]) => byName[name as keyof typeof L7Protocol]);
