/** HTTP/1.x: the words of its requests. */
import type { Protocol } from "./protocol.js";

/** enum http_method of bpf/l7/http.h; `_OTHER` is what OpenTelemetry calls those that are not known. */
const methods = ["_OTHER", "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"] as const;

const operation = (number: number): string => methods[number] ?? "_OTHER";

export const http: Protocol = {
  name: "http",
  metrics: {
    client: {
      name: "http_client_request_duration_seconds",
      help: "Duration of HTTP requests sent, until their response has been received.",
    },
    server: {
      name: "http_server_request_duration_seconds",
      help: "Duration of HTTP requests received, until their response has been sent.",
    },
    labels: ["http_request_method", "http_response_status_code", "error_type"],
  },
  failingStatus: 400,
  operation,
  values: (number, status, error) => [operation(number), status === 0 ? "" : `${status}`, error],
};
