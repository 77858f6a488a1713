/** memcached: the names of its operations, and the codes of its failures. */
import { databaseProtocol } from "./database.js";
import { WordSet } from "./words.js";

/** Of the text protocol, meta commands among them. */
const commands =
  "GET GETS GAT GATS SET ADD REPLACE APPEND PREPEND CAS INCR DECR DELETE TOUCH MG MS MD MA MN ME STATS VERSION FLUSH_ALL VERBOSITY QUIT " +
  "WATCH LRU LRU_CRAWLER SLABS CACHE_MEMLIMIT EXTSTORE SHUTDOWN REFRESH_CERTS";

/** Of the binary protocol, which has no such command as text. */
const others = "NOOP SASL_LIST_MECHS SASL_AUTH SASL_STEP";

/** First words of text errors, and names of statuses of the binary protocol (protocol_binary.h). */
const failures = "ERROR CLIENT_ERROR SERVER_ERROR E2BIG EINVAL DELTA_BADVAL AUTH_ERROR UNKNOWN_COMMAND ENOMEM";

const words = new WordSet([commands, others, failures].flatMap((text) => text.split(" ")));

/** By opcode from 0 on; quiet ones, and those that answer with the key, do the same as others. */
const operations =
  "GET SET ADD REPLACE DELETE INCR DECR QUIT FLUSH_ALL GET NOOP VERSION GET GET APPEND PREPEND STATS " +
  "SET ADD REPLACE DELETE INCR DECR QUIT FLUSH_ALL APPEND PREPEND VERBOSITY TOUCH GAT GAT _ " +
  "SASL_LIST_MECHS SASL_AUTH SASL_STEP GAT GAT";

const opcodes = new Uint16Array(256);
opcodes.set(operations.split(" ").map((word) => words.number(word)));

export const memcached = databaseProtocol({
  name: "memcached",
  operations: words,
  failures: words,
  constants: { memcached_words: words.table, memcached_opcodes: new Uint8Array(opcodes.buffer) },
  spelled: (word) => word.toLowerCase(),
});
