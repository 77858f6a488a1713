/** Conversations of memcached, and the operations that there are in each. */
import type { Conversation, Suite } from "./conversations.js";

/** An operation: its name, the code of its failure, and how it failed where there was no reply. */
type Operation = readonly [name: string, code?: string, error?: "truncated" | "closed"];

function times<T>(count: number, value: T): T[] {
  return Array.from({ length: count }, () => value);
}

/** A storage command and its data. */
function store(command: string, key: string, data: string, more = ""): string {
  return `${command} ${key} 0 0 ${data.length}${more}\r\n${data}\r\n`;
}

function value(key: string, data: string, more = ""): string {
  return `VALUE ${key} 0 ${data.length}${more}\r\n${data}\r\n`;
}

const end = "END\r\n";
const stored = "STORED\r\n";
const get = "get key\r\n";

/** Data that looks like messages. */
const likeCommand = "get inside\r\nset inside 0 0 1\r\nx";
const likeReply = `END\r\nSTORED\r\nERROR\r\n${value("a", "b")}`;

function big(number: number, bytes: number): string {
  return Array.from({ length: bytes }, (_, place) =>
    String.fromCharCode(Math.floor(number / 256 ** (bytes - 1 - place)) % 256),
  ).join("");
}

const opcodes = {
  get: 0x00,
  set: 0x01,
  add: 0x02,
  delete: 0x04,
  incr: 0x05,
  quit: 0x07,
  flush: 0x08,
  getq: 0x09,
  noop: 0x0a,
  version: 0x0b,
  getk: 0x0c,
  getkq: 0x0d,
  append: 0x0e,
  stat: 0x10,
  setq: 0x11,
  addq: 0x12,
  deleteq: 0x14,
  quitq: 0x17,
  touch: 0x1c,
  gat: 0x1d,
  saslList: 0x20,
  saslAuth: 0x21,
  saslStep: 0x22,
} as const;

interface Body {
  readonly key?: string;
  readonly extras?: string;
  readonly value?: string;
}

function packet(magic: number, opcode: number, status: number, { key = "", extras = "", value = "" }: Body): string {
  const sizes = `${big(key.length, 2)}${big(extras.length, 1)}\0${big(status, 2)}`;
  const total = extras.length + key.length + value.length;
  return `${big(magic, 1)}${big(opcode, 1)}${sizes}${big(total, 4)}\xde\xad\n\r${"\0".repeat(8)}${extras}${key}${value}`;
}

/** A request of the binary protocol. */
function ask(name: keyof typeof opcodes, body: Body = {}): string {
  return packet(0x80, opcodes[name], 0, body);
}

/** A response of it. */
function answer(name: keyof typeof opcodes, status = 0, body: Body = {}): string {
  return packet(0x81, opcodes[name], status, body);
}

const setExtras = "\0".repeat(8);
const setting = { key: "key", extras: setExtras, value: "value" };
const found = { extras: "\0\0\0\0", value: "value" };

export const conversations: readonly Conversation<Operation>[] = [
  {
    name: "one",
    steps: [
      ["C", store("set", "key", "value")],
      ["S", stored],
    ],
    requests: [["set"]],
  },
  {
    name: "several",
    steps: [
      ["C", store("set", "key", "value")],
      ["S", stored],
      ["C", get],
      ["S", `${value("key", "value")}${end}`],
      ["C", "incr number 7\r\n"],
      ["S", "12\r\n"],
      ["C", "decr number 7\r\n"],
      ["S", "5 \r\n"],
      ["C", "touch key 10\r\n"],
      ["S", "TOUCHED\r\n"],
      ["C", "delete key\r\n"],
      ["S", "DELETED\r\n"],
    ],
    requests: [["set"], ["get"], ["incr"], ["decr"], ["touch"], ["delete"]],
  },
  {
    name: "nothing",
    steps: [
      ["C", get],
      ["S", end],
      ["C", store("replace", "key", "")],
      ["S", "NOT_STORED\r\n"],
      ["C", store("cas", "key", "x", " 17")],
      ["S", "NOT_FOUND\r\n"],
      ["C", "incr key 1\r\n"],
      ["S", "NOT_FOUND\r\n"],
      ["C", "delete key\r\n"],
      ["S", "NOT_FOUND\r\n"],
      ["C", "touch key 0\r\n"],
      ["S", "NOT_FOUND\r\n"],
    ],
    requests: [["get"], ["replace"], ["cas"], ["incr"], ["delete"], ["touch"]],
  },
  {
    name: "stores",
    steps: [
      ["C", store("add", "key", "value")],
      ["S", "NOT_STORED\r\n"],
      ["C", store("replace", "key", "value")],
      ["S", stored],
      ["C", store("append", "key", "value")],
      ["S", stored],
      ["C", store("prepend", "key", "")],
      ["S", stored],
      ["C", "set key 4294967295 -1 1\r\nx\r\n"],
      ["S", stored],
      ["C", store("cas", "key", "value", " 18446744073709551615")],
      ["S", "EXISTS\r\n"],
    ],
    requests: [["add"], ["replace"], ["append"], ["prepend"], ["set"], ["cas"]],
  },
  {
    name: "keys",
    steps: [
      ["C", "get a b c d\r\n"],
      ["S", `${value("a", "1")}${value("c", likeReply)}${value("d", "")}${end}`],
      ["C", "gets a b\r\n"],
      ["S", `${value("a", "1", " 17")}${value("b", "2", " 18")}${end}`],
      ["C", "gat 10 a\r\n"],
      ["S", `${value("a", "1")}${end}`],
      ["C", "gats 10 a b\r\n"],
      ["S", end],
      ["C", `get ${times(200, "k".repeat(100)).join(" ")}\r\n`],
      ["S", `${value("k".repeat(100), "x").repeat(50)}${end}`],
    ],
    requests: [["get"], ["gets"], ["gat"], ["gats"], ["get"]],
  },
  {
    name: "lines",
    steps: [
      ["C", "get key\n"],
      ["S", end],
      ["C", "  get  key \r\nset  key  0 0   1 \nx\r\n"],
      ["S", `${end}${stored}`],
      ["C", "\r\n\nversion\n"],
      ["S", "ERROR\r\nERROR\r\nVERSION 1.6.18\r\n"],
    ],
    requests: [["get"], ["get"], ["set"], ["_OTHER", "ERROR"], ["_OTHER", "ERROR"], ["version"]],
  },
  {
    name: "names",
    steps: [
      ["C", get],
      ["S", end],
      ["C", "nosuch secret\r\n"],
      ["S", "ERROR\r\n"],
      ["C", "a-command-that-is-too-long secret\r\n"],
      ["S", "ERROR\r\n"],
      ["C", "GET key\r\n"],
      ["S", "ERROR\r\n"],
      ["C", "getter key\r\n"],
      ["S", "ERROR\r\n"],
    ],
    requests: [["get"], ["_OTHER", "ERROR"], ["_OTHER", "ERROR"], ["get", "ERROR"], ["_OTHER", "ERROR"]],
  },
  {
    name: "errors",
    steps: [
      ["C", "incr key x\r\n"],
      ["S", "CLIENT_ERROR invalid numeric delta argument\r\n"],
      ["C", "set key 0 0 2\r\nvalue\r\n"],
      ["S", "CLIENT_ERROR bad data chunk\r\nERROR\r\n"],
      ["C", get],
      ["S", "SERVER_ERROR out of memory writing get response\r\n"],
      ["C", "get\r\n"],
      ["S", "ERROR\r\n"],
      ["C", "shutdown\r\n"],
      ["S", "ERROR: shutdown not enabled\r\n"],
      ["C", get],
      ["S", end],
    ],
    requests: [
      ["incr", "CLIENT_ERROR"],
      ["set", "CLIENT_ERROR"],
      ["_OTHER", "ERROR"],
      ["get", "SERVER_ERROR"],
      ["get", "ERROR"],
      ["shutdown", "ERROR"],
      ["get"],
    ],
  },
  {
    name: "nodata",
    steps: [
      ["C", "set key 0 0\r\n"],
      ["S", "ERROR\r\n"],
      ["C", "set key 0 0 -1\r\n"],
      ["S", "CLIENT_ERROR bad command line format\r\n"],
      ["C", "set key x 0 1\r\nx\r\n"],
      ["S", "CLIENT_ERROR bad command line format\r\nERROR\r\n"],
      ["C", `set ${"k".repeat(251)} 0 0 1\r\nx\r\n`],
      ["S", "CLIENT_ERROR bad command line format\r\nERROR\r\n"],
      ["C", "set key 0 0 1 2 3\r\nx\r\n"],
      ["S", "ERROR\r\nERROR\r\n"],
      ["C", "set key 0 0 99999999999\r\n"],
      ["S", "CLIENT_ERROR bad command line format\r\n"],
    ],
    requests: [
      ...times(2, ["set", "ERROR"] as const),
      ...times(4, ["set", "CLIENT_ERROR"] as const),
      ...times(3, ["_OTHER", "ERROR"] as const),
    ],
  },
  {
    name: "toolarge",
    steps: [
      ["C", `set key 0 0 100000\r\n${"v".repeat(1000)}`],
      ["S", "SERVER_ERROR object too large for cache\r\n"],
      ["C", `${"v".repeat(99_000)}\r\n${get}`],
      ["S", end],
    ],
    requests: [["set", "SERVER_ERROR"], ["get"]],
  },
  {
    name: "big",
    steps: [
      ["C", store("set", "key", "v".repeat(100_000))],
      ["S", stored],
      ["C", get],
      ["S", `${value("key", "v".repeat(150_000))}${end}`],
    ],
    requests: [["set"], ["get"]],
  },
  {
    name: "alike",
    steps: [
      ["C", store("set", "key", likeCommand)],
      ["S", stored],
      ["C", store("set", "noreply", likeReply)],
      ["S", stored],
      ["C", "get noreply key\r\n"],
      ["S", `${value("noreply", likeReply)}${value("key", likeCommand)}${end}`],
    ],
    requests: [["set"], ["set"], ["get"]],
  },
  {
    name: "noreply",
    steps: [
      ["C", `${store("set", "key", "value", " noreply")}${get}`],
      ["S", `${value("key", "value")}${end}`],
      ["C", "delete key noreply\r\nincr key 1 noreply\r\ntouch key 0 noreply\r\nflush_all noreply\r\n"],
      ["C", `verbosity 1 noreply\r\n${store("cas", "key", "x", " 1 noreply")}decr key 1 noreply\r\n${get}`],
      ["S", end],
      ["C", "delete key 0 noreply\r\nflush_all 0 noreply\r\nset key 0 0 noreply\r\n"],
      ["C", `${store("append", "key", likeCommand, " noreply")}${store("add", "key", "", " noreply")}mn\r\n`],
      ["S", "MN\r\n"],
    ],
    requests: [
      ...times(2, ["get"] as const),
      ...times(2, ["set"] as const),
      ...times(2, ["delete"] as const),
      ...times(2, ["flush_all"] as const),
      ...([["incr"], ["decr"], ["touch"], ["verbosity"], ["cas"], ["append"], ["add"], ["mn"]] as const),
    ],
  },
  {
    name: "noreplynot",
    steps: [
      ["C", "set noreply\r\nget noreply\r\nnosuch noreply\r\ndelete a b c noreply\r\n"],
      ["S", `ERROR\r\n${end}ERROR\r\nERROR\r\n`],
      ["C", "incr noreply 1\r\n"],
      ["S", "1\r\n"],
    ],
    requests: [["set", "ERROR"], ["get"], ["_OTHER", "ERROR"], ["delete", "ERROR"], ["incr"]],
  },
  {
    name: "pipeline",
    steps: [
      ["C", `${get}${store("set", "k", "v")}`.repeat(8)],
      ["S", `${value("key", "value")}${end}${stored}`.repeat(8)],
    ],
    requests: [...times(8, ["get"] as const), ...times(8, ["set"] as const)],
  },
  {
    name: "pipelinedeep",
    steps: [
      ["C", `${get}incr n 1\r\n`.repeat(60)],
      ["S", `${end}1\r\n`.repeat(60)],
      ["C", get],
      ["S", end],
    ],
    requests: [...times(61, ["get"] as const), ...times(60, ["incr"] as const)],
  },
  {
    name: "pipelineturns",
    steps: [
      ["C", get.repeat(5)],
      ["S", end.repeat(2)],
      ["C", "version\r\n".repeat(40)],
      ["S", `${end.repeat(3)}VERSION 1\r\n`],
      ["C", get],
      ["S", `${"VERSION 1\r\n".repeat(39)}SERVER_ERROR no\r\n`],
    ],
    requests: [...times(5, ["get"] as const), ...times(40, ["version"] as const), ["get", "SERVER_ERROR"]],
  },
  {
    name: "pipelinesizes",
    steps: [
      [
        "C",
        Array.from({ length: 60 }, (_, n) => store("set", "k".repeat(1 + 3 * n), "v".repeat(7 * n))).join("") +
          Array.from({ length: 12 }, (_, n) => `get ${times(n + 1, "k".repeat(n + 1)).join(" ")}\r\n`).join(""),
      ],
      [
        "S",
        stored.repeat(60) +
          Array.from({ length: 12 }, (_, n) => `${value("k".repeat(n + 1), "v".repeat(40 * n)).repeat(n)}${end}`).join(
            "",
          ),
      ],
    ],
    requests: [...times(60, ["set"] as const), ...times(12, ["get"] as const)],
  },
  {
    name: "stats",
    steps: [
      ["C", "stats\r\n"],
      ["S", "STAT pid 1\r\nSTAT uptime 2\r\nSTAT cmd_get 0\r\nEND\r\n"],
      ["C", "stats items\r\n"],
      ["S", end],
      ["C", "stats cachedump 1 0\r\n"],
      ["S", "ITEM key [5 b; 0 s]\r\nITEM END [5 b; 0 s]\r\nEND\r\n"],
      ["C", "stats reset\r\n"],
      ["S", "RESET\r\n"],
      ["C", "stats detail on\r\nstats detail dump\r\n"],
      ["S", "OK\r\nPREFIX abc get 1 hit 0 set 0 del 0\r\nEND\r\n"],
      ["C", "stats nosuch\r\n"],
      ["S", "CLIENT_ERROR bad command line format\r\n"],
    ],
    requests: [...times(6, ["stats"] as const), ["stats", "CLIENT_ERROR"]],
  },
  {
    name: "administration",
    steps: [
      ["C", "version\r\n"],
      ["S", "VERSION 1.6.18\r\n"],
      ["C", "flush_all\r\nflush_all 10\r\nverbosity 1\r\ncache_memlimit 100\r\n"],
      ["S", "OK\r\n".repeat(4)],
      ["C", "lru_crawler metadump all\r\n"],
      ["S", "key=a exp=-1 la=1 cas=1 fetch=no cls=1 size=60\r\nkey=end%20of%20it exp=-1\r\nEND\r\n"],
      ["C", "lru_crawler mgdump all\r\nlru_crawler crawl all\r\n"],
      ["S", "mg a\r\nmg b\r\nEN\r\nBUSY currently processing crawler request\r\n"],
      ["C", "slabs reassign 1 2\r\nlru mode flat\r\n"],
      ["S", "BADCLASS invalid src or dst class id\r\nOK\r\n"],
    ],
    requests: [
      ["version"],
      ...times(2, ["flush_all"] as const),
      ...([["verbosity"], ["cache_memlimit"], ["slabs"], ["lru"]] as const),
      ...times(3, ["lru_crawler"] as const),
    ],
  },
  {
    name: "watch",
    steps: [
      ["C", get],
      ["S", end],
      ["C", "watch fetchers\r\n"],
      ["S", "OK\r\n"],
      ["S", "ts=1 gid=1 type=item_get key=a status=not_found\r\nOK\r\n"],
    ],
    requests: [["get"], ["watch"]],
  },
  {
    name: "meta",
    steps: [
      ["C", "ms key 5 T0 F1\r\nvalue\r\n"],
      ["S", "HD\r\n"],
      ["C", "mg key v t Oabc k\r\n"],
      ["S", "VA 5 t-1 Oabc kkey\r\nvalue\r\n"],
      ["C", "mg key t\r\nmg nosuch v\r\nmg key\r\n"],
      ["S", "HD t-1\r\nEN\r\nHD\r\n"],
      ["C", "ma n v\r\nma n N0 J10 v\r\nma n\r\n"],
      ["S", "NF\r\nVA 2\r\n10\r\nHD\r\n"],
      ["C", "md key\r\nmd key\r\nms key S 1\r\n"],
      ["S", "HD\r\nNF\r\nCLIENT_ERROR bad command line format\r\n"],
      ["C", "me key\r\nme nosuch\r\nmn\r\n"],
      ["S", "ME key exp=-1 la=1 cas=1 fetch=no cls=1 size=60\r\nEN\r\nMN\r\n"],
      ["C", "ms key 2 MA\r\nvalue\r\nms key 1 C99\r\nx\r\n"],
      ["S", "CLIENT_ERROR bad data chunk\r\nERROR\r\nEX\r\n"],
      ["C", "mg\r\nmg key vv\r\n"],
      ["S", "ERROR\r\nCLIENT_ERROR duplicate flag\r\n"],
    ],
    requests: [
      ...times(2, ["ms"] as const),
      ...times(2, ["ms", "CLIENT_ERROR"] as const),
      ...times(4, ["mg"] as const),
      ["mg", "ERROR"],
      ["mg", "CLIENT_ERROR"],
      ...times(3, ["ma"] as const),
      ...times(2, ["md"] as const),
      ...times(2, ["me"] as const),
      ["mn"],
      ["_OTHER", "ERROR"],
    ],
  },
  {
    name: "metaquiet",
    steps: [
      ["C", "mg a v q\r\nmg b q v\r\nmg c v q k\r\nmn\r\n"],
      ["S", "VA 1 kb\r\nx\r\nMN\r\n"],
      ["C", "ms a 1 q\r\nx\r\nms b 1 q MR\r\nx\r\nms c 1 q\r\nx\r\nmn\r\n"],
      ["S", "NS\r\nMN\r\n"],
      ["C", "md a q\r\nmd b q C9\r\nma n q\r\nma m q\r\nmg a q\r\nmn\r\n"],
      ["S", "EX\r\nNF\r\nHD\r\nMN\r\n"],
      ["C", `mg a v q\r\nmg b v q\r\n${get}`],
      ["S", end],
      ["C", "ma n q N0 v\r\nms a 1 q\r\nx\r\nversion\r\n"],
      ["S", "VA 1\r\n0\r\nVERSION 1\r\n"],
    ],
    requests: [
      ...times(6, ["mg"] as const),
      ...times(4, ["ms"] as const),
      ...times(2, ["md"] as const),
      ...times(3, ["ma"] as const),
      ...times(3, ["mn"] as const),
      ...([["get"], ["version"]] as const),
    ],
  },
  {
    name: "metaquietmixed",
    steps: [
      ["C", "mg a v q\r\nmg b v q\r\nma n q\r\nma n v\r\nms m 1 ME q\r\nx\r\nmd m q\r\nme n\r\nmn\r\n"],
      ["S", "VA 2\r\nab\r\nVA 1\r\n4\r\nNS\r\nME n exp=-1\r\nMN\r\n"],
      ["C", "mg a v q\r\nmg b v q\r\nmg c v\r\n"],
      ["S", "VA 1\r\na\r\nVA 1\r\nb\r\nVA 1\r\nc\r\n"],
      ["C", `mg a v q\r\n${get}`],
      ["S", end],
      ["C", "mg a v q\r\nmg b v\r\nmg c v\r\n"],
      ["S", "VA 1\r\na\r\nEN\r\nVA 1\r\nc\r\n"],
      ["C", get],
      ["S", `${value("key", "x")}${end}`],
    ],
    requests: [
      ...times(9, ["mg"] as const),
      ...times(2, ["ma"] as const),
      ...times(2, ["get"] as const),
      ...([["ms"], ["md"], ["me"], ["mn"]] as const),
    ],
  },
  {
    name: "metaquieterrors",
    steps: [
      ["C", `ms a 1 q\r\nx\r\nms b 9 q\r\n${"v".repeat(9)}\r\nmg c q vv\r\nmn\r\n`],
      ["S", "SERVER_ERROR object too large for cache\r\nMN\r\n"],
      ["C", "mg a q\r\nmg b q\r\n"],
      ["S", "SERVER_ERROR no\r\n"],
      ["C", "mn\r\n"],
      ["S", "MN\r\n"],
    ],
    requests: [["ms", "SERVER_ERROR"], ["ms"], ["mg"], ["mg", "SERVER_ERROR"], ["mg"], ...times(2, ["mn"] as const)],
  },
  {
    name: "metaquietend",
    steps: [["C", "ms a 1 q\r\nx\r\nmg b q\r\nmg c q\r\n"]],
    requests: [["ms"], ["mg"], ["mg"]],
  },
  {
    name: "metaquietmany",
    steps: [
      ["C", "mg key v q\r\n".repeat(2_000)],
      ["C", "mn\r\n"],
      ["S", "MN\r\n"],
    ],
    requests: [...times(2_000, ["mg"] as const), ["mn"]],
  },
  {
    name: "binary",
    steps: [
      ["C", ask("set", setting)],
      ["S", answer("set")],
      ["C", ask("get", { key: "key" })],
      ["S", answer("get", 0, found)],
      ["C", ask("get", { key: "nosuch" })],
      ["S", answer("get", 1, { value: "Not found" })],
      ["C", ask("getk", { key: "key" })],
      ["S", answer("getk", 0, { ...found, key: "key" })],
      ["C", ask("incr", { key: "n", extras: "\0".repeat(20) })],
      ["S", answer("incr", 0, { value: big(7, 8) })],
      ["C", ask("add", setting)],
      ["S", answer("add", 2, { value: "Data exists for key." })],
      ["C", ask("touch", { key: "key", extras: "\0\0\0\0" })],
      ["S", answer("touch")],
      ["C", ask("gat", { key: "key", extras: "\0\0\0\0" })],
      ["S", answer("gat", 0, found)],
      ["C", ask("append", { key: "key", value: "x" })],
      ["S", answer("append", 5, { value: "Not stored." })],
      ["C", ask("delete", { key: "key" })],
      ["S", answer("delete")],
      ["C", `${ask("version")}${ask("flush")}${ask("noop")}`],
      ["S", `${answer("version", 0, { value: "1.6.18" })}${answer("flush")}${answer("noop")}`],
    ],
    requests: [
      ...([["set"], ["get"], ["get"], ["get"], ["incr"], ["add"], ["touch"], ["gat"], ["append"]] as const),
      ...([["delete"], ["version"], ["flush_all"], ["noop"]] as const),
    ],
  },
  {
    name: "binaryerrors",
    steps: [
      ["C", ask("set", setting)],
      ["S", answer("set", 3, { value: "Too large." })],
      ["C", ask("incr", { key: "key", extras: "\0".repeat(20) })],
      ["S", answer("incr", 6, { value: "Non-numeric server-side value for incr or decr" })],
      ["C", packet(0x80, 0x7f, 0, {})],
      ["S", packet(0x81, 0x7f, 0x81, { value: "Unknown command" })],
      ["C", ask("get", { key: "key" })],
      ["S", answer("get", 0x82, { value: "Out of memory" })],
      ["C", ask("get")],
      ["S", answer("get", 4, { value: "Invalid arguments" })],
      ["C", ask("get", { key: "key" })],
      ["S", answer("get", 0x99)],
    ],
    requests: [
      ["set", "E2BIG"],
      ["incr", "DELTA_BADVAL"],
      ["_OTHER", "UNKNOWN_COMMAND"],
      ["get", "ENOMEM"],
      ["get", "EINVAL"],
      ["get", "_OTHER"],
    ],
  },
  {
    name: "binarylogin",
    steps: [
      ["C", ask("saslList")],
      ["S", answer("saslList", 0, { value: "PLAIN" })],
      ["C", ask("saslAuth", { key: "PLAIN", value: "\0user\0secret" })],
      ["S", answer("saslAuth", 0x20, { value: "Auth failure." })],
      ["C", ask("saslAuth", { key: "SCRAM", value: "x" })],
      ["S", answer("saslAuth", 0x21, { value: "challenge" })],
      ["C", ask("saslStep", { key: "SCRAM", value: "y" })],
      ["S", answer("saslStep", 0, { value: "Authenticated" })],
    ],
    requests: [["sasl_list_mechs"], ["sasl_auth", "AUTH_ERROR"], ["sasl_auth"], ["sasl_step"]],
  },
  {
    name: "binarystats",
    steps: [
      ["C", ask("stat")],
      [
        "S",
        `${answer("stat", 0, { key: "pid", value: "1" })}${answer("stat", 0, { key: "uptime", value: "2" })}${answer("stat")}`,
      ],
      ["C", ask("stat", { key: "nosuch" })],
      ["S", answer("stat", 1, { value: "Not found" })],
      ["C", ask("noop")],
      ["S", answer("noop")],
    ],
    requests: [["stats"], ["stats"], ["noop"]],
  },
  {
    name: "binaryquiet",
    steps: [
      ["C", `${["a", "b", "c", "d"].map((key) => ask("getkq", { key })).join("")}${ask("noop")}`],
      [
        "S",
        `${answer("getkq", 0, { ...found, key: "b" })}${answer("getkq", 0, { ...found, key: "d" })}${answer("noop")}`,
      ],
      ["C", `${ask("setq", setting)}${ask("addq", setting)}${ask("setq", setting)}${ask("get", { key: "key" })}`],
      ["S", `${answer("addq", 2)}${answer("setq", 0x82)}${answer("get", 0, found)}`],
      ["C", `${ask("deleteq", { key: "a" })}${ask("delete", { key: "b" })}`],
      ["S", `${answer("deleteq", 1)}${answer("delete", 1)}`],
      ["C", `${ask("getq", { key: "a" })}${ask("get", { key: "b" })}`],
      ["S", answer("get", 1)],
    ],
    requests: [
      ...times(7, ["get"] as const),
      ...([["noop"], ["set"], ["add"], ["set", "ENOMEM"], ["delete"], ["delete"]] as const),
    ],
  },
  {
    name: "binaryquietmany",
    steps: [
      ["C", ask("getq", { key: "key" }).repeat(1_500)],
      ["S", answer("getq", 0, found).repeat(700)],
      ["C", ask("noop")],
      ["S", `${answer("getq", 0, found).repeat(800)}${answer("noop")}`],
    ],
    requests: [...times(1_500, ["get"] as const), ["noop"]],
  },
  {
    name: "binaryquietend",
    steps: [["C", `${ask("setq", setting).repeat(40)}${ask("quitq")}`]],
    first: "S",
    requests: [...times(40, ["set"] as const), ["quit"]],
  },
  {
    name: "binarypipeline",
    steps: [
      ["C", `${ask("get", { key: "key" })}${ask("set", setting)}`.repeat(50)],
      ["S", `${answer("get", 0, found)}${answer("set")}`.repeat(50)],
    ],
    requests: [...times(50, ["get"] as const), ...times(50, ["set"] as const)],
  },
  {
    name: "binarybig",
    steps: [
      ["C", ask("set", { ...setting, value: "v".repeat(100_000) })],
      ["S", answer("set")],
      ["C", ask("get", { key: "key" })],
      ["S", answer("get", 0, { ...found, value: "\x80\x81".repeat(70_000) })],
      ["C", ask("quit")],
      ["S", answer("quit")],
    ],
    requests: [["set"], ["get"], ["quit"]],
  },
  {
    name: "quit",
    steps: [
      ["C", `${get}quit\r\n`],
      ["S", end],
    ],
    first: "S",
    requests: [["get"], ["quit"]],
  },
  {
    name: "unanswered",
    steps: [
      ["C", get],
      ["S", end],
      ["C", get.repeat(50)],
      ["S", end.repeat(3)],
    ],
    first: "S",
    requests: [...times(4, ["get"] as const), ...times(47, ["get", "", "closed"] as const)],
  },
  {
    name: "unansweredquiet",
    steps: [["C", `mg a q\r\n${get}mg b q\r\n`]],
    requests: [["mg"], ["get", "", "closed"], ["mg", "", "closed"]],
  },
  {
    name: "cutshort",
    steps: [
      ["C", `${get}get a b\r\n`],
      ["S", `${end}${value("a", "x")}VALUE b 0 10\r\n12345`],
    ],
    first: "S",
    requests: [["get"], ["get", "", "truncated"]],
  },
  {
    name: "cutshortbetween",
    steps: [
      ["C", "get a b\r\n"],
      ["S", value("a", "x")],
    ],
    first: "S",
    requests: [["get", "", "truncated"]],
  },
  {
    name: "cutshortbinary",
    steps: [
      ["C", `${ask("get", { key: "key" })}${ask("stat")}`],
      ["S", `${answer("get", 1)}${answer("stat", 0, { key: "pid", value: "1" })}`],
    ],
    first: "S",
    requests: [["get"], ["stats", "", "truncated"]],
  },
  {
    name: "cutcommand",
    steps: [
      ["C", get],
      ["S", end],
      ["C", "set key 0 0 10\r\n12345"],
    ],
    requests: [["get"], ["set", "", "closed"]],
  },
  {
    name: "cutsilent",
    steps: [
      ["C", get],
      ["S", end],
      ["C", "set key 0 0 10 noreply\r\n12345"],
    ],
    requests: [["get"], ["set", "", "closed"]],
  },
  {
    name: "beforeitsrequest",
    steps: [
      ["C", get],
      ["S", `${end}${stored}`],
      ["C", store("set", "a", "b")],
      ["S", "SERVER_ERROR out of memory storing object\r\n"],
      ["C", get],
      ["C", "version\r\n"],
      ["S", "VERSION 1\r\n"],
    ],
    requests: [["get"], ["set"], ["get", "SERVER_ERROR"], ["version"]],
  },
];

export const suite: Suite<Operation> = {
  conversations,
  metrics: {
    client: "db_client_operation_duration_seconds",
    server: "ringtap_db_server_operation_duration_seconds",
  },
  labels: ["db_system_name", "db_operation_name", "db_response_status_code", "error_type"],
  valuesOf: ([name, code = "", error = code]) => ["memcached", name, code, error],
};
