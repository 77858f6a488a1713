/** What a client can take of the server: clients that are slow, many, or gone. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { defaultServerLimits } from "../../src/http/server-limits.js";
import { ask } from "./http.js";
import { start, toPieces } from "./start-server.js";

/** The usual limits in a fraction of the time. */
const quick = {
  ...defaultServerLimits,
  headersTimeout: 200,
  requestTimeout: 400,
  connectionsCheckingInterval: 50,
  keepAliveTimeout: 300,
  idleTimeout: 600,
  responseTimeout: 600,
  maxConnections: 8,
};

function open(context: TestContext, port: number): Socket {
  const socket = connect(port, "127.0.0.1").on("error", () => undefined);
  context.after(() => {
    socket.destroy();
  });
  return socket;
}

/** What comes until the server closes the connection, and after how many milliseconds that is. */
async function untilClosed(socket: Socket): Promise<{ text: string; milliseconds: number }> {
  const start = performance.now();
  let text = "";
  socket.on("data", (piece: Buffer) => (text += piece.toString("latin1")));
  await once(socket, "close");
  return { text, milliseconds: performance.now() - start };
}

/** Writes a byte every 20 ms for as long as the server listens. */
function drip(socket: Socket, text: string): void {
  let at = 0;
  const timer = setInterval(() => {
    socket.write(text.charAt(at++ % text.length));
  }, 20);
  socket.once("close", () => {
    clearInterval(timer);
  });
}

test("who connects and says nothing is cut", async (context) => {
  const { port } = await start(context, { limits: quick });
  const { milliseconds } = await untilClosed(open(context, port));
  assert(milliseconds < 600, `${milliseconds} ms`);
});

test("who says it byte by byte is cut", async (context) => {
  const { port } = await start(context, { limits: quick });
  const socket = open(context, port);
  socket.write("GET /metrics HTTP/1.1\r\nHost: localhost\r\n");
  drip(socket, "X-Slow: x\r\n");
  const { text, milliseconds } = await untilClosed(socket);
  assert.match(text, /^HTTP\/1.1 408 /);
  assert(milliseconds < 600, `${milliseconds} ms`);
});

test("who sends a body that does not end is cut, and has got the answer", async (context) => {
  const { port } = await start(context, { limits: quick });
  const socket = open(context, port);
  socket.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n");
  drip(socket, "x");
  const { text, milliseconds } = await untilClosed(socket);
  assert.match(text, /^HTTP\/1.1 200 /);
  assert(milliseconds < 900, `${milliseconds} ms`);
});

test("who wants to change something is told no before the body is there", async (context) => {
  const { port } = await start(context, { limits: quick });
  for (const method of ["POST", "PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "PROPFIND"]) {
    const socket = open(context, port);
    socket.write(`${method} /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n`);
    const { text } = await untilClosed(socket);
    assert.match(text, /^HTTP\/1.1 405 /, method);
    assert.match(text, /\r\nAllow: GET, HEAD\r\n/, method);
    assert.match(text, /\r\nConnection: close\r\n/, method);
  }
});

test("what is no HTTP is refused", async (context) => {
  const { port } = await start(context, { limits: quick });
  for (const text of [
    "hello\r\n\r\n",
    "GET /metrics HTTP/9.9\r\n\r\n",
    "GET /metrics HTTP/1.1\r\n\r\n",
    "GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "CONNECT example.com:443 HTTP/1.1\r\nHost: localhost\r\n\r\n",
  ]) {
    const socket = open(context, port);
    socket.write(text, "latin1");
    assert.doesNotMatch((await untilClosed(socket)).text, /^HTTP\/1.1 200/, JSON.stringify(text));
  }
});

test("a first line that is too long, a header that is, and too many", async (context) => {
  const { address } = await start(context, { limits: quick });
  const long = "x".repeat(quick.maxHeaderSize);
  assert.equal((await ask(address, `/${long}`)).status, 431);
  assert.equal((await ask(address, "/healthz", { headers: { "X-Long": long } })).status, 431);
  const many = Object.fromEntries(Array.from({ length: 3000 }, (_, index) => [`X-${index}`, "x"]));
  assert.equal((await ask(address, "/healthz", { headers: many })).status, 431);
});

test("a connection that waits for a next request is kept, but not for ever", async (context) => {
  const { port } = await start(context, { limits: quick });
  const socket = open(context, port);
  for (let round = 0; round < 3; round++) {
    socket.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await once(socket, "data");
    await sleep(100);
  }
  const { milliseconds } = await untilClosed(socket);
  assert(milliseconds > 50 && milliseconds < 1500, `${milliseconds} ms`);
});

const large = "ringtap_x_total 1\n".repeat(1_000_000);

test("who stops reading is cut, and who reads too slowly", async (context) => {
  const { port, errors } = await start(context, { limits: quick, render: toPieces(large) });
  const stopped = open(context, port);
  stopped.write("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await once(stopped, "readable");
  const slow = open(context, port);
  slow.write("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  let read = 0;
  const timer = setInterval(() => {
    read += (slow.read(Math.min(slow.readableLength, 50_000)) as Buffer | null)?.length ?? 0;
  }, 20);
  await once(slow, "readable");
  // The server's end is gone when its connection cannot be found any more.
  await sleep(1200);
  clearInterval(timer);
  for (const socket of [stopped, slow]) {
    socket.resume();
    socket.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await once(socket, "close");
    assert(socket.bytesRead < large.length, `${socket.bytesRead} bytes`);
  }
  assert(read > 0);
  assert.deepEqual(errors, []);
});

test("who goes away while a scrape is made or read leaves nothing behind", async (context) => {
  const { port, address, errors } = await start(context, {
    limits: quick,
    render: async function* () {
      await sleep(50);
      yield Buffer.from(large);
    },
  });
  for (const [event, headers] of [
    ["connect", ""],
    ["readable", ""],
    ["readable", "Accept-Encoding: gzip\r\n"],
  ] as const) {
    const sockets = Array.from({ length: quick.maxConnections - 1 }, () => open(context, port));
    for (const socket of sockets) {
      socket.write(`GET /metrics HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`);
    }
    await Promise.all(sockets.map((socket) => once(socket, event)));
    for (const socket of sockets) {
      socket.resetAndDestroy();
    }
    assert.equal((await ask(address, "/metrics")).body.length, large.length);
  }
  assert.deepEqual(errors, []);
});

test("connections beyond the limit are closed; idle ones make room for the next", async (context) => {
  const { port, address } = await start(context, {
    limits: { ...quick, keepAliveTimeout: 60_000, headersTimeout: 5000, requestTimeout: 5000 },
  });
  const idle = Array.from({ length: quick.maxConnections }, () => open(context, port));
  for (const socket of idle) {
    socket.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await once(socket, "data");
  }
  await assert.rejects(ask(address, "/healthz"), /hang up|ECONNRESET/);
  assert.equal((await ask(address, "/healthz")).status, 200);

  const busy = Array.from({ length: quick.maxConnections }, () => open(context, port));
  for (const socket of busy) {
    socket.write("GET /healthz HTTP/1.1\r\n");
    await once(socket, "connect");
  }
  for (let attempt = 0; attempt < 3; attempt++) {
    await assert.rejects(ask(address, "/healthz"), /hang up|ECONNRESET/);
  }
  busy[0]?.destroy();
  await sleep(50);
  assert.equal((await ask(address, "/healthz")).status, 200);
});

test("a hundred scrapes at once cost two renders", async (context) => {
  let renders = 0;
  const { address } = await start(context, {
    render: async function* () {
      renders++;
      // Longer than a busy machine takes to open a hundred connections.
      await sleep(1000);
      yield Buffer.from(large.slice(0, 100_000));
    },
  });
  const headers = { "Accept-Encoding": "gzip" };
  const answers = await Promise.all(Array.from({ length: 100 }, () => ask(address, "/metrics", { headers })));
  for (const { status, body } of answers) {
    assert.equal(status, 200);
    assert.equal(gunzipSync(body).length, 100_000);
  }
  assert.equal(renders, 2);
});
