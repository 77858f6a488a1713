/**
 * The web configuration file: TLS, users and headers in the format of Prometheus's exporters
 * (https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md).
 */
import { dirname, resolve } from "node:path";
import { readTextFile } from "../../config/text-file.js";
import { readTlsSettings, tlsKeys, type TlsSettings } from "./tls-settings.js";
import { parseSection, type Section } from "./section.js";
import { node } from "../../net/node-modules.js";

export interface WebConfig {
  /** Undefined: the server speaks plain HTTP. */
  readonly tls: TlsSettings | undefined;
  /** Sent with every answer. */
  readonly headers: ReadonlyMap<string, string>;
  /** bcrypt hashes by user; empty when no authentication is needed. */
  readonly users: ReadonlyMap<string, string>;
  /** Settings that have no effect or are unsafe: one line each. */
  readonly warnings: readonly string[];
}

/** A file that cannot be used; the message has the line, not the path. */
export class WebConfigError extends Error {
  override readonly name = "WebConfigError";
}

const sections = ["tls_server_config", "http_server_config", "basic_auth_users", "rate_limit"];

/** Headers that may be set, and the values of those that have only a few. */
const configurableHeaders: ReadonlyMap<string, readonly string[]> = new Map([
  ["Content-Security-Policy", []],
  ["X-Frame-Options", ["deny", "sameorigin"]],
  ["X-Content-Type-Options", ["nosniff"]],
  ["X-XSS-Protection", []],
  ["Strict-Transport-Security", []],
]);

/** `$2b$`, two digits of cost from 4 to 31, 22 characters of salt and 31 of hash. */
const bcryptHash = /^\$2[aby]\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}$/;

function readText(path: string): string {
  try {
    return readTextFile(path);
  } catch (error) {
    throw new WebConfigError((error as Error).message, { cause: error });
  }
}

function readHeaders(section: Section): Map<string, string> {
  const headers = new Map<string, string>();
  for (const [name, value] of section.entries()) {
    const values = configurableHeaders.get(name) ?? [];
    if (values.length > 0 && !values.includes(value)) {
      section.fail(name, `${JSON.stringify(value)}: expected ${values.join(" or ")}`);
    }
    try {
      node.http.validateHeaderValue(name, value);
    } catch {
      section.fail(name, `${JSON.stringify(value)}: not a valid header value`);
    }
    if (value !== "") {
      headers.set(name, value);
    }
  }
  return headers;
}

function readUsers(section: Section): ReadonlyMap<string, string> {
  const users = section.entries();
  for (const [user, hash] of users) {
    if (!bcryptHash.test(hash)) {
      section.fail(user, "expected a bcrypt hash, such as `htpasswd -nB USER` prints");
    }
    if (user.includes(":")) {
      section.fail(user, "a user name cannot contain a colon, which ends the name in HTTP");
    }
  }
  return users;
}

function collectWarnings(http: Section, config: Pick<WebConfig, "tls" | "users">): string[] {
  const warnings: string[] = [];
  if (http.has("http2") && http.boolean("http2", true)) {
    warnings.push("http_server_config.http2: HTTP/2 is not supported; clients get HTTP/1.1");
  }
  if (config.users.size > 0 && config.tls === undefined) {
    warnings.push("basic_auth_users: without tls_server_config, passwords are sent unencrypted");
  }
  return warnings;
}

/**
 * Reads and checks a file and those it names, relative to its folder. `onFile` gets the path of each before it is read. Throws a
 * {@link WebConfigError}.
 */
export function readWebConfig(path: string, onFile: (path: string) => void = () => undefined): WebConfig {
  onFile(path);
  const text = readText(path);
  const root = parseSection(text, sections, (line, problem) => {
    throw new WebConfigError(`line ${line}: ${problem}`);
  });
  if (root.has("rate_limit")) {
    root.fail("rate_limit", "not supported; scrapers that ask at the same time share one rendering");
  }
  const tls = readTlsSettings(root.section("tls_server_config", tlsKeys), (name) => {
    const file = resolve(dirname(path), name);
    const origin = JSON.stringify(file);
    onFile(file);
    try {
      return { text: readText(file), origin };
    } catch (error) {
      throw new WebConfigError(`${origin}: ${(error as Error).message}`, { cause: error });
    }
  });
  const http = root.section("http_server_config", ["http2", "headers"]);
  http.boolean("http2", true);
  const headers = readHeaders(http.section("headers", [...configurableHeaders.keys()]));
  const users = readUsers(root.section("basic_auth_users"));
  return { tls, headers, users, warnings: collectWarnings(http, { tls, users }) };
}
