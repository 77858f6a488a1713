/** How much of the server a client may use. Times are milliseconds. */
export interface Limits {
  /** For the headers of a request, and for the first request of a connection to come. */
  readonly headersTimeout: number;
  /** For a whole request. */
  readonly requestTimeout: number;
  /** How often the two above are checked. */
  readonly connectionsCheckingInterval: number;
  readonly handshakeTimeout: number;
  /** For a connection that waits for its next request. */
  readonly keepAliveTimeout: number;
  /** For a connection on which nothing moves: a scraper that has stopped reading. */
  readonly idleTimeout: number;
  /** For the body of the metrics to be read, however steadily. */
  readonly responseTimeout: number;
  /** Bytes of a request's first line and headers. */
  readonly maxHeaderSize: number;
  readonly maxHeaders: number;
  /** Of one listening address. */
  readonly maxConnections: number;
}

/** A request is a few hundred bytes from a machine nearby; a client that is slower or sends more is not a scraper. */
export const defaultServerLimits: Limits = {
  headersTimeout: 10_000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 5_000,
  handshakeTimeout: 10_000,
  // Longer than Prometheus's default interval of one minute, so that it finds its connection still there.
  keepAliveTimeout: 75_000,
  idleTimeout: 60_000,
  responseTimeout: 60_000,
  maxHeaderSize: 16_384,
  maxHeaders: 64,
  maxConnections: 128,
};
