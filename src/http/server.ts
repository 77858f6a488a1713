/** The HTTP server: `/metrics` for Prometheus, `/healthz` and `/readyz` for machines, `/` and its event stream for people. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { allowingHosts } from "./allowed-hosts.js";
import { type Handler, sendText } from "./handler.js";
import type { Format } from "../exposition/formats.js";
import { applyWebConfig } from "./config/apply-web-config.js";
import { type Limits, defaultServerLimits } from "./server-limits.js";
import { close, listen } from "./listen.js";
import { formatAddress, isLoopback, parseListenAddress } from "../net/listen-address.js";
import type { CurrentWebConfig } from "./config/watched-web-config.js";
import { metricsHandler } from "./metrics-handler.js";
import { pageRoutes } from "./page-files.js";
import type { TlsSettings } from "./config/tls-settings.js";
import { createLimitedServer } from "./limited-server.js";
import { requestTarget } from "./request-target.js";

/** What `/readyz` answers. */
export interface Health {
  readonly ready: boolean;
  /** One line per signal. */
  readonly lines: readonly string[];
}

export interface ServerOptions {
  /** As {@link parseListenAddress} reads them, at least one. */
  readonly listenAddresses: readonly string[];
  /** Where the metrics are; `/` puts them in the place of the page. */
  readonly telemetryPath: string;
  /** Begins a render; called for one scrape at a time. */
  readonly render: (format: Format) => AsyncIterable<Buffer>;
  readonly health: () => Health;
  /** What feeds the page at `/`. */
  readonly live: Handler;
  /** TLS, users and headers, asked at each connection and request; without, plain HTTP for everyone. */
  readonly webConfig?: (() => CurrentWebConfig) | undefined;
  /** Names by which a listener on a loopback address may be asked for, beside addresses and localhost; `*` stands for all. */
  readonly allowedHosts?: readonly string[];
  readonly limits?: Limits;
  /** Called with the reason when a request ended in a 500, or a connection could not be accepted. */
  readonly onError: (error: unknown) => void;
}

export interface RunningServer {
  readonly scheme: "http" | "https";
  /** Where it listens, in the order of `listenAddresses`, with the ports the kernel chose. */
  readonly addresses: readonly string[];
  /** Stops listening and cuts every connection, idle or not. Resolves when all are closed. */
  close: () => Promise<void>;
}

const healthPath = "/healthz";
const readyPath = "/readyz";
const livePath = "/api/live";

function routes(options: ServerOptions): ReadonlyMap<string, Handler> {
  const { telemetryPath, render, health, live, limits = defaultServerLimits } = options;
  return new Map<string, Handler>([
    ...pageRoutes(),
    [livePath, live],
    [
      healthPath,
      (request, response) => {
        sendText(request, response, 200, "ok");
      },
    ],
    [
      readyPath,
      (request, response) => {
        const { ready, lines } = health();
        sendText(request, response, ready ? 200 : 503, lines.join("\n"));
      },
    ],
    [telemetryPath, metricsHandler(render, limits.responseTimeout)],
  ]);
}

/** Finds the handler of a path and answers what has none: 404 and 405; 400 for a request with several hosts. */
function dispatcher(handlers: ReadonlyMap<string, Handler>): Handler {
  return async (request, response) => {
    if ((request.headersDistinct.host?.length ?? 0) > 1) {
      // RFC 9112, 3.2: Node reads the first, and a proxy before it perhaps the last.
      response.setHeader("Connection", "close");
      sendText(request, response, 400, "more than one Host");
      return;
    }
    const handler = handlers.get(requestTarget(request).path);
    if (handler === undefined) {
      sendText(request, response, 404, "not found");
      return;
    }
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("Allow", "GET, HEAD");
      // The body that such a request may have is not read.
      response.setHeader("Connection", "close");
      sendText(request, response, 405, "method not allowed");
      return;
    }
    await handler(request, response);
  };
}

/** Answers 500 for a handler that throws. */
function catching(handle: Handler, onError: (error: unknown) => void): Handler {
  return async (request, response) => {
    try {
      await handle(request, response);
    } catch (error) {
      onError(error);
      sendText(request, response, 500, error instanceof Error ? error.message : String(error));
    }
  };
}

/**
 * Starts listening on every address. When one of them fails, those already open are closed and the error names the flag, the
 * address and what to do. Throws for a telemetry path that is no path or belongs to a health check or the page's stream.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const {
    telemetryPath,
    listenAddresses,
    webConfig,
    allowedHosts = [],
    limits = defaultServerLimits,
    onError,
  } = options;
  if (!/^\/[^?#\s]*$/.test(telemetryPath) || [healthPath, readyPath, livePath].includes(telemetryPath)) {
    throw new Error(`--web.telemetry-path ${JSON.stringify(telemetryPath)}: want a path such as /metrics`);
  }
  const parsed = listenAddresses.map(parseListenAddress);
  if (parsed.length === 0) {
    throw new Error("--web.listen-address: none given");
  }
  const handle = catching(applyWebConfig(webConfig, dispatcher(routes(options))), onError);
  const secure = webConfig?.().tls !== undefined;
  // Whether there is TLS does not change while the server runs.
  const tls = secure ? () => webConfig().tls as TlsSettings : undefined;
  const servers: Server[] = [];
  const addresses: string[] = [];
  const closeAll = async (): Promise<void> => {
    await Promise.all(servers.map(close));
  };
  for (const address of parsed) {
    let answer = handle;
    const server = createLimitedServer(limits, tls, (request, response) => void answer(request, response), onError);
    try {
      await listen(server, address);
    } catch (error) {
      await closeAll();
      throw error;
    }
    const bound = server.address() as AddressInfo | string;
    answer = isLoopback(bound) ? allowingHosts(allowedHosts, handle) : handle;
    server.on("error", onError);
    addresses.push(formatAddress(bound));
    servers.push(server);
  }
  return { scheme: secure ? "https" : "http", addresses, close: closeAll };
}
