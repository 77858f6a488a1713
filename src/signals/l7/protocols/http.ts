/** HTTP/1.x: the words of its requests. */
import type { Protocol, RequestMetrics } from "./protocol.js";

/** enum http_method of bpf/l7/protocols/http_message.h; `_OTHER` is what OpenTelemetry calls those that are not known. */
const methods = ["_OTHER", "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"] as const;

/** HTTP/2's header table is not known as a whole where a connection is joined late: METHOD_UNKNOWN of bpf/l7/hpack.h. */
const words = [...methods, "~unknown"];

const operation = (number: number): string => words[number] ?? "_OTHER";

const metrics: RequestMetrics = {
  client: {
    name: "http_client_request_duration_seconds",
    help: "Duration of HTTP requests sent, until their response has been received.",
  },
  server: {
    name: "http_server_request_duration_seconds",
    help: "Duration of HTTP requests received, until their response has been sent.",
  },
  active: {
    client: {
      name: "http_client_active_requests",
      help: "HTTP requests sent whose response has not been received yet.",
    },
    server: {
      name: "http_server_active_requests",
      help: "HTTP requests received whose response has not been sent yet.",
    },
  },
  sizes: [
    {
      client: { name: "http_client_request_body_size_bytes", help: "Size of the bodies of HTTP requests sent." },
      server: { name: "http_server_request_body_size_bytes", help: "Size of the bodies of HTTP requests received." },
    },
    {
      client: { name: "http_client_response_body_size_bytes", help: "Size of the bodies of HTTP responses received." },
      server: { name: "http_server_response_body_size_bytes", help: "Size of the bodies of HTTP responses sent." },
    },
  ],
  told: { by: "routes", client: ["url_template"], server: ["http_route"] },
  labels: ["http_request_method", "http_response_status_code", "error_type", "network_protocol_version"],
};

/** From which status on a request has failed for an end, by OpenTelemetry's conventions. */
const failing = { client: 400, server: 500 } as const;

/** The version is empty of HTTP/1.x, of which the program does not tell 1.0 from 1.1. */
function protocol(name: string, version: string): Protocol {
  return {
    name,
    metrics,
    failingStatus: 400,
    operation,
    values(number, status, error, role) {
      const failure = error === "" && status >= failing[role] ? `${status}` : error;
      return [operation(number), statusText(status, error), failure, version];
    },
  };
}

/** A response without a status that is known is whole: so its status was an entry of a header table that is not known. */
function statusText(status: number, error: string): string {
  if (status === 0) {
    return error === "" ? "~unknown" : "";
  }
  return `${status}`;
}

export const http = protocol("http", "");
export const http2 = protocol("http2", "2");
