import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { until } from "../kernel/support/eventually.js";
import { ask } from "./http.js";
import { anyPort, start, toPieces } from "./start-server.js";

/** A render that runs until it is told to end; each says its number. */
function gatedRender() {
  const begun: (() => void)[] = [];
  const render = async function* () {
    const number = begun.length + 1;
    await new Promise<void>((resolve) => begun.push(resolve));
    yield Buffer.from(`render ${number}\n`);
  };
  return { begun, render };
}

test("/metrics gives the pieces of the render in the text format", async (context) => {
  const { address } = await start(context);
  for (const path of ["/metrics", "/metrics?x=1"]) {
    const { status, headers, body } = await ask(address, path);
    assert.equal(status, 200);
    assert.equal(headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    assert.equal(headers["content-encoding"], undefined);
    assert.equal(headers["content-length"], `${body.length}`);
    assert.equal(body.toString(), 'a 1\nb{c="é"} 2\n');
  }
});

test("/metrics is compressed for those who take it", async (context) => {
  const text = "ringtap_x_total 1\n".repeat(50_000);
  const { address } = await start(context, { render: toPieces(text, text) });
  const answer = (encoding: string) => ask(address, "/metrics", { headers: { "Accept-Encoding": encoding } });
  for (const encoding of ["gzip", "deflate, GZIP;q=0.5", "*", "br;q=1.0, *;q=0.1"]) {
    const { headers, body } = await answer(encoding);
    assert.equal(headers["content-encoding"], "gzip", encoding);
    assert.equal(headers.vary, "Accept, Accept-Encoding");
    assert.equal(headers["content-length"], `${body.length}`);
    assert.ok(body.length < text.length / 10);
    assert.equal(gunzipSync(body).toString(), text + text);
  }
  for (const encoding of ["", "identity", "gzip;q=0", "gzip; q=0.000, *", "br", "*;q=0"]) {
    const { headers, body } = await answer(encoding);
    assert.equal(headers["content-encoding"], undefined, encoding);
    assert.equal(body.toString(), text + text);
  }
});

test("HEAD has the headers and no body, and renders nothing", async (context) => {
  let renders = 0;
  const { address } = await start(context, {
    render: () => {
      renders++;
      return toPieces("a 1\n")();
    },
  });
  for (const path of ["/metrics", "/healthz", "/readyz", "/"]) {
    const { status, headers, body } = await ask(address, path, { method: "HEAD" });
    assert.equal(status, 200);
    assert.ok(headers["content-type"]);
    assert.equal(body.length, 0);
  }
  assert.equal(renders, 0);
});

test("/metrics is in the format that is asked for, and a HEAD tells which", async (context) => {
  const { address } = await start(context, { render: (format) => toPieces(`${format}\n`)() });
  for (const [accept, format, contentType] of [
    ["text/plain;version=0.0.4", "text", "text/plain; version=0.0.4; charset=utf-8"],
    [
      "application/openmetrics-text;version=1.0.0,*/*;q=0.1",
      "openmetrics",
      "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
    ],
    [
      "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
      "protobuf",
      "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
    ],
    ["application/json", "text", "text/plain; version=0.0.4; charset=utf-8"],
  ] as const) {
    for (const encoding of ["gzip", "identity"]) {
      const options = { headers: { Accept: accept, "Accept-Encoding": encoding } };
      const { status, headers, body } = await ask(address, "/metrics", options);
      assert.equal(status, 200);
      assert.equal(headers["content-type"], contentType);
      assert.equal((encoding === "gzip" ? gunzipSync(body) : body).toString(), `${format}\n`);
      const head = await ask(address, "/metrics", { ...options, method: "HEAD" });
      for (const name of ["content-type", "content-encoding", "vary"]) {
        assert.equal(head.headers[name], headers[name], name);
      }
    }
  }
});

test("scrapes of several formats wait for each other, those of one format share a render", async (context) => {
  const begun: string[] = [];
  let release: () => void = () => undefined;
  const { address } = await start(context, {
    render: async function* (format) {
      begun.push(format);
      await new Promise<void>((resolve) => (release = resolve));
      yield Buffer.from(`${format} ${begun.length}\n`);
    },
  });
  const scrape = async (accept: string) =>
    (await ask(address, "/metrics", { headers: { Accept: accept } })).body.toString();
  const first = scrape("text/plain");
  await until(() => begun.length === 1);
  const others = ["application/openmetrics-text", "text/plain", "text/plain", "application/openmetrics-text"].map(
    scrape,
  );
  await sleep(100);
  for (const rounds of [1, 2, 3]) {
    assert.equal(begun.length, rounds, "two renders at once");
    release();
    await until(() => begun.length === Math.min(rounds + 1, 3));
  }
  assert.equal(await first, "text 1\n");
  const answers = await Promise.all(others);
  assert.equal(new Set(answers).size, 2);
  assert.deepEqual(begun.toSorted(), ["openmetrics", "text", "text"]);
});

test("a scrape that cannot be done in the scraper's time is a 503 in that time, and the render goes on", async (context) => {
  const { begun, render } = gatedRender();
  const { address } = await start(context, { render });
  const timed = async (timeout: string) => {
    const before = performance.now();
    const answer = await ask(address, "/metrics", { headers: { "X-Prometheus-Scrape-Timeout-Seconds": timeout } });
    return { ...answer, seconds: (performance.now() - before) / 1000 };
  };
  const { status, headers, body, seconds } = await timed("2");
  assert.equal(status, 503);
  assert.ok(seconds > 1.7 && seconds < 2, `${seconds} s`);
  assert.equal(headers["content-type"], "text/plain; charset=utf-8");
  assert.equal(body.toString(), "writing the metrics takes longer than the scrape timeout of 2 s\n");
  // What is no time is no limit.
  const patient = ["0", "-1", "x", "", "1e300", "Infinity"].map(timed);
  await sleep(100);
  begun[0]?.();
  await until(() => begun.length === 2);
  begun[1]?.();
  for (const answer of await Promise.all(patient)) {
    assert.equal(answer.body.toString(), "render 2\n");
  }
});

test("other methods and other paths", async (context) => {
  const { address } = await start(context);
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
    const { status, headers } = await ask(address, "/metrics", { method });
    assert.equal(status, 405);
    assert.equal(headers.allow, "GET, HEAD");
  }
  for (const path of ["/nothing", "/metrics/", "//", "/metrics%00", "/constructor"]) {
    assert.equal((await ask(address, path)).status, 404);
  }
});

test("/healthz is about the process, /readyz about the signals", async (context) => {
  const health = { ready: false, lines: ["tcp: up", "file: down: no BTF"] };
  const { address } = await start(context, { health: () => health });
  assert.equal((await ask(address, "/healthz")).body.toString(), "ok\n");
  const notReady = await ask(address, "/readyz");
  assert.equal(notReady.status, 503);
  assert.equal(notReady.body.toString(), "tcp: up\nfile: down: no BTF\n");
  health.ready = true;
  assert.equal((await ask(address, "/readyz")).status, 200);
});

test("/ is a page with a security policy", async (context) => {
  const { address } = await start(context);
  const { status, headers } = await ask(address, "/");
  assert.equal(status, 200);
  assert.equal(headers["content-type"], "text/html; charset=utf-8");
  assert.match(String(headers["content-security-policy"]), /^default-src 'none'; /);
  assert.equal(headers["x-content-type-options"], "nosniff");
});

test("the telemetry path may be that of the page, not that of a health check", async (context) => {
  const { address } = await start(context, { telemetryPath: "/" });
  assert.match((await ask(address, "/")).body.toString(), /^a 1\n/);
  for (const telemetryPath of ["metrics", "", "/healthz", "/readyz", "/api/live", "/a?b", "/a b"]) {
    await assert.rejects(start(context, { telemetryPath }), /--web\.telemetry-path ".*": want a path such as/);
  }
});

test("a render that throws is a 500 with the reason, and the next scrape works", async (context) => {
  let broken = true;
  const { address, errors } = await start(context, {
    render: async function* () {
      yield await Promise.resolve(Buffer.from("a 1\n"));
      if (broken) {
        throw new Error("reading map tcp_stats: EPERM");
      }
    },
  });
  const failed = await ask(address, "/metrics", { headers: { "Accept-Encoding": "gzip" } });
  assert.equal(failed.status, 500);
  assert.equal(failed.headers["content-type"], "text/plain; charset=utf-8");
  assert.equal(failed.headers["content-encoding"], undefined);
  assert.equal(failed.body.toString(), "reading map tcp_stats: EPERM\n");
  assert.deepEqual(errors, [new Error("reading map tcp_stats: EPERM")]);
  broken = false;
  assert.equal((await ask(address, "/metrics")).status, 200);
});

test("scrapes that arrive during a render share the next one", async (context) => {
  const { begun, render } = gatedRender();
  const { address } = await start(context, { render });
  const first = ask(address, "/metrics");
  await until(() => begun.length === 1);
  let answered = 0;
  const later = [1, 2, 3, 4].map(() => ask(address, "/metrics").finally(() => answered++));
  await sleep(100);
  assert.equal(begun.length, 1, "a second render began beside the first");
  begun[0]?.();
  assert.equal((await first).body.toString(), "render 1\n");
  await until(() => begun.length === 2);
  assert.equal(answered, 0);
  begun[1]?.();
  for (const answer of await Promise.all(later)) {
    assert.equal(answer.body.toString(), "render 2\n");
  }
  assert.equal(begun.length, 2);
  const afterwards = ask(address, "/metrics");
  await until(() => begun.length === 3);
  begun[2]?.();
  assert.equal((await afterwards).body.toString(), "render 3\n");
});

test("a scrape that waits for a render that fails gets its own", async (context) => {
  let renders = 0;
  let release: () => void = () => undefined;
  const { address } = await start(context, {
    render: async function* () {
      const number = ++renders;
      if (number === 1) {
        await new Promise<void>((resolve) => (release = resolve));
        throw new Error("first");
      }
      yield Buffer.from(`render ${number}\n`);
    },
  });
  const first = ask(address, "/metrics");
  await until(() => renders === 1);
  const second = ask(address, "/metrics");
  await sleep(50);
  release();
  assert.equal((await first).status, 500);
  assert.equal((await second).body.toString(), "render 2\n");
});

test("a scraper that goes away half-way troubles nobody", async (context) => {
  const text = "ringtap_x_total 1\n".repeat(500_000);
  const { server, address, errors } = await start(context, { render: toPieces(text) });
  const port = Number(address.split(":")[1]);
  const socket = connect(port, "127.0.0.1");
  socket.write("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await once(socket, "data");
  socket.destroy();
  assert.equal((await ask(address, "/metrics")).body.length, text.length);
  assert.deepEqual(errors, []);
  await server.close();
});

test("it listens on several addresses, IPv6 among them", async (context) => {
  const { server } = await start(context, { listenAddresses: [anyPort, "[::1]:0", ":0"] });
  assert.equal(server.addresses.length, 3);
  assert.match(server.addresses[1] as string, /^\[::1\]:[1-9][0-9]*$/);
  const anyInterface = `127.0.0.1:${(server.addresses[2] as string).split(":").at(-1)}`;
  for (const address of [server.addresses[0] as string, server.addresses[1] as string, anyInterface]) {
    assert.equal((await ask(address, "/healthz")).status, 200);
  }
});

test("a port in use is one clear error, and what was opened before is closed", async (context) => {
  const taken = createServer();
  taken.listen(0, "127.0.0.1");
  await once(taken, "listening");
  context.after(() => taken.close());
  const takenAddress = `127.0.0.1:${(taken.address() as AddressInfo).port}`;

  const free = await start(context);
  const freeAddress = free.address;
  await free.server.close();

  await assert.rejects(
    start(context, { listenAddresses: [freeAddress, takenAddress] }),
    (error: Error) =>
      error.message.startsWith(`--web.listen-address "${takenAddress}": the port is in use; `) &&
      (error.cause as NodeJS.ErrnoException).code === "EADDRINUSE",
  );
  const { address } = await start(context, { listenAddresses: [freeAddress] });
  assert.equal(address, freeAddress);
});

test("an address that is not this machine's, a bad address, and none at all", async (context) => {
  // 192.0.2.0/24 is reserved for documentation (RFC 5737).
  await assert.rejects(
    start(context, { listenAddresses: ["192.0.2.1:0"] }),
    /"192\.0\.2\.1:0": no interface has this address/,
  );
  await assert.rejects(start(context, { listenAddresses: [anyPort, "x:99999"] }), /"x:99999": port must be 0–65535/);
  await assert.rejects(start(context, { listenAddresses: [] }), /--web\.listen-address: none given/);
});

test("close ends idle connections and running scrapes at once", async (context) => {
  const { begun, render } = gatedRender();
  const { server, address } = await start(context, { render });
  const idle = connect(Number(address.split(":")[1]), "127.0.0.1");
  idle.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await once(idle, "data");
  const idleClosed = once(idle, "close");
  const scrape = assert.rejects(ask(address, "/metrics"), /socket hang up|ECONNRESET/);
  await until(() => begun.length === 1);

  const before = performance.now();
  await server.close();
  await Promise.all([idleClosed, scrape]);
  const milliseconds = performance.now() - before;
  assert.ok(milliseconds < 500, `${milliseconds} ms`);
  await assert.rejects(ask(address, "/healthz"), /ECONNREFUSED/);
  begun[0]?.();
});

test("headers beyond the limit are refused", async (context) => {
  const { address } = await start(context);
  const { status } = await ask(address, "/healthz", { headers: { "X-Long": "x".repeat(20_000) } });
  assert.equal(status, 431);
});
