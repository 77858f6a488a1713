/** MySQL and MariaDB: the names of their commands, and the numbers of their errors. */
import { databaseProtocol } from "./database.js";
import { sqlWords } from "./sql.js";
import { statusOther } from "./words.js";

/** By enum my_command of bpf/l7/protocols/mysql_state.h; those without a name have that of their statement, or are none. */
const commands = new Map([
  [0x02, "INIT_DB"],
  [0x04, "FIELD_LIST"],
  [0x05, "CREATE_DB"],
  [0x06, "DROP_DB"],
  [0x07, "REFRESH"],
  [0x08, "SHUTDOWN"],
  [0x09, "STATISTICS"],
  [0x0a, "PROCESS_INFO"],
  [0x0c, "PROCESS_KILL"],
  [0x0d, "DEBUG"],
  [0x0e, "PING"],
  [0x11, "CHANGE_USER"],
  [0x12, "BINLOG_DUMP"],
  [0x13, "TABLE_DUMP"],
  [0x15, "REGISTER_SLAVE"],
  [0x16, "PREPARE"],
  [0x1a, "STMT_RESET"],
  [0x1b, "SET_OPTION"],
  [0x1c, "STMT_FETCH"],
  [0x1e, "BINLOG_DUMP_GTID"],
  [0x1f, "RESET_CONNECTION"],
]);

/** MY_FIRST_ERROR, MY_LAST_ERROR and MY_OTHER_ERRORS there. */
const firstError = 1000;
const lastError = 1981;
const mostOtherErrors = 32;

/**
 * Errors of higher numbers that statements meet: of MySQL (a time limit, locks, groups, JSON, constraints, local files, idle clients) and
 * of MariaDB (constraints, types, sequences, local files).
 */
const otherErrors = [
  3024, 3058, 3065, 3098, 3100, 3101, 3140, 3141, 3143, 3144, 3159, 3572, 3636, 3819, 3948, 4031, 4025, 4078, 4084,
  4085, 4086, 4166,
];

function bytesOf(numbers: Uint16Array): Uint8Array {
  return new Uint8Array(numbers.buffer);
}

/** The errno of a status. */
function errorOf(status: number): string | undefined {
  const number = firstError + status - statusOther - 1;
  const error = number <= lastError ? number : otherErrors[number - lastError - 1];
  return status <= statusOther || error === undefined ? undefined : `${error}`;
}

export const mysql = databaseProtocol({
  name: "mysql",
  operations: sqlWords,
  failures: { word: errorOf },
  constants: {
    sql_words: sqlWords.table,
    mysql_commands: bytesOf(
      Uint16Array.from({ length: 0x20 }, (_, command) => sqlWords.number(commands.get(command) ?? "")),
    ),
    mysql_errors: bytesOf(Uint16Array.from({ length: mostOtherErrors }, (_, index) => otherErrors[index] ?? 0)),
  },
});
