/** What protocols of databases have in common: the names of their metrics, and words for operations and failures. */
import type { Protocol, RequestMetrics } from "./protocol.js";
import { statusOk, statusOther, type WordSet } from "./words.js";

/** OpenTelemetry has a name for the client's end alone. */
const metrics: RequestMetrics = {
  client: {
    name: "db_client_operation_duration_seconds",
    help: "Duration of operations that were sent to a database, until their response has been received.",
  },
  server: {
    name: "ringtap_db_server_operation_duration_seconds",
    help: "Duration of operations that a database has received, until their response has been sent.",
  },
  active: {
    label: "db_system_name",
    client: {
      name: "ringtap_db_client_active_operations",
      help: "Operations sent to a database whose response has not been received yet.",
    },
    server: {
      name: "ringtap_db_server_active_operations",
      help: "Operations that a database has received and not answered yet.",
    },
  },
  labels: ["db_system_name", "db_operation_name", "db_response_status_code", "error_type"],
};

/** In place of an operation, or of a failure's code, that is none of the words. */
const other = "_OTHER";

/** A protocol whose operations and failures are words of sets that the program has as these constants. */
export function databaseProtocol({
  name,
  operations,
  failures,
  constants,
  spelled = (word) => word,
}: {
  /** `db.system.name` of OpenTelemetry. */
  readonly name: string;
  readonly operations: WordSet;
  /** The code of a status from {@link statusOther} + 1 on. */
  readonly failures: Pick<WordSet, "word">;
  readonly constants: Readonly<Record<string, Uint8Array>>;
  /** An operation as the protocol spells it. Default: in upper case, as words are. */
  readonly spelled?: (word: string) => string;
}): Protocol {
  const operation = (number: number): string => {
    const word = operations.word(number);
    return word === undefined ? other : spelled(word);
  };
  const code = (status: number): string | undefined =>
    status <= statusOk ? undefined : (failures.word(status) ?? other);
  return {
    name,
    metrics,
    constants,
    failingStatus: statusOther,
    operation,
    code,
    values: (number, status, error) => {
      const failure = code(status) ?? "";
      return [name, operation(number), failure, error === "" ? failure : error];
    },
  };
}
