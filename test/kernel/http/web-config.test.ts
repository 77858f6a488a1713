/** An agent that refuses unauthenticated clients and serves users: a real Prometheus, a real browser. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { hashSync } from "bcryptjs";
import { createAuthority } from "../../http/certificates.js";
import { askSecurely } from "../../http/http.js";
import { query, queryUntilAnswered, startPrometheus } from "../../exposition/prometheus-server.js";
import { checkWebConfig } from "../../exposition/promtool.js";
import { openPage, startBrowser } from "../support/browser.js";
import { eventually } from "../support/eventually.js";
import { compileProgram, runProgram } from "../support/program.js";
import { startRingtap } from "../support/ringtap.js";

test("Prometheus scrapes by TLS with its certificate and password, and goes on when both change", async (t) => {
  const authority = createAuthority(t);
  const inFolder = (name: string): string => join(authority.folder, name);
  authority.issue("agent", "IP:127.0.0.1");
  authority.issue("prometheus", "DNS:prometheus");
  const writeConfig = (identity: string, password: string): void => {
    writeFileSync(
      inFolder("web.yml"),
      `tls_server_config:
  cert_file: ${identity}.pem
  key_file: ${identity}.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca.pem
basic_auth_users:
  prometheus: ${hashSync(password, 10)}
`,
    );
  };
  writeConfig("agent", "secret");
  assert.equal(checkWebConfig(inFolder("web.yml")).status, 0);
  const agent = startRingtap(t, [
    ...["run", "--signals=process", "--web.listen-address=127.0.0.1:0"],
    `--web.config.file=${inFolder("web.yml")}`,
  ]);
  const [, address = ""] = await agent.said(/https:\/\/(127\.0\.0\.1:\d+)\/metrics/);

  writeFileSync(inFolder("password"), "secret");
  const prometheus = await startPrometheus(t, address, {
    scheme: "https",
    basic_auth: { username: "prometheus", password_file: inFolder("password") },
    tls_config: {
      ca_file: inFolder("ca.pem"),
      cert_file: inFolder("prometheus.pem"),
      key_file: inFolder("prometheus.key"),
    },
  });
  await queryUntilAnswered(prometheus, "ringtap_build_info");
  assert.equal(await valueOf(prometheus, 'up{job="ringtap"}'), 1);
  await assert.rejects(askSecurely(address, "/metrics", { ca: authority.cert }), /hang up|ECONNRESET|alert/);

  authority.issue("renewed", "IP:127.0.0.1");
  writeConfig("renewed", "changed");
  await eventually(async () => {
    assert.equal(await valueOf(prometheus, 'up{job="ringtap"}'), 0, "the old password still works");
  });
  writeFileSync(inFolder("password"), "changed");
  await eventually(async () => {
    assert.equal(await valueOf(prometheus, 'up{job="ringtap"}'), 1);
  });
  assert.doesNotMatch(agent.stderr, /level=(warn|error)/);
  assert.deepEqual(await agent.stop(), { status: 0, signal: null });
});

test("the page opens by TLS with a password, lives, and shows nothing to others", async (t) => {
  const authority = createAuthority(t);
  const config = join(authority.folder, "web.yml");
  authority.issue("agent", "IP:127.0.0.1");
  const users = `basic_auth_users: { reader: ${hashSync("secret", 10)} }`;
  writeFileSync(config, `tls_server_config: { cert_file: agent.pem, key_file: agent.key }\n${users}\n`);
  const agent = startRingtap(t, ["run", "--web.listen-address=127.0.0.1:0", `--web.config.file=${config}`]);
  const [, address = ""] = await agent.said(/https:\/\/(127\.0\.0\.1:\d+)\/metrics/);
  const browser = await startBrowser(t);

  const stranger = await openPage(browser, { ignoreHTTPSErrors: true });
  for (const path of ["/", "/page/web/main.js", "/api/live"]) {
    await assert.rejects(stranger.page.goto(`https://${address}${path}`), /ERR_INVALID_AUTH_CREDENTIALS/);
    assert.equal((await askSecurely(address, path, { ca: authority.cert })).status, 401);
  }

  const httpCredentials = { username: "reader", password: "secret" };
  const reader = await openPage(browser, { ignoreHTTPSErrors: true, httpCredentials });
  await reader.page.goto(`https://${address}/`);
  await reader.page.locator("#signals li.up").nth(4).waitFor();
  const program = compileProgram("rt-secure", "int main(void) { return 3; }");
  await assert.rejects(runProgram(program), { code: 3 });
  await reader.page.locator("#processes tbody tr", { hasText: "rt-secure" }).waitFor();
  assert.deepEqual([...reader.requests], [`https://${address}`]);
});

async function valueOf(prometheus: string, expression: string): Promise<number> {
  const [series] = await query(prometheus, expression);
  return Number(series?.value[1]);
}
