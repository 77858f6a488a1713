/** An HTTP or HTTPS server within limits, not yet listening. */
import { createServer, type RequestListener, type Server } from "node:http";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { admits } from "./auth/client-certificate.js";
import type { Limits } from "./server-limits.js";
import { rawAnswer } from "./handler.js";
import type { TlsSettings } from "./config/tls-settings.js";
import { node } from "../net/node-modules.js";

/** How often requests without TLS are reported, milliseconds. */
const plainReportIntervalMs = 60_000;

/**
 * A server that speaks TLS as `current` says, which is asked at each connection and request. Connections that were made under
 * other settings are cut: their clients may not be allowed any more.
 */
function createTlsServer(
  limits: Limits,
  current: () => TlsSettings,
  handle: RequestListener,
  onError: (error: unknown) => void,
): Server {
  let settings = current();
  const connections = new Set<Socket>();
  const server = node.https.createServer(
    // `admits` decides which clients may connect.
    { ...limits, ...settings.context, requestCert: settings.clients.asked, rejectUnauthorized: false },
    (request, response) => {
      if (followSettings()) {
        handle(request, response);
      }
    },
  );
  let plainReportedAt = -Infinity;

  /** Returns false when the settings are new: all connections have been cut. */
  function followSettings(): boolean {
    const next = current();
    if (next === settings) {
      return true;
    }
    settings = next;
    server.setSecureContext(settings.context);
    for (const socket of connections) {
      socket.destroy();
    }
    return false;
  }

  server.prependListener("connection", (socket: Socket) => {
    followSettings();
    connections.add(socket);
    socket.once("close", () => connections.delete(socket));
  });
  server.prependListener("secureConnection", (socket: TLSSocket) => {
    if (!admits(settings.clients, socket)) {
      socket.destroy();
    }
  });
  server.on("tlsClientError", (error: NodeJS.ErrnoException, { remoteAddress, remotePort }) => {
    if (error.code === "ERR_SSL_HTTP_REQUEST") {
      answerPlainRequest(remoteAddress, remotePort);
    }
  });

  /** Tells a client that speaks HTTP without TLS why it gets nothing else, and the log, now and then. */
  function answerPlainRequest(address: string | undefined, port: number | undefined): void {
    for (const socket of connections) {
      if (socket.remotePort === port && socket.remoteAddress === address) {
        socket.end(rawAnswer(400, "this port speaks HTTPS: use https:// instead of http://"));
      }
    }
    if (performance.now() - plainReportedAt >= plainReportIntervalMs) {
      plainReportedAt = performance.now();
      onError(new Error(`a client at ${address} asked without TLS, and this port speaks HTTPS: have it use https://`));
    }
  }
  return server;
}

/** Without `tls`, the server speaks plain HTTP. `onError` hears of clients that speak it where there is TLS. */
export function createLimitedServer(
  limits: Limits,
  tls: (() => TlsSettings) | undefined,
  handle: RequestListener,
  onError: (error: unknown) => void,
): Server {
  const server = tls === undefined ? createServer(limits, handle) : createTlsServer(limits, tls, handle, onError);
  server.maxHeadersCount = limits.maxHeaders;
  server.maxConnections = limits.maxConnections;
  server.timeout = limits.idleTimeout;
  // The limit of connections is reached: idle clients are disconnected and may reconnect later.
  server.on("drop", () => {
    server.closeIdleConnections();
  });
  return server;
}
