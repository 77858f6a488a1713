/** A server under a web configuration file that a test may change, and clients of several kinds. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import type { RequestOptions } from "node:https";
import { join } from "node:path";
import { after, type TestContext } from "node:test";
import { hashSync } from "bcryptjs";
import { watchWebConfig } from "../../src/http/config/watched-web-config.js";
import type { ServerOptions } from "../../src/http/server.js";
import { createAuthority, type Identity, temporaryFolder } from "./certificates.js";
import { askSecurely } from "./http.js";
import { start } from "./start-server.js";

export const authority = createAuthority({ after });
export const server = authority.issue("server", "IP:127.0.0.1");
export const renewed = authority.issue("renewed", "IP:127.0.0.1");
export const prometheus = authority.issue(
  "prometheus",
  "DNS:prometheus.example,IP:2001:db8::1,URI:spiffe://example/p,email:p@example",
);
export const stranger = createAuthority({ after }).issue("prometheus", "DNS:prometheus.example");

export const ca = authority.cert;
const hash = hashSync("wonderland", 4);
export const users = `basic_auth_users: { alice: "${hash}" }\n`;
export const login = { Authorization: `Basic ${Buffer.from("alice:wonderland").toString("base64")}` };

/** What the server waits for after a change, and a little more. */
export const settling = 250;

/** `tls_server_config` in a folder with the certificate and the authority. */
export function tlsSection(more = ""): string {
  return `tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n${more}`;
}

export const verified = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n";

/** A server that follows a configuration file in a folder of its own. */
export async function startConfigured(context: TestContext, text: string, options: Partial<ServerOptions> = {}) {
  const folder = temporaryFolder(context);
  const write = (name: string, content: string): void => {
    writeFileSync(join(folder, name), content);
  };
  const writeIdentity = ({ cert, key }: Identity): void => {
    write("cert.pem", cert);
    write("key.pem", key);
  };
  writeIdentity(server);
  write("ca.pem", ca);
  write("web.yml", text);
  const live = watchWebConfig(join(folder, "web.yml"));
  const problems: Error[] = [];
  const webConfig = () => live.current((error) => problems.push(error));
  const reread = () => {
    live.reread((error) => problems.push(error));
  };
  const started = await start(context, { webConfig, ...options });
  return { ...started, folder, write, writeIdentity, reread, problems };
}

/** The status of a scrape, or "cut" when there is no answer. */
export async function scrape(address: string, options: RequestOptions = {}) {
  return askSecurely(address, "/metrics", { ca, ...options }).then(
    ({ status }) => status,
    (error: unknown) => {
      assert.match(String(error), /hang up|ECONNRESET|EPROTO|alert|disconnected/);
      return "cut" as const;
    },
  );
}
