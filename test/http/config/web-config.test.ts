/** What the web configuration file may say; `promtool check web-config` must be of the same opinion. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { readWebConfig, type WebConfig, WebConfigError } from "../../../src/http/config/web-config.js";
import { fences, readDocument } from "../../docs/documents.js";
import { createAuthority } from "../certificates.js";
import { checkWebConfig } from "../../exposition/promtool.js";

const hash = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG";
const tls = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n";
const indented = (text: string): string => text.replace(/^/gm, "    ");

const authority = createAuthority({ after });
const server = authority.issue("server", "IP:127.0.0.1");
authority.issue("other", "DNS:other");
writeFileSync(join(authority.folder, "empty"), "");
mkdirSync(join(authority.folder, "sub"));

let written = 0;

function write(text: string, folder = ""): string {
  const path = join(authority.folder, folder, `web-${++written}.yml`);
  writeFileSync(path, text);
  return path;
}

/** Why a file is refused. */
function refusalOf(path: string): string {
  try {
    readWebConfig(path);
  } catch (error) {
    assert(error instanceof WebConfigError, String(error));
    return error.message.replaceAll(authority.folder, "DIR");
  }
  return assert.fail("accepted");
}

/** A file is refused in these words. Returns them. */
function assertRefusal(path: string, message: string | RegExp): string {
  const refusal = refusalOf(path);
  if (typeof message === "string") {
    assert.equal(refusal, message);
  } else {
    assert.match(refusal, message);
  }
  return refusal;
}

describe("accepted, by promtool too", () => {
  for (const [title, text, check] of [
    ["an empty file", "", ({ tls, users, headers }) => tls === undefined && users.size + headers.size === 0],
    ["comments", "# tls_server_config:\n", ({ tls }) => tls === undefined],
    ["sections without anything", "tls_server_config:\nhttp_server_config:\nbasic_auth_users:\n", ({ tls }) => !tls],
    ["a certificate and its key", tls, ({ tls }) => tls?.context.minVersion === "TLSv1.2" && !tls.clients.asked],
    [
      "client certificates",
      `${tls}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n`,
      ({ tls }) => tls?.context.ca === authority.cert && tls.clients.verified && tls.clients.required,
    ],
    ["RequireClientCert", `${tls}  client_auth_type: RequireClientCert\n`, ({ tls }) => tls?.clients.required],
    [
      "versions",
      `${tls}  min_version: TLS13\n  max_version: TLS13\n`,
      ({ tls }) => tls?.context.minVersion === "TLSv1.3" && tls.context.maxVersion === "TLSv1.3",
    ],
    ["an older lower bound", `${tls}  min_version: TLS10\n`, ({ tls }) => tls?.context.minVersion === "TLSv1.2"],
    [
      "cipher suites, in order",
      `${tls}  prefer_server_cipher_suites: no\n  cipher_suites:\n  - TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA\n  - TLS_AES_128_GCM_SHA256\n  - TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256\n`,
      ({ tls }) =>
        tls?.context.ciphers?.endsWith(":ECDHE-RSA-AES256-SHA:ECDHE-ECDSA-AES128-GCM-SHA256") &&
        !tls.context.honorCipherOrder,
    ],
    ["cipher suites of TLS 1.3 alone", `${tls}  cipher_suites: [TLS_AES_128_GCM_SHA256]\n`, ({ tls }) => tls],
    [
      "curves",
      `${tls}  curve_preferences: [CurveP521, X25519]\n`,
      ({ tls }) => tls?.context.ecdhCurve === "P-521:X25519",
    ],
    [
      "headers",
      `http_server_config:
  http2: false
  headers:
    X-Frame-Options: deny
    X-Content-Type-Options: nosniff
    X-XSS-Protection: 1
    Strict-Transport-Security: max-age=31536000; includeSubDomains
    Content-Security-Policy: ""
`,
      ({ headers, warnings }) => headers.size === 4 && headers.get("X-XSS-Protection") === "1" && warnings.length === 0,
    ],
    [
      "HTTP/2, with a warning",
      "http_server_config:\n  http2: true\n",
      ({ warnings }) => warnings.join().includes("HTTP/2"),
    ],
    [
      "users, with a warning about the lack of TLS",
      `basic_auth_users:\n  alice: ${hash}\n  "": ${hash.replace("2y", "2b")}\n`,
      ({ users, warnings }) => users.get("alice") === hash && users.size === 2 && warnings.join().includes("passwords"),
    ],
    ["users and TLS", `${tls}basic_auth_users: {alice: ${hash}}\n`, ({ warnings }) => warnings.length === 0],
    ["an alias", `basic_auth_users:\n  alice: &hash ${hash}\n  bob: *hash\n`, ({ users }) => users.get("bob") === hash],
  ] satisfies readonly (readonly [string, string, (config: WebConfig) => unknown])[]) {
    test(title, () => {
      const path = write(text);
      const config = readWebConfig(path);
      assert.ok(check(config), JSON.stringify({ ...config, headers: [...config.headers] }, undefined, 1));
      assert.equal(checkWebConfig(path).status, 0, checkWebConfig(path).output);
    });
  }

  test("files are relative to the folder of the file that names them", () => {
    const path = write(tls.replaceAll("_file: ", "_file: ../"), "sub");
    assert.equal(readWebConfig(path).tls?.context.cert, server.cert);
    assert.equal(checkWebConfig(path).status, 0);
  });
});

describe("refused, by promtool too", () => {
  const suites = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
  for (const [title, text, message] of [
    ["junk", "hWkNKCp3fvIx3jKnsaBI\nTuEjdwNS8A2vYdFbiKqr\n", "line 1: expected keys with values"],
    ["no YAML", "a:\n  b: [\nc: 1\n", /^line 3: Flow sequence/],
    ["a list", "- tls_server_config\n", "line 1: expected keys with values"],
    [
      "an unknown section",
      "basic_auth_users:\ntls_config: {}\n",
      'line 2: unknown key "tls_config"; known are tls_server_config, http_server_config, basic_auth_users, rate_limit',
    ],
    [
      "an unknown key",
      "tls_server_config:\n  cert_filse: server.pem\n",
      'line 2: unknown key "tls_server_config.cert_filse" (did you mean "cert_file"?)',
    ],
    [
      "a key twice",
      "http_server_config: {}\nhttp_server_config: {}\n",
      "line 2: http_server_config: set in line 1 already",
    ],
    [
      "a user twice",
      `basic_auth_users:\n  1: ${hash}\n  "1": ${hash}\n`,
      "line 3: basic_auth_users.1: set in line 2 already",
    ],
    ["a text for a section", "tls_server_config: server.pem\n", "line 1: tls_server_config: expected keys with values"],
    [
      "no key",
      "tls_server_config:\n  cert_file: server.pem\n",
      "line 1: tls_server_config.key_file: missing; TLS needs a certificate and its key",
    ],
    [
      "no key, in a section further down",
      `basic_auth_users: {}\ntls_server_config:\n  cert_file: server.pem\n`,
      "line 2: tls_server_config.key_file: missing; TLS needs a certificate and its key",
    ],
    [
      "no certificate",
      "tls_server_config:\n  cert_file: ''\n  key_file: server.key\n",
      "line 2: tls_server_config.cert_file: missing; TLS needs a certificate and its key",
    ],
    [
      "a certificate that is not there",
      tls.replace("server.pem", "gone.pem"),
      'line 2: tls_server_config.cert_file: "DIR/gone.pem": no such file or directory',
    ],
    [
      "a certificate that is none",
      tls.replace("server.pem", "server.key"),
      /^line 2: tls_server_config.cert_file: "DIR\/server.key": expected a certificate in PEM$/,
    ],
    [
      "a key that is none",
      tls.replace("server.key", "server.pem"),
      /^line 3: tls_server_config.key_file: "DIR\/server.pem": expected a private key in PEM, without a passphrase$/,
    ],
    [
      "another key",
      tls.replace("server.key", "other.key"),
      "line 3: tls_server_config.key_file: does not belong to the certificate",
    ],
    [
      "an invented client_auth_type",
      `${tls}  client_auth_type: Always\n`,
      /^line 4: tls_server_config.client_auth_type: "Always": expected one of NoClientCert, /,
    ],
    [
      "authorities that nothing is done with",
      `${tls}  client_ca_file: ca.pem\n`,
      "line 4: tls_server_config.client_ca_file: has no effect while client_auth_type is NoClientCert",
    ],
    [
      "authorities that are not there",
      `${tls}  client_ca_file: gone.pem\n  client_auth_type: RequireAndVerifyClientCert\n`,
      'line 4: tls_server_config.client_ca_file: "DIR/gone.pem": no such file or directory',
    ],
    [
      "an invented version",
      `${tls}  min_version: TLS111\n`,
      /^line 4: .*min_version: "TLS111": expected one of TLS10, /,
    ],
    [
      "an invented suite",
      `${tls}  cipher_suites:\n  - ${suites}\n  - ${suites}2048\n`,
      /^line 4: .*cipher_suites: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA2562048": expected one of/,
    ],
    ["an invented curve", `${tls}  curve_preferences: [CurveP257]\n`, /^line 4: .*: "CurveP257": expected one of/],
    [
      "no boolean",
      "http_server_config:\n  http2: maybe\n",
      'line 2: http_server_config.http2: "maybe": expected true or false',
    ],
    [
      "a header that may not be set",
      "http_server_config:\n  headers:\n    Content-Type: foo\n",
      /^line 3: unknown key "http_server_config.headers.Content-Type"/,
    ],
    [
      "a value that a header does not have",
      "http_server_config:\n  headers:\n    X-Frame-Options: DENY\n",
      'line 3: http_server_config.headers.X-Frame-Options: "DENY": expected deny or sameorigin',
    ],
    [
      "a password",
      "basic_auth_users:\n  john: doe\n",
      "line 2: basic_auth_users.john: expected a bcrypt hash, such as `htpasswd -nB USER` prints",
    ],
    [
      "an impossible cost",
      `basic_auth_users:\n  a: ${hash.replace("10", "40")}\n`,
      /^line 2: basic_auth_users.a: expected/,
    ],
    [
      "a hash that is cut off",
      `basic_auth_users:\n  a: ${hash.slice(0, 40)}\n`,
      /^line 2: basic_auth_users.a: expected/,
    ],
  ] satisfies readonly (readonly [string, string, string | RegExp])[]) {
    test(title, () => {
      const path = write(text);
      const refusal = assertRefusal(path, message);
      assert.doesNotMatch(refusal, /\n/);
      assert.notEqual(checkWebConfig(path).status, 0);
    });
  }

  test("a file that is not there", () => {
    const path = join(authority.folder, "gone.yml");
    assert.equal(refusalOf(path), "no such file or directory");
    assert.notEqual(checkWebConfig(path).status, 0);
  });
});

/** Each would look like protection and be none. */
describe("refused, though promtool lets it pass", () => {
  for (const [title, text, message] of [
    [
      "TLS without a certificate, which would be plain HTTP",
      "tls_server_config:\n  min_version: TLS13\n",
      "line 1: tls_server_config.cert_file: missing; TLS needs a certificate and its key",
    ],
    [
      "verification without an authority",
      `${tls}  client_auth_type: RequireAndVerifyClientCert\n`,
      /^line 4: tls_server_config.client_auth_type: RequireAndVerifyClientCert needs client_ca_file/,
    ],
    [
      "authorities of which there are none",
      `${tls}  client_ca_file: empty\n  client_auth_type: RequireAndVerifyClientCert\n`,
      /^line 4: tls_server_config.client_ca_file: "DIR\/empty": expected a certificate in PEM$/,
    ],
    [
      "versions that Node does not speak",
      `${tls}  max_version: TLS11\n`,
      'line 4: tls_server_config.max_version: "TLS11": expected one of TLS12, TLS13',
    ],
    [
      "bounds that leave no version",
      `${tls}  min_version: TLS13\n  max_version: TLS12\n`,
      "line 4: tls_server_config.min_version: is above max_version",
    ],
    [
      "a user that cannot log in",
      `basic_auth_users:\n  "a:b": ${hash}\n`,
      /^line 2: basic_auth_users.a:b: a user name cannot contain a colon/,
    ],
  ] satisfies readonly (readonly [string, string, string | RegExp])[]) {
    test(title, () => {
      const path = write(text);
      assertRefusal(path, message);
      assert.equal(checkWebConfig(path).status, 0, checkWebConfig(path).output);
    });
  }
});

/** Newer than Debian 12's promtool, which knows none of these keys. */
describe("newer keys of exporter-toolkit", () => {
  const verified = "  client_auth_type: RequireAndVerifyClientCert\n";

  test("certificate, key and authority in the file itself", () => {
    const [cert, key, ca] = [server.cert, server.key, authority.cert].map(indented);
    const path = write(`tls_server_config:\n  cert: |\n${cert}\n  key: |\n${key}\n  client_ca: |\n${ca}\n${verified}`);
    const { context } = readWebConfig(path).tls ?? {};
    assert.equal(context?.cert, server.cert);
    assert.equal(context.ca, authority.cert);
  });

  test("not both in the file and in one of its own", () => {
    const path = write(`${tls}  cert: |\n${indented(server.cert)}\n`);
    assert.equal(refusalOf(path), "line 4: tls_server_config.cert: cert_file is set too; set only one of them");
  });

  test("allowed names", () => {
    const names = "  client_allowed_sans: [prometheus.example, 127.0.0.1]\n";
    const { clients } = readWebConfig(write(`${tls}${verified}  client_ca_file: ca.pem\n${names}`)).tls ?? {};
    assert.deepEqual(clients?.allowedNames, ["prometheus.example", "127.0.0.1"]);
  });

  test("allowed names of certificates that anyone can make", () => {
    const path = write(`${tls}  client_auth_type: RequireAnyClientCert\n  client_allowed_sans: [a]\n`);
    const message =
      "certificates are not verified while client_auth_type is RequireAnyClientCert, so that anyone can make one with any name";
    assert.equal(refusalOf(path), `line 5: tls_server_config.client_allowed_sans: ${message}`);
  });
});

test("a rate limit, which ringtap does not have", () => {
  const message = "line 1: rate_limit: not supported; scrapers that ask at the same time share one rendering";
  assert.equal(refusalOf(write("rate_limit: {interval: 1s, burst: 3}\n")), message);
});

test("the example of docs/security.md is accepted, by promtool too", () => {
  const [example] = fences(readDocument("docs/security.md")).filter(({ language }) => language === "yaml");
  const path = write(example?.code ?? "");
  const { tls: settings, users, headers, warnings } = readWebConfig(path);
  assert.deepEqual([settings?.clients.verified, users.size, headers.size, warnings], [true, 1, 1, []]);
  assert.equal(checkWebConfig(path).status, 0);
});
