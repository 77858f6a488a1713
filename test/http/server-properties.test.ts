/** Whatever comes through the socket: an answer that is one of HTTP's, or the connection's end; and the server goes on serving. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { test, type TestContext } from "node:test";

import fc from "fast-check";

import { startServer } from "../../src/http/server.js";
import { ask } from "./http.js";

const limits = { numRuns: 400, interruptAfterTimeLimit: 4000, includeErrorInReport: true };

async function start(context: TestContext) {
  const errors: unknown[] = [];
  const server = await startServer({
    listenAddresses: ["127.0.0.1:0"],
    telemetryPath: "/metrics",
    render: async function* () {
      yield await Promise.resolve(Buffer.from("a 1\n"));
    },
    health: () => ({ ready: true, lines: ["tcp: up"] }),
    live: (_, response) => void response.end(),
    onError: (error) => errors.push(error),
  });
  context.after(server.close);
  return { address: server.addresses[0] as string, errors };
}

/** Sends bytes, ends its side, and returns all that came back before the server ended its own. */
function send(address: string, bytes: Uint8Array): Promise<string> {
  return new Promise((resolve) => {
    const pieces: Buffer[] = [];
    const socket = connect({ port: Number(address.split(":")[1]), host: "127.0.0.1", allowHalfOpen: true });
    socket.on("data", (piece: Buffer) => pieces.push(piece));
    // The server may cut a connection on which it was not understood.
    socket.on("error", () => undefined);
    socket.on("close", () => {
      resolve(Buffer.concat(pieces).toString("latin1"));
    });
    socket.on("end", () => socket.end());
    socket.end(bytes);
  });
}

const line = fc.oneof(
  fc.constantFrom(
    ...[
      "GET /metrics HTTP/1.1",
      "GET / HTTP/1.0",
      "POST /metrics HTTP/1.1",
      "GET /%00%ff?a HTTP/1.1",
      "GET * HTTP/1.1",
    ],
    ...["OPTIONS * HTTP/1.1", "CONNECT a:1 HTTP/1.1", "PRI * HTTP/2.0", "GET http://x/metrics HTTP/1.1"],
    ...[
      "Host: localhost",
      "Host: x",
      "Host:",
      "Connection: close",
      "Connection: upgrade",
      "Upgrade: websocket",
      "Expect: 100-continue",
    ],
    ...["Transfer-Encoding: chunked", "Content-Length: 5", "Content-Length: -1", "Accept-Encoding: gzip;q=x", "5", ""],
  ),
  fc.string({ unit: "binary", maxLength: 30 }),
);

const request = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.tuple(fc.array(line, { maxLength: 8 }), fc.constantFrom("\r\n", "\n")).map(([lines, end]) => {
    return Buffer.from(lines.map((text) => text + end).join("") + end);
  }),
  // More than the server takes of a header, and more headers than it takes.
  fc.nat(40_000).map((length) => Buffer.from(`GET /metrics HTTP/1.1\r\nX: ${"x".repeat(length)}\r\n\r\n`)),
  fc.nat(300).map((count) => Buffer.from(`GET /metrics HTTP/1.1\r\n${"X: y\r\n".repeat(count)}\r\n`)),
);

test("any bytes", { timeout: 60_000 }, async (context) => {
  const { address, errors } = await start(context);
  await fc.assert(
    fc.asyncProperty(request, async (bytes) => {
      const answer = await send(address, bytes);
      if (answer !== "") {
        assert.match(answer, /^HTTP\/1\.1 (100|200|400|403|404|405|408|413|417|431|501) /);
      }
      assert.deepEqual(errors, []);
    }),
    limits,
  );
  const { status, body } = await ask(address, "/metrics");
  assert.equal(status, 200);
  assert.equal(body.toString(), "a 1\n");
});
