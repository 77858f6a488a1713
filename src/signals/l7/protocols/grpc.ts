/** gRPC: calls on connections of HTTP/2, and the codes that they end with. */
import type { Protocol } from "./protocol.js";

/** By number (grpc.io, "Status codes and their use in gRPC"). */
const codes = (
  "OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED RESOURCE_EXHAUSTED " +
  "FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED"
).split(" ");

/** A status is 1 + that of gRPC; this one is no known number (GRPC_OTHER of bpf/l7/streams.h). */
const otherStatus = 31;

/** In place of a status that there was, or must have been, but is not known. */
const unknown = "~unknown";

function statusCode(status: number, error: string): string {
  if (status === 0) {
    return error === "" ? unknown : "";
  }
  return status === otherStatus ? unknown : `${status - 1}`;
}

const names = ["rpc_service", "rpc_method"];

/** A path, `/service/method`, as its parts; what is none stands for both. */
function split(path: string): readonly string[] {
  const at = path.lastIndexOf("/");
  return at < 0 ? [path, path] : [path.slice(1, at), path.slice(at + 1)];
}

export const grpc: Protocol = {
  name: "grpc",
  metrics: {
    client: {
      name: "rpc_client_duration_seconds",
      help: "Duration of remote procedure calls made, until their response has been received.",
    },
    server: {
      name: "rpc_server_duration_seconds",
      help: "Duration of remote procedure calls received, until their response has been sent.",
    },
    told: { by: "routes", client: names, server: names, split },
    labels: ["rpc_system", "rpc_grpc_status_code", "error_type"],
  },
  failingStatus: 2,
  operation: () => "",
  code: (status) => (status <= 1 ? undefined : (codes[status - 1] ?? unknown)),
  values: (_, status, error) => ["grpc", statusCode(status, error), error],
};
