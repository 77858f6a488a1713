/** An HTTP or HTTPS server within limits, not yet listening. */
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { admits } from "./auth/client-certificate.js";
import type { Limits } from "./server-limits.js";
import type { TlsSettings } from "./config/tls-settings.js";

/**
 * A server that speaks TLS as `current` says, which is asked at each connection and request. Connections that were made under
 * other settings are cut: their clients may not be allowed any more.
 */
function createTlsServer(limits: Limits, current: () => TlsSettings, handle: RequestListener): Server {
  let settings = current();
  const connections = new Set<Socket>();
  const server = createSecureServer(
    // `admits` decides which clients may connect.
    { ...limits, ...settings.context, requestCert: settings.clients.asked, rejectUnauthorized: false },
    (request, response) => {
      if (followSettings()) {
        handle(request, response);
      }
    },
  );

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
  return server;
}

/** Without `tls`, the server speaks plain HTTP. */
export function createLimitedServer(
  limits: Limits,
  tls: (() => TlsSettings) | undefined,
  handle: RequestListener,
): Server {
  const server = tls === undefined ? createServer(limits, handle) : createTlsServer(limits, tls, handle);
  server.maxHeadersCount = limits.maxHeaders;
  server.maxConnections = limits.maxConnections;
  server.timeout = limits.idleTimeout;
  // The limit of connections is reached: idle clients are disconnected and may reconnect later.
  server.on("drop", () => {
    server.closeIdleConnections();
  });
  return server;
}
