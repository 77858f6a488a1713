/** Conversations of MySQL and MariaDB, and the requests that there are in each. */
import type { Conversation, Suite } from "./conversations.js";
import { proxyHeaders } from "./proxy-headers.js";

/** A request: its operation, its errno, and how it failed where there was no response. */
type Request = readonly [operation: string, code?: string, error?: "truncated" | "closed"];

function little(value: number, bytes: number): string {
  return Array.from({ length: bytes }, (_, index) => String.fromCharCode(Math.floor(value / 256 ** index) & 255)).join(
    "",
  );
}

/** Payloads as packets, numbered from this number on. */
function packets(number: number, ...payloads: readonly string[]): string {
  const heads = payloads.map(({ length }, index) => `${little(length, 3)}${little(number + index, 1)}`);
  return payloads.map((payload, index) => `${heads[index]}${payload}`).join("");
}

function times<T>(count: number, value: T): T[] {
  return Array.from({ length: count }, () => value);
}

// A client's.
const capabilities = { protocol41: 0x200, compress: 0x20, ssl: 0x800, secure: 0x8000 };
const login = (more = 0): string =>
  packets(
    1,
    `${little(capabilities.protocol41 | capabilities.secure | more, 4)}${little(1 << 24, 4)}!${"\0".repeat(23)}me\0\0`,
  );
const sslRequest = packets(
  1,
  `${little(capabilities.protocol41 | capabilities.ssl, 4)}${little(1 << 24, 4)}!${"\0".repeat(23)}`,
);
const command = (code: number, rest = ""): string => packets(0, `${String.fromCharCode(code)}${rest}`);
const quit = command(0x01);
const query = (sql: string): string => command(0x03, sql);
const ping = command(0x0e);
const prepare = (sql: string): string => command(0x16, sql);
const execute = (id: number): string => command(0x17, `${little(id, 4)}\0${little(1, 4)}\0\x01\x03\0\x2a\0\0\0`);
const close = (id: number): string => command(0x19, little(id, 4));

// A server's.
const moreResults = 0x08;
const cursor = 0x40;
const greeting = packets(
  0,
  `\x0a5.5.5-10.11.9-MariaDB\0${little(7, 4)}12345678\0${little(0xf7fe, 2)}!${little(2, 2)}${"x".repeat(30)}\0`,
);
const ok = (status = 2, rows = "\0", id = "\0"): string => `\0${rows}${id}${little(status, 2)}\0\0`;
const eof = (status = 2): string => `\xfe\0\0${little(status, 2)}`;
const okEof = (status = 2): string => `\xfe\0\0${little(status, 2)}\0\0`;
const error = (number: number, text = "it does not work"): string => `\xff${little(number, 2)}#42000${text}`;
const column = `\x03def\0\x01t\x01t\x01a\x01a\x0c${little(33, 2)}${little(11, 4)}\x03\0\0\0\0\0`;
const row = "\x01" + "1" + "\x05value";
/** Of columns and rows, each of which ends with an EOF, as clients of before MySQL 5.7 and MariaDB 10.2 know them. */
const rows = (count: number, status = 2): string[] => [
  "\x02",
  column,
  column,
  eof(),
  ...times(count, row),
  eof(status),
];
/** The same without an EOF between them, and an OK at the end. */
const newRows = (count: number, status = 2): string[] => ["\x02", column, column, ...times(count, row), okEof(status)];
const binaryRow = "\0\0\x2a\0\0\0\x05value";
const prepared = (id: number, columns: number, parameters: number): string =>
  `\0${little(id, 4)}${little(columns, 2)}${little(parameters, 2)}\0\0\0`;

const begun = [
  ["S", greeting],
  ["C", login()],
  ["S", packets(2, ok())],
] as const;

const answer = (...payloads: readonly string[]): readonly ["S", string] => ["S", packets(1, ...payloads)];

export const conversations: readonly Conversation<Request>[] = [
  {
    // The server speaks first, behind the header.
    name: "proxy",
    steps: [["C", proxyHeaders.binary], ...begun, ["C", query("select 1")], answer(...rows(1)), ["C", quit]],
    requests: [["SELECT"]],
  },
  {
    name: "simple",
    steps: [...begun, ["C", query("select 1")], answer(...rows(1)), ["C", quit]],
    requests: [["SELECT"]],
  },
  {
    name: "new",
    steps: [
      ...begun,
      ["C", query("SELECT 1")],
      answer(...newRows(3)),
      ["C", query("SELECT 2")],
      answer(...newRows(0)),
      ["C", query("\0\x01SELECT 3")],
      answer("\x02\x01", column, column, row, okEof()),
      ["C", ping],
      answer(ok()),
    ],
    requests: [["SELECT"], ["SELECT"], ["SELECT"], ["PING"]],
  },
  {
    name: "statements",
    steps: [
      ...begun,
      ["C", query("BEGIN")],
      answer(ok(3)),
      ["C", query("insert into t values ('select')")],
      answer(ok(3, "\x01", "\xfc\x10\x27")),
      ["C", query("/* a */ UPDATE t SET a = 1 -- b")],
      answer(ok(3, "\xfd\x00\x00\x10", "\xfe\0\0\0\0\x01\0\0\0")),
      ["C", query("# a comment\n(SELECT 1)")],
      answer(...rows(1, 3)),
      ["C", query("WITH x AS (SELECT 1) SELECT * FROM x")],
      answer(...rows(1, 3)),
      ["C", query("COMMIT")],
      answer(ok()),
      ["C", query("")],
      answer(error(1065)),
    ],
    requests: [["BEGIN"], ["INSERT"], ["UPDATE"], ["SELECT"], ["WITH"], ["COMMIT"], ["_OTHER", "1065"]],
  },
  {
    name: "comments",
    steps: [
      ...begun,
      ["C", query("/*!40101 SET NAMES utf8mb4 */")],
      answer(ok()),
      ["C", query("/*M!100100 CREATE TABLE t (a int) */")],
      answer(ok()),
      ["C", query("/* one */ -- two\n\t# three\n /*/ four */ ; DELETE FROM t /* five */")],
      answer(ok()),
      ["C", query("/* ! no */ /**/ truncate t")],
      answer(ok()),
      ["C", query("/*! */ /*+ hint */ Replace INTO t VALUES (1)")],
      answer(ok()),
    ],
    requests: [["SET"], ["CREATE"], ["DELETE"], ["TRUNCATE"], ["REPLACE"]],
  },
  {
    name: "likepackets",
    // Of a row's first value, the length: of an empty one it is as OK begins, of NULL as a file that is asked for does.
    steps: [
      ...begun,
      ["C", query("SELECT '' AS a, 'x' AS b")],
      answer("\x02", column, column, eof(), "\0\x01x", "\xfb\x01x", "\0\0", eof()),
      ["C", query("SELECT NULL")],
      answer("\x01", column, "\xfb", "\0", okEof()),
      ["C", query("SELECT 1")],
      answer(...rows(1)),
    ],
    requests: [["SELECT"], ["SELECT"], ["SELECT"]],
  },
  {
    name: "longoks",
    // An OK that says how the session has changed, and warnings.
    steps: [
      ...begun,
      ["C", query("USE shop")],
      answer(`${ok(0x4002)}\0\x0b\x01\x09\x08database`),
      ["C", query("CALL p()")],
      answer(ok(2 | moreResults), ok(2 | moreResults, "\x02"), `${ok()}${"x".repeat(200)}`),
      ["C", query("START TRANSACTION")],
      answer(ok(3)),
      ["C", query("SAVEPOINT a")],
      answer(ok(3)),
      ["C", query("ROLLBACK TO a")],
      answer(ok()),
    ],
    requests: [["USE"], ["CALL"], ["START"], ["SAVEPOINT"], ["ROLLBACK"]],
  },
  {
    name: "reused",
    // A number of a statement that has been closed is another statement's.
    steps: [
      ...begun,
      ["C", prepare("SELECT a FROM t")],
      answer(prepared(1, 0, 0)),
      ["C", `${close(1)}${prepare("INSERT INTO t VALUES (1)")}`],
      answer(prepared(1, 0, 0)),
      ["C", execute(1)],
      answer(ok()),
      ["C", `${execute(1)}${close(1)}${quit}`],
      answer(ok()),
    ],
    requests: [["PREPARE"], ["PREPARE"], ["INSERT"], ["INSERT"]],
  },
  { name: "gone", steps: [["S", greeting]], requests: [] },
  {
    name: "login",
    steps: [
      ["S", greeting],
      ["C", login()],
      ["S", packets(2, "\xfemysql_native_password\0abcdefghijklmnopqrst\0")],
      ["C", packets(3, "x".repeat(20))],
      ["S", packets(4, "\x01\x03")],
      ["S", packets(5, ok())],
      ["C", query("SELECT 1")],
      answer(...rows(1)),
    ],
    requests: [["SELECT"]],
  },
  {
    name: "refusedlogin",
    steps: [
      ["S", greeting],
      ["C", login()],
      ["S", packets(2, error(1045))],
    ],
    first: "S",
    requests: [],
  },
  { name: "refusedhost", steps: [["S", packets(0, error(1130))]], first: "S", requests: [] },
  {
    name: "ssl",
    steps: [
      ["S", greeting],
      ["C", sslRequest],
      ["C", `\x16\x03\x01${query("SELECT 1")}`],
      ["S", `\x16\x03\x03${packets(1, ok())}`],
    ],
    requests: [],
  },
  {
    name: "compressed",
    steps: [
      ["S", greeting],
      ["C", login(capabilities.compress)],
      ["S", packets(2, ok())],
      ["C", `\x0d\0\0\0\0\0\0${query("SELECT 1")}`],
      ["S", `\x0b\0\0\x01\0\0\0${packets(1, ok())}`],
    ],
    requests: [],
  },
  {
    name: "errors",
    steps: [
      ...begun,
      ["C", query("SELECT nothing")],
      answer(error(1054)),
      ["C", query("INSERT INTO t VALUES (1)")],
      answer(error(1062, "x".repeat(300))),
      ["C", query("SELECT * FROM big")],
      answer(...rows(20).slice(0, -1), error(1317)),
      ["C", query("UPDATE t SET a = -1")],
      answer(error(4025)),
      ["C", query("SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 30001")],
      answer(error(30_001)),
      ["C", query("nonsense")],
      answer(error(1064)),
    ],
    requests: [
      ["SELECT", "1054"],
      ["INSERT", "1062"],
      ["SELECT", "1317"],
      ["UPDATE", "4025"],
      ["SIGNAL", "_OTHER"],
      ["_OTHER", "1064"],
    ],
  },
  {
    name: "results",
    steps: [
      ...begun,
      ["C", query("SELECT 1; INSERT INTO t VALUES (1); SELECT 2")],
      answer(...rows(1, 2 | moreResults), ok(2 | moreResults), ...rows(2)),
      ["C", query("CALL p()")],
      answer(...newRows(1, 2 | moreResults), ...newRows(0, 2 | moreResults), ok()),
      ["C", query("CALL q()")],
      answer(...rows(1, 2 | moreResults), error(1146)),
      ["C", query("SELECT 1")],
      answer(...rows(1)),
    ],
    requests: [["SELECT"], ["CALL"], ["CALL", "1146"], ["SELECT"]],
  },
  {
    name: "prepared",
    steps: [
      ...begun,
      ["C", prepare("SELECT a FROM t WHERE a = ?")],
      answer(prepared(1, 1, 1), column, eof(), column, eof()),
      ["C", execute(1)],
      answer("\x01", column, eof(), binaryRow, binaryRow, eof()),
      ["C", prepare("UPDATE t SET a = ?")],
      answer(prepared(2, 0, 1), column, eof()),
      ["C", execute(2)],
      answer(ok()),
      ["C", execute(1)],
      answer("\x01", column, eof(), eof()),
      ["C", `${close(1)}${execute(2)}`],
      answer(error(1213)),
      ["C", prepare("DELETE FROM t")],
      answer(prepared(3, 0, 0)),
      ["C", `${command(0x18, `${little(3, 4)}\0\0value`)}${execute(3)}`],
      answer(ok()),
      ["C", command(0x1a, little(3, 4))],
      answer(ok()),
      ["C", prepare("SELECT nothing")],
      answer(error(1054)),
      ["C", execute(77)],
      answer(error(1243)),
    ],
    requests: [
      ["PREPARE"],
      ["SELECT"],
      ["PREPARE"],
      ["UPDATE"],
      ["SELECT"],
      ["UPDATE", "1213"],
      ["PREPARE"],
      ["DELETE"],
      ["STMT_RESET"],
      ["PREPARE", "1054"],
      ["_OTHER", "1243"],
    ],
  },
  {
    name: "newprepared",
    steps: [
      ...begun,
      ["C", prepare("SELECT a FROM t WHERE a = ?")],
      answer(prepared(1, 2, 1), column, column, column),
      ["C", execute(1)],
      answer("\x02\x01", column, column, binaryRow, binaryRow, okEof()),
      // MariaDB leaves out definitions that the client has.
      ["C", execute(1)],
      answer("\x02\0", binaryRow, okEof()),
      ["C", execute(1)],
      answer("\x02\0", eof(), binaryRow, eof()),
      // A statement and its execution, sent together.
      ["C", `${prepare("DELETE FROM t")}${execute(0xffff_ffff)}`],
      ["S", `${packets(1, prepared(2, 0, 0))}${packets(1, ok())}`],
      ["C", command(0xfa, `${little(2, 4)}\0\0\0`)],
      answer(ok()),
    ],
    requests: [["PREPARE"], ["SELECT"], ["SELECT"], ["SELECT"], ["PREPARE"], ["DELETE"], ["DELETE"]],
  },
  {
    name: "cursor",
    steps: [
      ...begun,
      ["C", prepare("SELECT a FROM t")],
      answer(prepared(1, 1, 0), column, eof()),
      ["C", execute(1)],
      answer("\x01", column, eof(2 | cursor)),
      ["C", command(0x1c, `${little(1, 4)}${little(2, 4)}`)],
      answer(binaryRow, binaryRow, eof(2 | cursor)),
      ["C", command(0x1c, `${little(1, 4)}${little(2, 4)}`)],
      answer(eof(2 | 0x80)),
      ["C", execute(1)],
      answer("\x01", column, okEof(2 | cursor)),
      ["C", command(0x1c, `${little(1, 4)}${little(2, 4)}`)],
      answer(error(1243)),
    ],
    requests: [["PREPARE"], ["SELECT"], ["STMT_FETCH"], ["STMT_FETCH"], ["SELECT"], ["STMT_FETCH", "1243"]],
  },
  {
    name: "commands",
    steps: [
      ...begun,
      ["C", command(0x02, "shop")],
      answer(ok()),
      ["C", command(0x09)],
      answer("Uptime: 7  Threads: 1"),
      ["C", command(0x04, "t\0")],
      answer(column, column, eof()),
      ["C", command(0x0a)],
      answer(...rows(2)),
      ["C", command(0x1b, "\0\0")],
      answer(eof()),
      ["C", command(0x1f)],
      answer(ok()),
      ["C", command(0x11, "you\0\0shop\0")],
      answer("\xfemysql_native_password\0abcdefghijklmnopqrst\0"),
      ["C", packets(2, "x".repeat(20))],
      ["S", packets(3, ok())],
      ["C", command(0x11, "they\0\0shop\0")],
      answer(error(1045)),
      ["C", command(0x1d)],
      answer(error(1047)),
    ],
    requests: [
      ["INIT_DB"],
      ["STATISTICS"],
      ["FIELD_LIST"],
      ["PROCESS_INFO"],
      ["SET_OPTION"],
      ["RESET_CONNECTION"],
      ["CHANGE_USER"],
      ["CHANGE_USER", "1045"],
      ["_OTHER", "1047"],
    ],
  },
  {
    name: "load",
    steps: [
      ...begun,
      ["C", query("LOAD DATA LOCAL INFILE 'f' INTO TABLE t")],
      answer("\xfb/f"),
      ["C", packets(2, ...times(300, query("SELECT 1").slice(4)), "")],
      ["S", packets(303, ok())],
      ["C", query("LOAD DATA LOCAL INFILE 'f' INTO TABLE t")],
      answer("\xfb/f"),
      ["C", packets(2, "")],
      ["S", packets(3, error(2))],
      ["C", query("LOAD DATA LOCAL INFILE 'f' INTO TABLE t")],
      answer(error(3948)),
      ["C", query("SELECT 1")],
      answer(...rows(1)),
    ],
    requests: [["LOAD"], ["LOAD", "_OTHER"], ["LOAD", "3948"], ["SELECT"]],
  },
  {
    name: "progress",
    steps: [
      ...begun,
      ["C", query("ALTER TABLE t FORCE")],
      answer(error(0xffff, "\x01\x01\x01abc"), error(0xffff, "\x01\x01\x02abc"), ok()),
      ["C", query("SELECT 1")],
      answer(...rows(1)),
    ],
    requests: [["ALTER"], ["SELECT"]],
  },
  {
    name: "many",
    steps: [
      ...begun,
      ["C", query("SELECT * FROM t")],
      answer(...rows(600)),
      ["C", query(`SELECT '${"x".repeat(100_000)}'`)],
      answer("\x01", column, eof(), `\xfd${little(100_000, 3)}${"x".repeat(100_000)}`, eof()),
      ["C", query("SELECT a")],
      answer("\xfc\x2c\x01", ...times(300, column), eof(), "\xfb".repeat(300), eof()),
    ],
    requests: [["SELECT"], ["SELECT"], ["SELECT"]],
  },
  {
    name: "pipeline",
    steps: [
      ...begun,
      ["C", times(40, `${query("SELECT 1")}${ping}`).join("")],
      ["S", times(40, `${packets(1, ...rows(1))}${packets(1, ok())}`).join("")],
    ],
    requests: [...times(40, ["SELECT"] as const), ...times(40, ["PING"] as const)],
  },
  {
    name: "shutdown",
    steps: [...begun, ["C", query("SELECT 1")], answer(...rows(1)), ["S", packets(0, error(4031))]],
    first: "S",
    requests: [["SELECT"]],
  },
  {
    name: "binlog",
    steps: [
      ...begun,
      ["C", command(0x15, "\x01\0\0\0")],
      answer(ok()),
      ["C", command(0x12, `${little(4, 4)}\0\0${little(1, 4)}binlog.1`)],
      answer(`\0${"x".repeat(40)}`),
      ["S", packets(2, `\0${"y".repeat(400)}`)],
    ],
    requests: [["REGISTER_SLAVE"], ["BINLOG_DUMP"]],
  },
  {
    name: "nobinlog",
    steps: [...begun, ["C", command(0x12, `${little(4, 4)}\0\0${little(1, 4)}binlog.1`)], answer(error(1236))],
    first: "S",
    requests: [["BINLOG_DUMP", "1236"]],
  },
  {
    name: "unanswered",
    steps: [...begun, ["C", query("SELECT SLEEP(9)")]],
    requests: [["SELECT", "", "closed"]],
  },
  {
    name: "cutshort",
    steps: [...begun, ["C", query("SELECT 1")], answer(...rows(3).slice(0, -1))],
    first: "S",
    requests: [["SELECT", "", "truncated"]],
  },
  {
    name: "cutbetween",
    steps: [...begun, ["C", query("CALL p()")], answer(...rows(3, 2 | moreResults))],
    first: "S",
    requests: [["CALL", "", "truncated"]],
  },
];

export const suite: Suite<Request> = {
  conversations,
  metrics: {
    client: "db_client_operation_duration_seconds",
    server: "ringtap_db_server_operation_duration_seconds",
  },
  labels: ["db_system_name", "db_operation_name", "db_response_status_code", "error_type"],
  valuesOf: ([operation, code = "", error = code]) => ["mysql", operation, code, error],
};
