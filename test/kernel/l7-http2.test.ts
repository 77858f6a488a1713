/** Requests of HTTP/2 and calls of gRPC, against conversations of which each request is known, cut in every way, at both ends. */
import { describe } from "node:test";

import { testConversations } from "./support/conversations.js";
import { conversations as calls } from "./support/grpc-conversations.js";
import { conversations as requests } from "./support/http2-conversations.js";
import { suiteScope } from "./support/scope.js";

describe("requests of HTTP/2", () => {
  testConversations(suiteScope(), {
    conversations: requests,
    metrics: { client: "http_client_request_duration_seconds", server: "http_server_request_duration_seconds" },
    labels: ["http_request_method", "http_response_status_code", "error_type", "network_protocol_version"],
    valuesOf([method, status, error], role) {
      const failed = Number(status) >= (role === "client" ? 400 : 500) ? `${status}` : "";
      return [method, status === 0 ? "" : `${status}`, error ?? failed, "2"];
    },
  });
});

describe("calls of gRPC", () => {
  testConversations(suiteScope(), {
    conversations: calls,
    metrics: { client: "rpc_client_duration_seconds", server: "rpc_server_duration_seconds" },
    labels: ["rpc_system", "rpc_grpc_status_code", "error_type"],
    valuesOf: ([code, error = ""]) => ["grpc", code === undefined ? "" : `${code}`, error],
  });
});
