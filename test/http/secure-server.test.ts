/** The server under a web configuration file: TLS, client certificates, users and headers. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectPlainly } from "node:net";
import { test } from "node:test";
import { connect, type ConnectionOptions } from "node:tls";
import { alternativeNames } from "../../src/http/auth/client-certificate.js";
import { defaultServerLimits } from "../../src/http/server-limits.js";
import {
  authority,
  ca,
  login,
  prometheus,
  scrape,
  startConfigured,
  stranger,
  tlsSection,
  users,
  verified,
} from "./configured-server.js";
import { ask, askSecurely } from "./http.js";
import { toPieces } from "./start-server.js";

test("TLS, and no other way in", async (context) => {
  const { address, server: running, errors } = await startConfigured(context, tlsSection());
  assert.equal(running.scheme, "https");
  const { status, body } = await askSecurely(address, "/metrics", { ca });
  assert.equal(status, 200);
  assert.equal(body.toString(), 'a 1\nb{c="é"} 2\n');
  for (let time = 0; time < 2; time++) {
    const plain = await ask(address, "/metrics");
    assert.equal(plain.status, 400);
    assert.equal(plain.body.toString(), "this port speaks HTTPS: use https:// instead of http://\n");
  }
  await assert.rejects(askSecurely(address, "/metrics", {}), /unable to verify|self.signed/);
  // Told once a minute.
  assert.deepEqual(errors.map(String), [
    "Error: a client at 127.0.0.1 asked without TLS, and this port speaks HTTPS: have it use https://",
  ]);
});

/** Connects and returns what was agreed on, or undefined when nothing was. */
async function handshake(port: number, options: ConnectionOptions) {
  const socket = connect({ host: "127.0.0.1", port, ca, ...options });
  try {
    await once(socket, "secureConnect");
    return {
      version: socket.getProtocol(),
      suite: socket.getCipher().standardName,
      protocol: socket.alpnProtocol,
      resumed: socket.isSessionReused(),
    };
  } catch {
    return undefined;
  } finally {
    socket.destroy();
  }
}

test("who is slow with TLS, or within it, is cut", async (context) => {
  const limits = {
    ...defaultServerLimits,
    handshakeTimeout: 200,
    headersTimeout: 200,
    connectionsCheckingInterval: 50,
  };
  const { port } = await startConfigured(context, tlsSection(), { limits });
  const silent = connectPlainly(port, "127.0.0.1");
  const waiting = connect({ host: "127.0.0.1", port, ca });
  waiting.write("GET /metrics HTTP/1.1\r\nHost: localhost\r\n");
  const start = performance.now();
  for (const socket of [silent, waiting]) {
    context.after(() => {
      socket.destroy();
    });
    socket.on("error", () => undefined).resume();
  }
  await Promise.all([once(silent, "close"), once(waiting, "close")]);
  assert(performance.now() - start < 1000);
});

test("versions and cipher suites", async (context) => {
  const suites = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
  const { port } = await startConfigured(context, tlsSection(`  cipher_suites: [${suites}]\n`));
  const old: ConnectionOptions = { maxVersion: "TLSv1.2" };
  assert.equal((await handshake(port, {}))?.version, "TLSv1.3");
  assert.equal((await handshake(port, old))?.suite, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256");
  assert.equal(
    (await handshake(port, { ...old, ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" }))?.suite,
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
  );
  assert.equal(await handshake(port, { ...old, ciphers: "ECDHE-ECDSA-AES256-GCM-SHA384" }), undefined);
  assert.equal(
    await handshake(port, { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "ALL@SECLEVEL=0" }),
    undefined,
  );

  const newest = await startConfigured(context, tlsSection("  min_version: TLS13\n  curve_preferences: [CurveP384]\n"));
  assert.equal(await handshake(newest.port, old), undefined);
  assert.equal(await handshake(newest.port, { ecdhCurve: "X25519" }), undefined);
  assert.equal((await handshake(newest.port, { ecdhCurve: "P-384" }))?.version, "TLSv1.3");
});

test("cipher suites of TLS 1.3 alone leave nothing for TLS 1.2", async (context) => {
  const { port } = await startConfigured(context, tlsSection("  cipher_suites: [TLS_AES_128_GCM_SHA256]\n"));
  assert.equal((await handshake(port, {}))?.version, "TLSv1.3");
  assert.equal(await handshake(port, { maxVersion: "TLSv1.2" }), undefined);
});

test("HTTP/1.1 is agreed on with who offers HTTP/2 too", async (context) => {
  const { port } = await startConfigured(context, tlsSection());
  assert.equal((await handshake(port, { ALPNProtocols: ["h2", "http/1.1"] }))?.protocol, "http/1.1");
});

for (const [type, none, unknown, known] of [
  ["NoClientCert", 200, 200, 200],
  ["RequestClientCert", 200, 200, 200],
  ["RequireAnyClientCert", "cut", 200, 200],
  ["VerifyClientCertIfGiven", 200, "cut", 200],
  ["RequireAndVerifyClientCert", "cut", "cut", 200],
] as const) {
  test(`client_auth_type ${type}`, async (context) => {
    const withAuthority = type === "NoClientCert" ? "" : "  client_ca_file: ca.pem\n";
    let renders = 0;
    const render = () => {
      renders++;
      return toPieces("a 1\n")();
    };
    const section = tlsSection(`  client_auth_type: ${type}\n${withAuthority}`);
    const { address } = await startConfigured(context, section, { render });
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      assert.equal(await scrape(address, { maxVersion }), none);
      assert.equal(await scrape(address, { maxVersion, ...stranger }), unknown);
      assert.equal(await scrape(address, { maxVersion, ...prometheus }), known);
    }
    assert.equal(renders, 2 * [none, unknown, known].filter((status) => status === 200).length);
  });
}

test("client_allowed_sans: a name that is in the certificate, exactly", async (context) => {
  for (const [name, status] of [
    ["prometheus.example", 200],
    ["2001:db8::1", 200],
    ["spiffe://example/p", 200],
    ["p@example", 200],
    ["example", "cut"],
    ["Prometheus.example", "cut"],
    ["*.example", "cut"],
  ] as const) {
    const { address } = await startConfigured(
      context,
      tlsSection(`${verified}  client_allowed_sans: [x, "${name}"]\n`),
    );
    assert.equal(await scrape(address, prometheus), status, name);
    assert.equal(await scrape(address, stranger), "cut", name);
  }
});

test("a name that has an allowed one in it", async (context) => {
  const forged = authority.issue("forged", "@names\n[names]\nDNS.1=x, DNS:prometheus.example");
  const section = tlsSection(`${verified}  client_allowed_sans: [prometheus.example]\n`);
  const { address } = await startConfigured(context, section);
  assert.equal(await scrape(address, forged), "cut");
  assert.equal(await scrape(address, prometheus), 200);
});

test("names that look like several are one, and what is no name ends the list", () => {
  assert.deepEqual(alternativeNames('DNS:"a, DNS:b\\"c", IP Address:10.0.0.1, DirName:"CN = x", DNS:d'), [
    'a, DNS:b"c',
    "10.0.0.1",
    "d",
  ]);
  assert.deepEqual(alternativeNames(undefined), []);
  for (const end of ['DNS:"b', 'DNS:"b\\x"', 'DNS:"b"c', "DNS:b,DNS:c", "IP Address"]) {
    assert.deepEqual(alternativeNames(`DNS:a, ${end}, DNS:d`), ["a"], end);
  }
});

test("users: every path asks, unauthenticated clients get nothing and their connections are closed", async (context) => {
  const { address } = await startConfigured(context, tlsSection() + users);
  for (const path of ["/metrics", "/healthz", "/readyz", "/", "/nothing"]) {
    const refused = await askSecurely(address, path, { ca, headers: { Connection: "keep-alive" } });
    assert.equal(refused.status, 401);
    assert.match(String(refused.headers["www-authenticate"]), /^Basic realm=/);
    assert.equal(refused.headers.connection, "close");
    assert.doesNotMatch(refused.body.toString(), /ringtap|tcp|a 1/);
    const { status } = await askSecurely(address, path, { ca, headers: login });
    assert.equal(status, path === "/nothing" ? 404 : 200);
  }
  assert.equal(await scrape(address, { auth: "alice:Wonderland" }), 401);
  assert.equal(await scrape(address, { auth: "bob:wonderland" }), 401);
});

test("headers come with every answer; the page keeps its own policy", async (context) => {
  const { address, server: running } = await startConfigured(
    context,
    `http_server_config:\n  headers: {X-Frame-Options: deny, Content-Security-Policy: "default-src 'self'"}\n${users}`,
  );
  assert.equal(running.scheme, "http");
  for (const [path, headers, status] of [
    ["/metrics", login, 200],
    ["/nothing", login, 404],
    ["/", login, 200],
    ["/metrics", {}, 401],
  ] as const) {
    const answer = await ask(address, path, { headers });
    assert.equal(answer.status, status);
    assert.equal(answer.headers["x-frame-options"], "deny");
    assert.match(
      String(answer.headers["content-security-policy"]),
      path === "/" ? /^default-src 'none'/ : /^default-src 'self'$/,
    );
  }
});

test("no session is resumed: each connection shows its certificate", async (context) => {
  const { port } = await startConfigured(context, tlsSection(verified));
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    const options = { host: "127.0.0.1", port, ca, maxVersion, ...prometheus };
    const first = connect(options);
    let session: Buffer | undefined;
    first.on("session", (ticket: Buffer) => (session = ticket));
    await once(first, "secureConnect");
    first.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await once(first, "data");
    session ??= first.getSession();
    first.destroy();
    assert.ok(session);
    assert.equal((await handshake(port, { ...options, session }))?.resumed, false);
  }
});
