/** What can go wrong between the agent and the API server. */

export const failureReasons = [
  /** The token or the authority's certificate could not be read. */
  "credentials",
  /** No TCP connection. */
  "connect",
  /** No TLS connection: the server's certificate is not accepted. */
  "tls",
  "timeout",
  /** The connection ended in the middle, or a watch as soon as it had begun. */
  "disconnected",
  /** 401 */
  "unauthorized",
  /** 403 */
  "forbidden",
  /** 404 */
  "not_found",
  /** 410: the resource version is too old. */
  "gone",
  /** 429 */
  "throttled",
  /** 500 and above. */
  "server_error",
  /** Any other status than 200. */
  "refused",
  /** What came is not what Kubernetes sends. */
  "bad_json",
  /** An object beyond the limit on its size: left out. */
  "too_large",
  /** An object beyond the limit on their number: left out. */
  "too_many",
] as const;

export type FailureReason = (typeof failureReasons)[number];

/** After these the server is left alone for a while, whatever it is asked for. */
const failuresOfServer: readonly FailureReason[] = [
  "connect",
  "tls",
  "timeout",
  "disconnected",
  "throttled",
  "server_error",
];

/** A request that failed. */
export class ApiFailure extends Error {
  override readonly name = "ApiFailure";
  readonly reason: FailureReason;

  constructor(reason: FailureReason, message: string) {
    super(message);
    this.reason = reason;
  }

  /** Is it the server itself that fails, rather than this request? */
  get isOfServer(): boolean {
    return failuresOfServer.includes(this.reason);
  }
}

/** The failure behind anything that a request has thrown. */
export function asFailure(error: unknown): ApiFailure {
  if (error instanceof ApiFailure) {
    return error;
  }
  const { message, code, syscall } = error as NodeJS.ErrnoException;
  if (code === "ECONNRESET" || code === "EPIPE" || code === "ERR_STREAM_PREMATURE_CLOSE" || code?.startsWith("HPE_")) {
    return new ApiFailure("disconnected", message);
  }
  if (code === undefined) {
    return new ApiFailure("bad_json", message);
  }
  // OpenSSL's errors have no system call.
  return new ApiFailure(syscall === undefined ? "tls" : "connect", message);
}

/** The failure that an HTTP status other than 200 stands for. */
export function statusFailure(status: number, message: string): ApiFailure {
  const reasons: Readonly<Record<number, FailureReason>> = {
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    410: "gone",
    429: "throttled",
  };
  return new ApiFailure(
    reasons[status] ?? (status >= 500 ? "server_error" : "refused"),
    `status ${status}: ${message}`,
  );
}
