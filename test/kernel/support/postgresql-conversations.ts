/** Conversations of PostgreSQL, and the requests that there are in each. */
import type { Conversation, Suite } from "./conversations.js";
import { proxyHeaders } from "./proxy-headers.js";

/** A request: its operation, its SQLSTATE, and how it failed where there was no response. */
type Request = readonly [operation: string, code?: string, error?: "truncated" | "closed" | "aborted"];

function number32(value: number): string {
  return String.fromCharCode(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
}

/** A message without a type: those that a client begins with. */
function opening(code: number, rest = ""): string {
  return `${number32(8 + rest.length)}${number32(code)}${rest}`;
}

function message(type: string, body = ""): string {
  return `${type}${number32(4 + body.length)}${body}`;
}

function times<T>(count: number, value: T): T[] {
  return Array.from({ length: count }, () => value);
}

// A client's.
const startup = opening(0x3_0000, "user\0me\0database\0shop\0\0");
const ssl = opening(80_877_103);
const gss = opening(80_877_104);
const query = (sql: string): string => message("Q", `${sql}\0`);
const parse = (sql: string, name = ""): string => message("P", `${name}\0${sql}\0\0\0`);
const bind = (name = "", portal = ""): string => message("B", `${portal}\0${name}\0\0\0\0\x01\0\0\0\x05value\0\0`);
const describe = message("D", "P\0");
const execute = message("E", `\0${number32(0)}`);
const sync = message("S");
const flush = message("H");
const extended = (sql: string): string => `${parse(sql)}${bind()}${describe}${execute}`;

// A server's.
const ready = message("Z", "I");
const welcome =
  message("R", number32(0)) +
  message("S", "server_version\x0015.1\0") +
  message("K", number32(77) + number32(78)) +
  ready;
const row = message("D", "\0\x01\0\0\0\x05value");
const description = message("T", `\0\x01name\0${"\0".repeat(18)}`);
const rows = (count: number): string => `${description}${row.repeat(count)}`;
const complete = (tag: string): string => message("C", `${tag}\0`);
const error = (code: string, text = "it does not work", severity = "ERROR"): string =>
  message("E", `S${severity}\0V${severity}\0C${code}\0M${text}\0Fparse.c\0L12\0Rparse\0\0`);
const notice = message("N", "SNOTICE\0VNOTICE\0C00000\0Mit is so\0\0");
const bound = `${message("1")}${message("2")}`;

const begun = [
  ["C", startup],
  ["S", welcome],
] as const;

const selected = `${rows(1)}${complete("SELECT 1")}`;

export const conversations: readonly Conversation<Request>[] = [
  {
    name: "proxy",
    steps: [
      ["C", `${proxyHeaders.tcp4}${startup}`],
      ["S", welcome],
      ["C", query("select 1")],
      ["S", `${selected}${ready}`],
    ],
    requests: [["SELECT"]],
  },
  {
    name: "simple",
    steps: [...begun, ["C", query("select 1")], ["S", `${selected}${ready}`], ["C", message("X")]],
    requests: [["SELECT"]],
  },
  {
    name: "statements",
    steps: [
      ...begun,
      ["C", query("BEGIN")],
      ["S", `${complete("BEGIN")}${message("Z", "T")}`],
      ["C", query("INSERT INTO t VALUES ('select')")],
      ["S", `${complete("INSERT 0 1")}${message("Z", "T")}`],
      ["C", query("update t set a = 1")],
      ["S", `${notice}${complete("UPDATE 7")}${message("Z", "T")}`],
      ["C", query("  -- a comment\n /* another; select */ (SELECT 1)")],
      ["S", `${selected}${message("Z", "T")}`],
      ["C", query("WITH x AS (SELECT 1) DELETE FROM t")],
      ["S", `${complete("DELETE 0")}${message("Z", "T")}`],
      ["C", query("END")],
      ["S", `${complete("COMMIT")}${ready}`],
      ["C", query("create table u ()")],
      ["S", `${complete("CREATE TABLE")}${ready}`],
    ],
    requests: [["BEGIN"], ["INSERT"], ["UPDATE"], ["SELECT"], ["DELETE"], ["COMMIT"], ["CREATE"]],
  },
  {
    name: "login",
    steps: [
      ["C", startup],
      ["S", message("R", `${number32(10)}SCRAM-SHA-256\0\0`)],
      ["C", message("p", "SCRAM-SHA-256\0\0\0\0\x04n,,n")],
      ["S", message("R", `${number32(11)}r=x`)],
      ["C", message("p", "c=biws")],
      ["S", `${message("R", `${number32(12)}v=x`)}${welcome}`],
      ["C", query("SELECT 1")],
      ["S", `${selected}${ready}`],
    ],
    requests: [["SELECT"]],
  },
  {
    name: "refusedlogin",
    steps: [
      ["C", startup],
      ["S", error("28P01", "password authentication failed", "FATAL")],
    ],
    first: "S",
    requests: [],
  },
  {
    name: "nossl",
    steps: [
      ["C", gss],
      ["S", "N"],
      ["C", ssl],
      ["S", "N"],
      ...begun,
      ["C", query("SELECT 1")],
      ["S", `${selected}${ready}`],
    ],
    requests: [["SELECT"]],
  },
  {
    name: "ssl",
    steps: [
      ["C", ssl],
      ["S", "S"],
      ["C", `\x16\x03\x01${query("SELECT 1")}`],
      ["S", `\x16\x03\x03${selected}`],
    ],
    requests: [],
  },
  {
    name: "nosslatall",
    steps: [
      ["C", ssl],
      ["S", message("E", "unsupported frontend protocol 1234.5679\0")],
    ],
    first: "S",
    requests: [],
  },
  { name: "cancel", steps: [["C", opening(80_877_102, number32(77) + number32(78))]], first: "S", requests: [] },
  {
    name: "several",
    steps: [
      ...begun,
      ["C", query("SELECT 1; INSERT INTO t VALUES (1); SELECT 2")],
      ["S", `${selected}${complete("INSERT 0 1")}${selected}${ready}`],
      ["C", query("UPDATE t SET a = 1; SELECT 1/0; SELECT 3")],
      ["S", `${complete("UPDATE 1")}${error("22012")}${ready}`],
      ["C", query("")],
      ["S", `${message("I")}${ready}`],
    ],
    requests: [["SELECT"], ["INSERT"], ["SELECT"], ["UPDATE"], ["_OTHER", "22012"], ["_OTHER"]],
  },
  {
    name: "errors",
    steps: [
      ...begun,
      ["C", query("SELECT nothing")],
      ["S", `${error("42703")}${ready}`],
      ["C", query("insert into t values (1)")],
      ["S", `${error("23505", "x".repeat(300))}${ready}`],
      ["C", query("do $$ begin raise sqlstate 'AB123'; end $$")],
      ["S", `${notice}${error("AB123")}${ready}`],
      ["C", query("SELECT * FROM big")],
      ["S", `${rows(20)}${error("57014", "canceling statement due to user request")}${ready}`],
      ["C", query("nonsense")],
      ["S", `${message("E", "SFEHLER\0C42601\0M\0\0")}${ready}`],
      ["C", query("SELECT 1")],
      ["S", `${selected}${ready}`],
    ],
    requests: [
      ["SELECT", "42703"],
      ["INSERT", "23505"],
      ["DO", "_OTHER"],
      ["SELECT", "57014"],
      ["_OTHER", "42601"],
      ["SELECT"],
    ],
  },
  {
    name: "extended",
    steps: [
      ...begun,
      ["C", `${extended("select $1")}${sync}`],
      ["S", `${bound}${selected}${ready}`],
      ["C", `${extended("INSERT INTO t VALUES ($1)")}${sync}`],
      ["S", `${bound}${message("n")}${error("23503")}${ready}`],
      ["C", `${extended("/* none */")}${sync}`],
      ["S", `${bound}${message("n")}${message("I")}${ready}`],
    ],
    requests: [["SELECT"], ["INSERT", "23503"], ["_OTHER"]],
  },
  {
    name: "prepared",
    steps: [
      ...begun,
      ["C", `${parse("SELECT a", "first")}${message("D", "Sfirst\0")}${sync}`],
      ["S", `${message("1")}${message("t", "\0\0")}${description}${ready}`],
      ["C", `${parse("UPDATE t SET a = $1", "second")}${sync}`],
      ["S", `${message("1")}${ready}`],
      ["C", `${bind("second")}${execute}${sync}`],
      ["S", `${message("2")}${complete("UPDATE 1")}${ready}`],
      ["C", `${bind("first", "portal")}${execute}${sync}`],
      ["S", `${message("2")}${selected}${ready}`],
      ["C", `${bind("second")}${execute}${sync}`],
      ["S", `${message("2")}${error("40001")}${ready}`],
      ["C", `${bind("unknown")}${execute}${sync}`],
      ["S", `${error("26000")}${ready}`],
      ["C", `${message("C", "Sfirst\0")}${sync}`],
      ["S", `${message("3")}${ready}`],
    ],
    requests: [["UPDATE"], ["SELECT"], ["UPDATE", "40001"], ["_OTHER", "26000"]],
  },
  {
    name: "preparedwrongly",
    steps: [
      ...begun,
      ["C", `${parse("SELECT nothing", "first")}${message("D", "Sfirst\0")}${sync}`],
      ["S", `${error("42703")}${ready}`],
      ["C", `${parse("SELECT a", "first")}${message("D", "Sfirst\0")}${flush}`],
      ["S", `${message("1")}${message("t", "\0\0")}${description}`],
      ["C", `${bind("first")}${execute}${sync}`],
      ["S", `${message("2")}${selected}${ready}`],
    ],
    requests: [["SELECT", "42703"], ["SELECT"]],
  },
  {
    name: "parsedwrongly",
    steps: [
      ...begun,
      ["C", `${parse("SELECT nothing")}${flush}`],
      ["S", error("42703")],
      ["C", sync],
      ["S", ready],
      ["C", `${extended("SELECT 1")}${sync}`],
      ["S", `${bound}${selected}${ready}`],
    ],
    requests: [["SELECT", "42703"], ["SELECT"]],
  },
  {
    name: "deferred",
    steps: [
      ...begun,
      ["C", `${extended("INSERT INTO t VALUES (1)")}${sync}`],
      ["S", `${bound}${message("n")}${complete("INSERT 0 1")}${error("23503")}${ready}`],
      ["C", query("SELECT 1")],
      ["S", `${selected}${ready}`],
    ],
    requests: [["INSERT"], ["INSERT", "23503"], ["SELECT"]],
  },
  {
    name: "comments",
    steps: [
      ...begun,
      ["C", query("/* a * b ** / */-- c -- d\n--\nselect nothing")],
      ["S", `${error("42703")}${ready}`],
      ["C", query("/* a")],
      ["S", `${error("42601")}${ready}`],
      ["C", query("/**/\t;;( values(1))")],
      ["S", `${error("42601")}${ready}`],
      ["C", query(`${"/* a */ ".repeat(30)}averyveryverylongword`)],
      ["S", `${error("42601")}${ready}`],
    ],
    requests: [
      ["SELECT", "42703"],
      ["_OTHER", "42601"],
      ["VALUES", "42601"],
      ["_OTHER", "42601"],
    ],
  },
  {
    name: "portal",
    steps: [
      ...begun,
      ["C", `${parse("SELECT a")}${bind()}${message("E", `\0${number32(2)}`)}${flush}`],
      ["S", `${bound}${row}${row}${message("s")}`],
      ["C", `${message("E", `\0${number32(2)}`)}${flush}`],
      ["S", `${row}${row}${message("s")}`],
      ["C", `${execute}${sync}`],
      ["S", `${row}${complete("SELECT 1")}${ready}`],
    ],
    requests: times(3, ["SELECT"]),
  },
  {
    name: "pipeline",
    steps: [
      ...begun,
      ["C", `${extended("SELECT 1")}${extended("UPDATE t SET a = 1")}${sync}`.repeat(30)],
      ["S", `${bound}${selected}${bound}${message("n")}${complete("UPDATE 1")}${ready}`.repeat(30)],
    ],
    requests: [...times(30, ["SELECT"] as const), ...times(30, ["UPDATE"] as const)],
  },
  {
    name: "pipelinefailing",
    steps: [
      ...begun,
      [
        "C",
        `${extended("SELECT 1")}${extended("SELECT 1/0")}${extended("DELETE FROM t")}${sync}${extended("SELECT 1")}`,
      ],
      ["S", `${bound}${selected}${bound}${description}${error("22012")}${ready}`],
      ["C", sync],
      ["S", `${bound}${selected}${ready}`],
    ],
    requests: [["SELECT"], ["SELECT", "22012"], ["DELETE", "", "aborted"], ["SELECT"]],
  },
  {
    name: "queries",
    steps: [...begun, ["C", query("SELECT 1").repeat(20)], ["S", `${selected}${ready}`.repeat(20)]],
    requests: times(20, ["SELECT"]),
  },
  {
    name: "copyin",
    steps: [
      ...begun,
      ["C", query("COPY t FROM STDIN")],
      ["S", message("G", "\0\0\x01\0\0")],
      ["C", `${message("d", "SELECT 1\n")}${message("d", query("SELECT 1"))}`],
      ["C", message("c")],
      ["S", `${complete("COPY 2")}${ready}`],
      ["C", query("COPY t FROM STDIN")],
      ["S", message("G", "\0\0\x01\0\0")],
      ["C", `${message("d", "1\n")}${message("f", "no more\0")}`],
      ["S", `${error("57014")}${ready}`],
      ["C", query("SELECT 1")],
      ["S", `${selected}${ready}`],
    ],
    requests: [["COPY"], ["COPY", "57014"], ["SELECT"]],
  },
  {
    name: "copyinextended",
    steps: [
      ...begun,
      ["C", `${extended("COPY t FROM STDIN")}${sync}`],
      ["S", `${bound}${message("n")}${message("G", "\0\0\x01\0\0")}`],
      ["C", `${message("d", "1\n").repeat(3)}${message("c")}${sync}`],
      ["S", `${complete("COPY 3")}${ready}`],
      ["C", `${extended("SELECT 1")}${sync}`],
      ["S", `${bound}${selected}${ready}`],
    ],
    requests: [["COPY"], ["SELECT"]],
  },
  {
    name: "copyinlatesync",
    steps: [
      ...begun,
      ["C", `${extended("COPY t FROM STDIN")}${sync}`],
      ["S", `${bound}${message("n")}${message("G", "\0\0\x01\0\0")}`],
      ["C", `${message("d", "1\n")}${message("c")}`],
      ["S", complete("COPY 1")],
      ["C", sync],
      ["S", ready],
      ["C", `${extended("SELECT 1")}${sync}`],
      ["S", `${bound}${selected}${ready}`],
    ],
    requests: [["COPY"], ["SELECT"]],
  },
  {
    name: "copyinonesync",
    steps: [
      ...begun,
      ["C", `${extended("COPY t FROM STDIN")}${flush}`],
      ["S", `${bound}${message("n")}${message("G", "\0\0\x01\0\0")}`],
      ["C", `${message("d", "1\n")}${message("c")}${sync}${extended("SELECT 1")}${sync}`],
      ["S", `${complete("COPY 1")}${ready}${bound}${selected}${ready}`],
    ],
    requests: [["COPY"], ["SELECT"]],
  },
  {
    name: "copyinfailing",
    steps: [
      ...begun,
      ["C", `${extended("COPY t FROM STDIN")}${sync}`],
      ["S", `${bound}${message("n")}${message("G", "\0\0\x01\0\0")}`],
      ["C", message("d", "x\n")],
      ["S", error("22P02")],
      ["C", `${message("d", "y\n")}${message("c")}${sync}`],
      ["S", ready],
      ["C", query("SELECT 1")],
      ["S", `${selected}${ready}`],
    ],
    requests: [["COPY", "22P02"], ["SELECT"]],
  },
  {
    name: "copyout",
    steps: [
      ...begun,
      ["C", query("COPY t TO STDOUT")],
      [
        "S",
        `${message("H", "\0\0\x01\0\0")}${message("d", "1\n").repeat(40)}${message("c")}${complete("COPY 40")}${ready}`,
      ],
    ],
    requests: [["COPY"]],
  },
  {
    name: "big",
    steps: [
      ...begun,
      ["C", query(`SELECT '${"x".repeat(100_000)}'`)],
      [
        "S",
        `${description}${message("D", `\0\x01${number32(100_000)}${"x".repeat(100_000)}`)}${complete("SELECT 1")}${ready}`,
      ],
      ["C", query("SELECT * FROM t")],
      ["S", `${rows(2_000)}${complete("SELECT 2000")}${ready}`],
    ],
    requests: [["SELECT"], ["SELECT"]],
  },
  {
    name: "listen",
    steps: [
      ...begun,
      ["C", query("LISTEN news")],
      ["S", `${complete("LISTEN")}${ready}`],
      ["S", message("A", `${number32(9)}news\0select\0`)],
      ["S", `${message("S", "TimeZone\0UTC\0")}${notice}`],
      ["C", query("SELECT 1")],
      ["S", `${message("A", `${number32(9)}news\0\0`)}${selected}${ready}`],
    ],
    requests: [["LISTEN"], ["SELECT"]],
  },
  {
    name: "function",
    steps: [
      ...begun,
      ["C", message("F", `${number32(1)}\0\0\0\0\0\0`)],
      ["S", `${message("V", number32(0xffff_ffff))}${ready}`],
      ["C", query("SELECT 1")],
      ["S", `${selected}${ready}`],
    ],
    requests: [["_OTHER"], ["SELECT"]],
  },
  {
    name: "shutdown",
    steps: [
      ...begun,
      ["C", query("SELECT 1")],
      ["S", `${selected}${ready}`],
      ["S", error("57P01", "terminating connection due to administrator command", "FATAL")],
    ],
    first: "S",
    requests: [["SELECT"]],
  },
  {
    name: "unanswered",
    steps: [...begun, ["C", query("SELECT pg_sleep(9)")]],
    requests: [["SELECT", "", "closed"]],
  },
  {
    name: "unansweredbatch",
    steps: [
      ...begun,
      ["C", `${extended("SELECT 1")}${extended("DELETE FROM t")}${sync}`],
      ["S", `${bound}${selected}`],
    ],
    first: "S",
    requests: [["SELECT"], ["DELETE", "", "closed"]],
  },
  {
    name: "cutshort",
    steps: [...begun, ["C", query("SELECT 1")], ["S", rows(3)]],
    first: "S",
    requests: [["SELECT", "", "truncated"]],
  },
  {
    name: "replica",
    steps: [
      ["C", opening(0x3_0000, "user\0me\0replication\0true\0\0")],
      ["S", welcome],
      ["C", query("IDENTIFY_SYSTEM")],
      ["S", `${rows(1)}${complete("IDENTIFY_SYSTEM")}${ready}`],
      ["C", query("START_REPLICATION 0/1")],
      ["S", `${message("W", "\0\0\0")}${message("d", "w...")}`],
      ["C", message("d", "r...")],
      ["S", message("d", query("SELECT 1"))],
    ],
    requests: [["IDENTIFY_SYSTEM"], ["_OTHER", "", "truncated"]],
  },
];

export const suite: Suite<Request> = {
  conversations,
  metrics: {
    client: "db_client_operation_duration_seconds",
    server: "ringtap_db_server_operation_duration_seconds",
  },
  labels: ["db_system_name", "db_operation_name", "db_response_status_code", "error_type"],
  valuesOf: ([operation, code = "", error = code]) => ["postgresql", operation, code, error],
};
