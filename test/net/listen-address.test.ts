import assert from "node:assert/strict";
import { test } from "node:test";
import { formatAddress, listenError, parseListenAddress } from "../../src/net/listen-address.js";

test("reads host, IPv6 host, and no host", () => {
  const cases: [string, string | undefined, number][] = [
    ["127.0.0.1:19435", "127.0.0.1", 19435],
    ["localhost:0", "localhost", 0],
    ["[::1]:65535", "::1", 65535],
    ["[fe80::1%eth0]:80", "fe80::1%eth0", 80],
    [":19435", undefined, 19435],
  ];
  for (const [text, host, port] of cases) {
    assert.deepEqual(parseListenAddress(text), { text, options: host === undefined ? { port } : { host, port } });
  }
});

test("reads the path of a Unix socket, and a descriptor", () => {
  const longest = `/${"x".repeat(106)}`;
  for (const path of ["/run/ringtap.sock", "here:80", longest]) {
    assert.deepEqual(parseListenAddress(`unix:${path}`), { text: `unix:${path}`, options: { path } });
  }
  assert.deepEqual(parseListenAddress("fd://3"), { text: "fd://3", options: { fd: 3 } });
  assert.throws(() => parseListenAddress(`unix:${longest}x`), /a Unix socket has at most 107 bytes$/);
});

test("names flag and value when it is no address", () => {
  for (const text of ["", "19435", "localhost", "::1:80", "[::1]", "[]:80", "[::1]80"]) {
    assert.throws(
      () => parseListenAddress(text),
      new Error(`--web.listen-address ${JSON.stringify(text)}: expected HOST:PORT, [IPV6]:PORT, :PORT or unix:PATH`),
    );
  }
});

test("names flag and value when the port is none", () => {
  for (const text of ["x:99999", "x:65536", ":", "x:-1", "x:80a", "x:1e3", "[::1]:http"]) {
    assert.throws(
      () => parseListenAddress(text),
      new Error(`--web.listen-address ${JSON.stringify(text)}: port must be 0–65535`),
    );
  }
});

test("writes what it reads", () => {
  for (const [address, family] of [
    ["127.0.0.1", "IPv4"],
    ["::1", "IPv6"],
  ] as const) {
    const { options } = parseListenAddress(formatAddress({ address, family, port: 80 }));
    assert.deepEqual(options, { host: address, port: 80 });
  }
  assert.deepEqual(parseListenAddress(formatAddress("/run/x")).options, { path: "/run/x" });
});

test("says how to fix a listen that failed", () => {
  const address = parseListenAddress("127.0.0.1:80");
  const error = listenError(address, Object.assign(new Error("listen EACCES"), { code: "EACCES" }));
  assert.match(error.message, /^--web\.listen-address "127\.0\.0\.1:80": .*CAP_NET_BIND_SERVICE/);
  const unknown = listenError(address, Object.assign(new Error("listen EIO"), { code: "EIO" }));
  assert.equal(unknown.message, '--web.listen-address "127.0.0.1:80": listen EIO');
  const passed = listenError(parseListenAddress("fd://3"), new Error("listen EINVAL"));
  assert.equal(passed.message, "--web.systemd-socket: descriptor 3 is no socket to listen at");
});
