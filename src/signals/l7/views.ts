/** What `top` and the page show of requests. */
import type { Breakdown, Column, Views } from "ringtap/signal";

const served = "http_server_request_duration_seconds";
const made = "http_client_request_duration_seconds";
const called = "rpc_client_duration_seconds";
const callServed = "rpc_server_duration_seconds";
const asked = "db_client_operation_duration_seconds";
const messaged = "messaging_client_operation_duration_seconds";
const brokered = "ringtap_messaging_server_operation_duration_seconds";
const answered = "ringtap_db_server_operation_duration_seconds";

/** Only what has failed has an error. */
const failed = { label: "error_type", value: "" } as const;

function countOf(metric: string): Pick<Column, "metric" | "shows" | "unit"> {
  return { metric, shows: "count", unit: "count" };
}

function breakdown(title: string, label: readonly string[], metric: string): Breakdown {
  return { title, label, count: metric, failures: { metric, by: failed.label } };
}

export const views: Views = {
  position: 25,
  isFrequent: true,
  columns: [
    { ...countOf(served), key: "requests", heading: "REQ", help: "HTTP requests received that have ended" },
    {
      ...countOf(served),
      ...{ key: "request_failures", heading: "REQFAIL", except: failed, isFailure: true },
      help: "HTTP requests received that failed: a status from 500 on, or cut off",
    },
    {
      ...countOf(made),
      key: "client_requests",
      heading: "REQOUT",
      isDetail: true,
      help: "HTTP requests sent that have ended",
    },
    {
      ...countOf(made),
      ...{ key: "client_request_failures", except: failed, isFailure: true },
      help: "HTTP requests sent that failed: a status from 400 on, or cut off",
    },
    {
      ...countOf(asked),
      key: "queries",
      heading: "QUERY",
      isDetail: true,
      help: "operations sent to databases that have ended",
    },
    {
      ...countOf(asked),
      ...{ key: "query_failures", except: failed, isFailure: true },
      help: "operations sent to databases that failed",
    },
    {
      ...countOf(answered),
      key: "operations",
      heading: "DBOP",
      isDetail: true,
      help: "operations that a database has answered",
    },
  ],
  latencies: [
    { key: "http_server", title: "HTTP requests received", metric: served },
    { key: "http_client", title: "HTTP requests sent", metric: made },
    { key: "rpc_server", title: "Calls of gRPC received", metric: callServed },
    { key: "rpc_client", title: "Calls of gRPC made", metric: called },
    { key: "db_client", title: "Database operations sent", metric: asked },
    { key: "db_server", title: "Database operations received", metric: answered },
    { key: "messaging_client", title: "Messaging operations sent", metric: messaged },
    { key: "messaging_server", title: "Messaging operations received", metric: brokered },
  ],
  breakdowns: [
    breakdown("Requests received", ["http_request_method", "http_route"], served),
    breakdown("Requests sent", ["http_request_method", "url_template"], made),
    breakdown("Calls of gRPC received", ["rpc_service", "rpc_method"], callServed),
    breakdown("Calls of gRPC made", ["rpc_service", "rpc_method"], called),
    breakdown("Database operations sent", ["db_system_name", "db_operation_name"], asked),
    breakdown("Database operations received", ["db_system_name", "db_operation_name"], answered),
    breakdown("Messaging operations sent", ["messaging_system", "messaging_operation_name"], messaged),
    breakdown("Messaging operations received", ["messaging_system", "messaging_operation_name"], brokered),
  ],
  headline: [{ title: "HTTP requests", column: "requests" }],
};
