/** `tls_server_config` of a web configuration file, as Node wants it. */
import type { SecureContextOptions, SecureVersion } from "node:tls";
import { type ClientPolicy, clientAuthTypes } from "../auth/client-certificate.js";
import type { Section } from "./section.js";
import { node } from "../../net/node-modules.js";

/** How a server speaks TLS. */
export interface TlsSettings {
  readonly context: SecureContextOptions;
  readonly clients: ClientPolicy;
}

/** Reads a file that the configuration names; throws an error that says which, and why it cannot. */
export type ReadFile = (name: string) => { readonly text: string; readonly origin: string };

export const tlsKeys = [
  ...["cert", "key", "client_ca", "cert_file", "key_file", "client_ca_file"],
  ...["client_auth_type", "client_allowed_sans", "min_version", "max_version"],
  ...["cipher_suites", "prefer_server_cipher_suites", "curve_preferences"],
];

/** Below TLS 1.2, which Node's OpenSSL does not speak, a lower bound is met by TLS 1.2. */
const lowestVersions: ReadonlyMap<string, SecureVersion> = new Map([
  ["TLS10", "TLSv1.2"],
  ["TLS11", "TLSv1.2"],
  ["TLS12", "TLSv1.2"],
  ["TLS13", "TLSv1.3"],
]);

const highestVersions: ReadonlyMap<string, SecureVersion> = new Map([
  ["TLS12", "TLSv1.2"],
  ["TLS13", "TLSv1.3"],
]);

/** Those of TLS 1.3 are always on, as in Go. */
const suitesOfTls13 = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];

/** Go's names of the secure suites up to TLS 1.2 (crypto/tls, `CipherSuites`) and OpenSSL's. */
const olderSuites: ReadonlyMap<string, string> = new Map([
  ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"],
  ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"],
  ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"],
  ["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"],
  ["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"],
  ["TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"],
  ["TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA"],
  ["TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA"],
  ["TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA"],
  ["TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA"],
]);

/** What a server without `cipher_suites` offers: all but those in CBC mode. */
const usualSuites = [...olderSuites.keys()].filter((name) => !name.includes("_CBC_"));

const curves: ReadonlyMap<string, string> = new Map([
  ["CurveP256", "P-256"],
  ["CurveP384", "P-384"],
  ["CurveP521", "P-521"],
  ["X25519", "X25519"],
]);
const usualCurves = ["X25519", "CurveP256", "CurveP384", "CurveP521"];

/** Looks up what a key says, or refuses the file with all that it may say. */
function choose<T>(section: Section, key: string, name: string, choices: ReadonlyMap<string, T>): T {
  const known = [...choices.keys()].join(", ");
  return choices.get(name) ?? section.fail(key, `${JSON.stringify(name)}: expected one of ${known}`);
}

/** Refuses the file because of a key when `action` throws. */
function attempt<T>(section: Section, key: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    return section.fail(key, (error as Error).message);
  }
}

/** A text that may be given in the file, or in one of its own. */
interface Pem {
  readonly text: string;
  /** The key by which it was given, or would be. */
  readonly key: string;
  /** The file it was read from, quoted; empty for none. */
  readonly origin: string;
}

function readPem(section: Section, key: string, readFile: ReadFile): Pem | undefined {
  const fileKey = `${key}_file`;
  const [inline, name] = [section.text(key), section.text(fileKey)];
  if (inline !== "" && name !== "") {
    section.fail(key, `${fileKey} is set too; set only one of them`);
  }
  if (name !== "") {
    return { key: fileKey, ...attempt(section, fileKey, () => readFile(name)) };
  }
  return inline === "" ? undefined : { text: inline, key, origin: "" };
}

/** Parses a PEM text, or says what was expected. OpenSSL's own messages name its internals. */
function parsePem<T>(section: Section, { text, key, origin }: Pem, what: string, parse: (text: string) => T): T {
  try {
    return parse(text);
  } catch {
    return section.fail(key, `${origin === "" ? "" : `${origin}: `}expected ${what}`);
  }
}

function readIdentity(section: Section, readFile: ReadFile): { cert: string; key: string } {
  const need = (key: string): Pem =>
    readPem(section, key, readFile) ?? section.fail(`${key}_file`, "missing; TLS needs a certificate and its key");
  const [cert, key] = [need("cert"), need("key")];
  const certificate = parsePem(section, cert, "a certificate in PEM", (text) => new node.crypto.X509Certificate(text));
  const privateKey = parsePem(section, key, "a private key in PEM, without a passphrase", (text) =>
    node.crypto.createPrivateKey(text),
  );
  if (!certificate.checkPrivateKey(privateKey)) {
    section.fail(key.key, "does not belong to the certificate");
  }
  return { cert: cert.text, key: key.text };
}

/** The authorities whose certificates are accepted. */
function readAuthority(section: Section, readFile: ReadFile): Pem | undefined {
  const authority = readPem(section, "client_ca", readFile);
  if (authority !== undefined) {
    parsePem(section, authority, "a certificate in PEM", (text) => new node.crypto.X509Certificate(text));
  }
  return authority;
}

function readClients(section: Section, authority: Pem | undefined): ClientPolicy {
  const key = "client_auth_type";
  const type = section.text(key) || "NoClientCert";
  const policy = choose(section, key, type, clientAuthTypes);
  const allowedNames = section.texts("client_allowed_sans");
  if (authority !== undefined && !policy.asked) {
    section.fail(authority.key, `has no effect while ${key} is ${type}`);
  }
  if (policy.verified && authority === undefined) {
    section.fail(
      key,
      `${type} needs client_ca_file: without it, any certificate of a public authority would be accepted`,
    );
  }
  if (allowedNames.length > 0 && !policy.verified) {
    section.fail(
      "client_allowed_sans",
      `certificates are not verified while ${key} is ${type}, so that anyone can make one with any name`,
    );
  }
  return { ...policy, allowedNames };
}

function readVersions(section: Section): { minVersion: SecureVersion; maxVersion: SecureVersion } {
  const minVersion = choose(section, "min_version", section.text("min_version") || "TLS12", lowestVersions);
  const maxVersion = choose(section, "max_version", section.text("max_version") || "TLS13", highestVersions);
  if (minVersion > maxVersion) {
    section.fail("min_version", "is above max_version");
  }
  return { minVersion, maxVersion };
}

/** Names of OpenSSL, in the order of preference. */
function readSuites(section: Section): string {
  const key = "cipher_suites";
  const choices = new Map([...olderSuites, ...suitesOfTls13.map((name) => [name, ""] as const)]);
  const given = section.texts(key);
  const older = (given.length > 0 ? given : usualSuites).map((name) => choose(section, key, name, choices));
  return [...suitesOfTls13, ...older.filter((name) => name !== "")].join(":");
}

function readCurves(section: Section): string {
  const key = "curve_preferences";
  const given = section.texts(key);
  return (given.length > 0 ? given : usualCurves).map((name) => choose(section, key, name, curves)).join(":");
}

/** Reads `tls_server_config`; undefined when there is nothing in it. Certificates and keys are tried. */
export function readTlsSettings(section: Section, readFile: ReadFile): TlsSettings | undefined {
  if (tlsKeys.every((key) => !section.has(key))) {
    return undefined;
  }
  const { cert, key } = readIdentity(section, readFile);
  const authority = readAuthority(section, readFile);
  const context: SecureContextOptions = {
    cert,
    key,
    ...(authority === undefined ? {} : { ca: authority.text }),
    ...readVersions(section),
    ciphers: readSuites(section),
    honorCipherOrder: section.boolean("prefer_server_cipher_suites", true),
    ecdhCurve: readCurves(section),
    // Each connection is a handshake of its own: no client comes back on a certificate that is not accepted any more.
    secureOptions: node.crypto.constants.SSL_OP_NO_TICKET,
  };
  attempt(section, section.has("cert_file") ? "cert_file" : "cert", () => node.tls.createSecureContext(context));
  return { context, clients: readClients(section, authority) };
}
