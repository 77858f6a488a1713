/** The parser of a protocol as a program, and the inputs that it takes: test/fuzz/l7/parser.c. */
import { execFileSync } from "node:child_process";

import { conversations as amqp } from "../../kernel/support/amqp-conversations.js";
import type { Conversation } from "../../kernel/support/conversations.js";
import { conversations as dns, overTcp } from "../../kernel/support/dns-conversations.js";
import { conversations as grpc } from "../../kernel/support/grpc-conversations.js";
import { conversations as http } from "../../kernel/support/http-conversations.js";
import { conversations as http2 } from "../../kernel/support/http2-conversations.js";
import { conversations as kafka } from "../../kernel/support/kafka-conversations.js";
import { conversations as memcached } from "../../kernel/support/memcached-conversations.js";
import { conversations as mysql } from "../../kernel/support/mysql-conversations.js";
import { conversations as postgresql } from "../../kernel/support/postgresql-conversations.js";
import { conversations as redis } from "../../kernel/support/redis-conversations.js";

type Input = Pick<Conversation<unknown>, "name" | "steps" | "first">;

/** The conversations of each protocol that has a parser here. */
export const protocols: Readonly<Record<string, readonly Input[]>> = {
  http,
  http2: [...http2, ...grpc],
  redis,
  postgresql,
  mysql,
  memcached,
  amqp,
  kafka,
  dns: dns.filter(({ isOfDatagrams }) => isOfDatagrams !== true).map(overTcp),
};

/** Most bytes of a piece: its length is a number of 15 bits. */
const mostBytes = 0x7fff;

/** Compiles a protocol's program with a compiler of C and some of its flags. Throws when it cannot. */
export function buildParser(protocol: string, path: string, compiler: string, flags: readonly string[]): void {
  const include = ["-Itest/fuzz/l7/include", "-Ibpf/include"];
  const warnings = ["-Wall", "-Werror", "-Wno-unused-parameter"];
  const define = `-DPROTOCOL=PROTOCOL_${protocol.toUpperCase()}`;
  const source = ["test/fuzz/l7/parser.c", "-o", path];
  execFileSync(compiler, ["-g", "-O1", ...flags, define, ...warnings, ...include, ...source], {
    stdio: ["ignore", "inherit", "inherit"],
  });
}

/** A conversation as an input. */
export function inputOf({ steps, first = "C" }: Omit<Input, "name">): Buffer {
  const parts = [Buffer.from([first === "S" ? 1 : 0])];
  for (const [who, text] of steps) {
    for (let at = 0; at < text.length; at += mostBytes) {
      const bytes = Buffer.from(text.slice(at, at + mostBytes), "latin1");
      const head = Buffer.alloc(2);
      head.writeUInt16LE(bytes.length | (who === "S" ? 0x8000 : 0));
      parts.push(head, bytes);
    }
  }
  return Buffer.concat(parts);
}
