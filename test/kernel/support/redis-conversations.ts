/** Conversations of Redis, and the commands that there are in each. */
import type { Conversation, Suite } from "./conversations.js";
import { proxyHeaders } from "./proxy-headers.js";

/** A command: its name, the first word of its error, and how it failed where there was no reply. */
type Command = readonly [name: string, code?: string, error?: "truncated" | "closed"];

function string(text: string): string {
  return `$${text.length}\r\n${text}\r\n`;
}

function array(...elements: readonly string[]): string {
  return `*${elements.length}\r\n${elements.join("")}`;
}

function push(...elements: readonly string[]): string {
  return `>${elements.length}\r\n${elements.join("")}`;
}

function command(...words: readonly string[]): string {
  return array(...words.map(string));
}

/** What a server says about a subscription, in RESP2. */
function ack(kind: string, channel: string, count: number): string {
  return array(string(kind), string(channel), `:${count}\r\n`);
}

function times<T>(count: number, value: T): T[] {
  return Array.from({ length: count }, () => value);
}

const ok = "+OK\r\n";
const get = command("GET", "key");
const ping = command("PING");
const pong = "+PONG\r\n";

/** Values that look like messages. */
const likeCommand = command("SET", "inside", "x");
const likeReply = "+OK\r\n-ERR no\r\n$3\r\n*1\r\n\r\n";

export const conversations: readonly Conversation<Command>[] = [
  {
    name: "one",
    steps: [
      ["C", command("SET", "key", "value")],
      ["S", ok],
    ],
    requests: [["SET"]],
  },
  {
    name: "proxy",
    steps: [
      ["C", `${proxyHeaders.binary}${get}`],
      ["S", "$5\r\nvalue\r\n"],
      ["C", ping],
      ["S", pong],
    ],
    requests: [["GET"], ["PING"]],
  },
  {
    name: "several",
    steps: [
      ["C", command("SET", "key", "value")],
      ["S", ok],
      ["C", get],
      ["S", string("value")],
      ["C", command("INCRBY", "number", "-7")],
      ["S", ":-7\r\n"],
      ["C", command("mget", "a", "b", "c")],
      ["S", array(string("x"), "$-1\r\n", string(""))],
      ["C", command("Del", "key")],
      ["S", ":1\r\n"],
    ],
    requests: [["SET"], ["GET"], ["INCRBY"], ["MGET"], ["DEL"]],
  },
  {
    name: "nothing",
    steps: [
      ["C", get],
      ["S", "$-1\r\n"],
      ["C", command("BLPOP", "list", "1")],
      ["S", "*-1\r\n"],
      ["C", command("LRANGE", "list", "0", "-1")],
      ["S", "*0\r\n"],
      ["C", command("SET", "", "")],
      ["S", ok],
      ["C", command("GET", "")],
      ["S", "$0\r\n\r\n"],
    ],
    requests: [["GET"], ["BLPOP"], ["LRANGE"], ["SET"], ["GET"]],
  },
  {
    name: "inline",
    steps: [
      ["C", "PING\r\n"],
      ["S", pong],
      ["C", "set a b\n"],
      ["S", ok],
      ["C", "\r\n  GET\ta \r\n\nPING\n"],
      ["S", `${string("b")}${pong}`],
      ["C", `a-command-that-is-too-long\r\n${get}`],
      ["S", `-ERR unknown command 'a-command'\r\n$-1\r\n`],
    ],
    requests: [["PING"], ["SET"], ["GET"], ["PING"], ["_OTHER", "ERR"], ["GET"]],
  },
  {
    name: "noarguments",
    steps: [
      ["C", ping],
      ["S", pong],
      ["C", `*0\r\n*-1\r\n${get}`],
      ["S", string("x")],
    ],
    requests: [["PING"], ["GET"]],
  },
  {
    name: "names",
    steps: [
      ["C", command("NOSUCHCOMMAND", "secret")],
      ["S", "-ERR unknown command 'NOSUCHCOMMAND', with args beginning with: 'secret' \r\n"],
      ["C", command("GEORADIUSBYMEMBER", "k", "m", "1", "m")],
      ["S", "*0\r\n"],
      ["C", command("zremrangebyscore", "k", "0", "1")],
      ["S", ":0\r\n"],
      ["C", command("")],
      ["S", "-ERR unknown command ''\r\n"],
      ["C", command("JSON.ARRAPPEND", "k", "$", "1")],
      ["S", "*1\r\n:1\r\n"],
      ["C", command("SETT")],
      ["S", "-ERR unknown\r\n"],
    ],
    requests: [
      ["_OTHER", "ERR"],
      ["_OTHER"],
      ["ZREMRANGEBYSCORE"],
      ["_OTHER", "ERR"],
      ["JSON.ARRAPPEND"],
      ["_OTHER", "ERR"],
    ],
  },
  {
    name: "errors",
    steps: [
      ["C", command("LPUSH", "text", "x")],
      ["S", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"],
      ["C", get],
      ["S", "-MOVED 3999 127.0.0.1:6381\r\n"],
      ["C", command("EVAL", "return redis.error_reply('MY own')", "0")],
      ["S", "-MY own\r\n"],
      ["C", command("EVALSHA", "0", "0")],
      ["S", "-NOSCRIPT\r\n"],
      ["C", command("FCALL", "f", "0")],
      ["S", "-ALONGWORDWITHOUTANYBLANK\r\n"],
      ["C", get],
      ["S", "-READONLY\n"],
      ["C", get],
      ["S", ok],
    ],
    requests: [
      ["LPUSH", "WRONGTYPE"],
      ["GET", "MOVED"],
      ["EVAL", "_OTHER"],
      ["EVALSHA", "NOSCRIPT"],
      ["FCALL", "_OTHER"],
      ["GET", "READONLY"],
      ["GET"],
    ],
  },
  {
    name: "big",
    steps: [
      ["C", command("SET", "key", "v".repeat(100_000))],
      ["S", ok],
      ["C", get],
      ["S", string("v".repeat(150_000))],
      ["C", command("LRANGE", "l", "0", "-1")],
      ["S", array(...times(2_000, string("an element")))],
    ],
    requests: [["SET"], ["GET"], ["LRANGE"]],
  },
  {
    name: "alike",
    steps: [
      ["C", command("SET", likeCommand, likeReply)],
      ["S", ok],
      ["C", command("MSET", likeReply, likeCommand, "\r\n", "*1\r\n$4\r\nPING\r\n")],
      ["S", ok],
      ["C", command("MGET", likeReply, "\r\n")],
      ["S", array(string(likeCommand), string(likeReply))],
    ],
    requests: [["SET"], ["MSET"], ["MGET"]],
  },
  {
    name: "pipeline",
    steps: [
      ["C", `${get}${command("SET", "k", "v")}`.repeat(8)],
      ["S", `${string("value")}${ok}`.repeat(8)],
    ],
    requests: [...times(8, ["GET"] as const), ...times(8, ["SET"] as const)],
  },
  {
    name: "pipelinedeep",
    steps: [
      ["C", `${get}${command("INCR", "n")}`.repeat(60)],
      ["S", `$-1\r\n:1\r\n`.repeat(60)],
      ["C", get],
      ["S", ok],
    ],
    requests: [...times(61, ["GET"] as const), ...times(60, ["INCR"] as const)],
  },
  {
    name: "pipelineturns",
    steps: [
      ["C", get.repeat(5)],
      ["S", ok.repeat(2)],
      ["C", ping.repeat(40)],
      ["S", `${ok.repeat(3)}${pong}`],
      ["C", get],
      ["S", `${pong.repeat(39)}-ERR no\r\n`],
    ],
    requests: [...times(5, ["GET"] as const), ...times(40, ["PING"] as const), ["GET", "ERR"]],
  },
  {
    name: "pipelineruns",
    steps: [
      ["C", get.repeat(20)],
      ["C", `${command("ZADD", "z", "1", "a")}${ping.repeat(19)}`],
      ["C", get.repeat(70)],
      ["S", ok],
      ["S", ok.repeat(24)],
      ["C", command("GET", "k".repeat(2000)).repeat(3)],
      ["S", `${pong.repeat(9)}-ERR no\r\n${ok.repeat(5)}`],
      ["S", ok.repeat(73)],
    ],
    requests: [...times(93, ["GET"] as const), ["ZADD"], ...times(18, ["PING"] as const), ["PING", "ERR"]],
  },
  {
    name: "pipelinesizes",
    steps: [
      [
        "C",
        [
          ...Array.from({ length: 60 }, (_, n) => command("SET", "k".repeat(3 * n), "v".repeat(7 * n))),
          ...Array.from({ length: 12 }, (_, n) => command("DEL", ...times(n + 1, "k".repeat(n)))),
          ...[command("EXPIREAT", "k", "1"), command("EXPIRETIME", "k"), command("dbsize"), command("X")],
        ].join(""),
      ],
      [
        "S",
        [
          ...Array.from({ length: 60 }, (_, n) => [ok, string("v".repeat(7 * n)), ":1\r\n", "$-1\r\n"][n % 4]),
          ...times(12, `+${"O".repeat(50)}\r\n`),
          ...[":0\r\n", "*1\r\n:0\r\n", `:${"1".repeat(70)}\r\n`, "-ERR unknown command\r\n"],
        ].join(""),
      ],
    ],
    requests: [
      ...times(60, ["SET"] as const),
      ...times(12, ["DEL"] as const),
      ...([["EXPIREAT"], ["EXPIRETIME"], ["DBSIZE"], ["_OTHER", "ERR"]] as const),
    ],
  },
  {
    name: "nested",
    steps: [
      ["C", command("COMMAND")],
      ["S", array(array(string("get"), ":2\r\n", array("+readonly\r\n", "+fast\r\n"), "*0\r\n"), "*-1\r\n", array(ok))],
      ["C", command("XRANGE", "s", "-", "+")],
      ["S", array(array(string("1-0"), array(string("f"), string("v"))), array(string("2-0"), array()))],
      ["C", get],
      ["S", ok],
    ],
    requests: [["COMMAND"], ["XRANGE"], ["GET"]],
  },
  {
    name: "transaction",
    steps: [
      ["C", command("MULTI")],
      ["S", ok],
      ["C", `${command("INCR", "n")}${command("LPUSH", "n", "x")}`],
      ["S", "+QUEUED\r\n+QUEUED\r\n"],
      ["C", command("EXEC")],
      ["S", array(":1\r\n", "-WRONGTYPE Operation\r\n")],
      ["C", `${command("MULTI")}${command("GET")}${command("EXEC")}`],
      ["S", `${ok}-ERR wrong number of arguments\r\n-EXECABORT Transaction discarded\r\n`],
      ["C", `${command("WATCH", "n")}${command("MULTI")}${command("DISCARD")}`],
      ["S", `${ok}${ok}${ok}`],
      ["C", command("EXEC")],
      ["S", "*-1\r\n"],
    ],
    requests: [
      ["MULTI"],
      ["INCR"],
      ["LPUSH"],
      ["EXEC"],
      ["MULTI"],
      ["GET", "ERR"],
      ["EXEC", "EXECABORT"],
      ["WATCH"],
      ["MULTI"],
      ["DISCARD"],
      ["EXEC"],
    ],
  },
  {
    name: "resp3",
    steps: [
      ["C", command("HELLO", "3", "AUTH", "user", "password")],
      ["S", `%3\r\n${string("server")}${string("redis")}${string("proto")}:3\r\n${string("modules")}*0\r\n`],
      ["C", command("HGETALL", "h")],
      ["S", `%2\r\n+a\r\n~2\r\n#t\r\n_\r\n+b\r\n,1.5e3\r\n`],
      ["C", command("GET", "x")],
      ["S", `|1\r\n+ttl\r\n*2\r\n:1\r\n:2\r\n${string("value")}`],
      ["C", command("GET", "x")],
      ["S", "(3492890328409238509324850943850943825024385\r\n"],
      ["C", command("MEMORY", "DOCTOR")],
      ["S", "=15\r\ntxt:Some string\r\n"],
      ["C", command("ZSCORE", "z", "m")],
      ["S", ",-inf\r\n"],
      ["C", command("GET", "x")],
      ["S", "!21\r\nSYNTAX invalid syntax\r\n"],
      ["C", command("SMEMBERS", "s")],
      ["S", "~0\r\n"],
      ["C", command("HGETALL", "h")],
      ["S", "%0\r\n"],
      ["C", command("GET", "x")],
      ["S", "|0\r\n_\r\n"],
    ],
    requests: [
      ["HELLO"],
      ["HGETALL"],
      ["GET"],
      ["GET"],
      ["MEMORY"],
      ["ZSCORE"],
      ["GET", "_OTHER"],
      ["SMEMBERS"],
      ["HGETALL"],
      ["GET"],
    ],
  },
  {
    name: "pushes",
    steps: [
      ["C", `${command("HELLO", "3")}${command("CLIENT", "TRACKING", "ON")}`],
      ["S", `%1\r\n+proto\r\n:3\r\n${ok}`],
      ["C", get],
      ["S", `${push(string("invalidate"), array(string("key")))}${string("x")}`],
      ["S", push(string("invalidate"), "_\r\n")],
      ["C", get],
      ["S", string("x")],
      ["S", push("+message\r\n", "~1\r\n:1\r\n", "|1\r\n+a\r\n+b\r\n+c\r\n")],
    ],
    requests: [["HELLO"], ["CLIENT"], ["GET"], ["GET"]],
  },
  {
    name: "subscribe",
    steps: [
      ["C", command("SUBSCRIBE", "a", "b", "c")],
      ["S", `${ack("subscribe", "a", 1)}${ack("subscribe", "b", 2)}`],
      ["S", array(string("message"), string("a"), string("hello"))],
      ["S", ack("subscribe", "c", 3)],
      ["C", command("PSUBSCRIBE", "n*")],
      ["S", `${array(string("message"), string("b"), string("*1"))}${ack("psubscribe", "n*", 4)}`],
      ["S", array(string("pmessage"), string("n*"), string("news"), string(likeReply))],
      ["C", ping],
      ["S", array(string("pong"), string(""))],
      ["C", `${command("UNSUBSCRIBE")}${command("PUNSUBSCRIBE", "n*")}`],
      ["S", `${ack("unsubscribe", "b", 3)}${ack("unsubscribe", "a", 2)}${ack("unsubscribe", "c", 1)}`],
      ["S", `${array(string("pmessage"), string("n*"), string("new"), string("x"))}${ack("punsubscribe", "n*", 0)}`],
      ["C", command("LRANGE", "l", "0", "2")],
      ["S", array(string("message"), string("a"), string("not one"))],
    ],
    requests: [["SUBSCRIBE"], ["PSUBSCRIBE"], ["PING"], ["UNSUBSCRIBE"], ["PUNSUBSCRIBE"], ["LRANGE"]],
  },
  {
    name: "subscribesharded",
    steps: [
      ["C", command("SSUBSCRIBE", "s1", "s2")],
      ["S", `${ack("ssubscribe", "s1", 1)}${ack("ssubscribe", "s2", 2)}`],
      ["S", array(string("smessage"), string("s1"), string("hello"))],
      ["C", command("SUBSCRIBE", "a")],
      ["S", ack("subscribe", "a", 1)],
      ["C", command("UNSUBSCRIBE", "a")],
      ["S", ack("unsubscribe", "a", 0)],
      ["S", array(string("smessage"), string("s2"), string("hello"))],
      ["C", command("SUNSUBSCRIBE", "s1", "s2")],
      ["S", `${ack("sunsubscribe", "s1", 1)}${ack("sunsubscribe", "s2", 0)}`],
      ["C", command("LRANGE", "l", "0", "2")],
      ["S", array(string("smessage"), string("a"), string("not one"))],
    ],
    requests: [["SSUBSCRIBE"], ["SUBSCRIBE"], ["UNSUBSCRIBE"], ["SUNSUBSCRIBE"], ["LRANGE"]],
  },
  {
    name: "unsubscribed",
    steps: [
      ["C", `${command("UNSUBSCRIBE")}${get}`],
      ["S", `*3\r\n${string("unsubscribe")}$-1\r\n:0\r\n${ok}`],
      ["C", `${command("UNSUBSCRIBE", "c", "d", "e")}${get}`],
      ["S", `${["c", "d", "e"].map((channel) => ack("unsubscribe", channel, 0)).join("")}${string("x")}`],
      ["C", command("LRANGE", "l", "0", "2")],
      ["S", array(string("unsubscribe"), string("a"), string("b"))],
      ["C", command("SUBSCRIBE", "secret")],
      ["S", "-NOPERM this user has no permissions\r\n"],
      ["C", command("LRANGE", "l", "0", "1")],
      ["S", array(string("subscribe"), string("a"))],
    ],
    requests: [["UNSUBSCRIBE"], ["GET"], ["UNSUBSCRIBE"], ["GET"], ["LRANGE"], ["SUBSCRIBE", "NOPERM"], ["LRANGE"]],
  },
  {
    name: "subscribemany",
    steps: [
      ["C", command("SUBSCRIBE", ...times(100, "c"))],
      ["S", times(100, ack("subscribe", "c", 1)).join("")],
      ["S", array(string("message"), string("c"), string("1")).repeat(30)],
      ["C", `${command("SUBSCRIBE", "d")}${ping}`],
      ["S", `${ack("subscribe", "d", 2)}${array(string("pong"), string(""))}`],
    ],
    requests: [["SUBSCRIBE"], ["SUBSCRIBE"], ["PING"]],
  },
  {
    name: "subscribe3",
    steps: [
      ["C", command("HELLO", "3")],
      ["S", "%1\r\n+proto\r\n:3\r\n"],
      ["C", `${command("SUBSCRIBE", "a", "b")}${get}`],
      ["S", `${["a", "b"].map((name) => push(string("subscribe"), string(name), ":1\r\n")).join("")}${string("x")}`],
      ["S", push(string("message"), string("a"), string("hello"))],
      ["C", command("LRANGE", "l", "0", "2")],
      ["S", push(string("message"), string("a"), string("hello"))],
      ["S", array(string("message"), string("a"), string("not one"))],
      ["C", command("UNSUBSCRIBE", "a", "b")],
      ["S", ["a", "b"].map((name) => push(string("unsubscribe"), string(name), ":0\r\n")).join("")],
      ["C", get],
      ["S", "_\r\n"],
    ],
    requests: [["HELLO"], ["SUBSCRIBE"], ["GET"], ["LRANGE"], ["UNSUBSCRIBE"], ["GET"]],
  },
  {
    name: "monitor",
    steps: [
      ["C", command("MONITOR")],
      ["S", ok],
      [
        "S",
        `+1339518083.107412 [0 127.0.0.1:60866] "keys" "*"\r\n+1339518087.877697 [0 127.0.0.1:1] "get" "x\\r\\n"\r\n`,
      ],
      ["C", command("PING", "x")],
      ["S", `+1339518090.1 [0 127.0.0.1:60866] "x"\r\n${string("x")}`],
      ["C", command("RESET")],
      ["S", "+RESET\r\n"],
      ["C", get],
      ["S", "+7\r\n"],
    ],
    requests: [["MONITOR"], ["PING"], ["RESET"], ["GET"]],
  },
  {
    name: "replica",
    steps: [
      ["C", ping],
      ["S", pong],
      ["C", command("REPLCONF", "capa", "eof")],
      ["S", ok],
      ["C", command("PSYNC", "?", "-1")],
      ["S", "\n\n+FULLRESYNC 8f0e 14\r\n$5\r\nREDIS"],
      ["C", command("REPLCONF", "ACK", "0")],
      ["S", `${command("SET", "a", "b")}${ping}`],
    ],
    requests: [["PING"], ["REPLCONF"], ["PSYNC"]],
  },
  {
    name: "replicaold",
    steps: [
      ["C", command("PSYNC", "?", "-1")],
      ["S", "-ERR unknown command\r\n"],
      ["C", command("SYNC")],
      ["S", `\n$5\r\nREDIS${get}`],
      ["C", command("REPLCONF", "ACK", "0")],
    ],
    requests: [["PSYNC", "ERR"], ["SYNC"]],
  },
  {
    name: "silence",
    steps: [
      ["C", get],
      ["S", ok],
      ["C", `${command("CLIENT", "REPLY", "SKIP")}${command("SET", "a", "b")}${get}`],
      ["S", string("b")],
      [
        "C",
        `${command("client", "reply", "off")}${command("SET", "a", "b")}${command("CLIENT", "REPLY", "SKIP")}${get}`,
      ],
      ["C", command("CLIENT", "REPLY", "ON")],
      ["S", ok],
      ["C", `${command("CLIENT", "REPLY", "OFF")}${command("RESET")}${get}`],
      ["S", `+RESET\r\n${ok}`],
      ["C", `${command("CLIENT", "SETNAME", "OFF")}${command("CLIENT", "REPLY-NOT", "OFF")}${get}`],
      ["S", `${ok}-ERR unknown subcommand\r\n${ok}`],
    ],
    requests: [
      ...times(5, ["GET"] as const),
      ...times(2, ["SET"] as const),
      ...times(6, ["CLIENT"] as const),
      ["CLIENT", "ERR"],
      ["RESET"],
    ],
  },
  {
    name: "quit",
    steps: [
      ["C", `${get}${command("QUIT")}`],
      ["S", `${string("x")}${ok}`],
    ],
    first: "S",
    requests: [["GET"], ["QUIT"]],
  },
  {
    name: "unanswered",
    steps: [
      ["C", get],
      ["S", ok],
      ["C", command("BLPOP", "list", "0")],
    ],
    requests: [["GET"], ["BLPOP", "", "closed"]],
  },
  {
    name: "unansweredmany",
    steps: [
      ["C", get.repeat(50)],
      ["S", ok.repeat(3)],
    ],
    first: "S",
    requests: [...times(3, ["GET"] as const), ...times(47, ["GET", "", "closed"] as const)],
  },
  {
    name: "cutshort",
    steps: [
      ["C", `${get}${get}`],
      ["S", `${ok}$10\r\n12345`],
    ],
    first: "S",
    requests: [["GET"], ["GET", "", "truncated"]],
  },
  {
    name: "arraycutshort",
    steps: [
      ["C", command("LRANGE", "l", "0", "2")],
      ["S", `*3\r\n${string("a")}`],
    ],
    first: "S",
    requests: [["LRANGE", "", "truncated"]],
  },
  {
    name: "refused",
    steps: [
      ["C", get],
      ["S", ok],
      ["C", "*3\r\n$3\r\nSET\r\n$10"],
      ["S", "-ERR Protocol error: too big\r\n"],
    ],
    first: "S",
    requests: [["GET"], ["SET", "ERR"]],
  },
  {
    name: "refusedconnection",
    steps: [
      ["C", `${get}*2\r\n`],
      ["S", "-NOAUTH Authentication required.\r\n-ERR Protocol error\r\n"],
    ],
    first: "S",
    requests: [
      ["GET", "NOAUTH"],
      ["_OTHER", "ERR"],
    ],
  },
  {
    name: "beforeitsrequest",
    steps: [
      ["C", ping],
      ["S", `${pong}${ok}`],
      ["C", command("SET", "a", "b")],
      ["S", "-OOM command not allowed\r\n"],
      ["C", get],
      ["C", ping],
      ["S", pong],
    ],
    requests: [["PING"], ["SET"], ["GET", "OOM"], ["PING"]],
  },
];

export const suite: Suite<Command> = {
  conversations,
  metrics: {
    client: "db_client_operation_duration_seconds",
    server: "ringtap_db_server_operation_duration_seconds",
  },
  labels: ["db_system_name", "db_operation_name", "db_response_status_code", "error_type"],
  valuesOf: ([name, code = "", error = code]) => ["redis", name, code, error],
};
