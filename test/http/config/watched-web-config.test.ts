/** The server under a web configuration that changes. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { renameSync, utimesSync } from "node:fs";
import { Agent } from "node:https";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "node:tls";
import { hashSync } from "bcryptjs";
import {
  ca,
  login,
  prometheus,
  renewed,
  scrape,
  server,
  settling,
  startConfigured,
  stranger,
  tlsSection,
  users,
  verified,
} from "../configured-server.js";
import { ask, askSecurely } from "../http.js";

test("users that change apply at the next request, on connections that are open too", async (context) => {
  const { address, write, problems } = await startConfigured(context, tlsSection() + users);
  const agent = new Agent({ keepAlive: true, ca });
  context.after(() => {
    agent.destroy();
  });
  const status = async () => (await askSecurely(address, "/metrics", { agent, headers: login })).status;
  assert.equal(await status(), 200);
  write("web.yml", `${tlsSection()}basic_auth_users: { alice: "${hashSync("other", 4)}" }\n`);
  await sleep(settling);
  assert.equal(await status(), 401);
  write("web.yml", tlsSection() + users);
  await sleep(settling);
  assert.equal(await status(), 200);
  assert.deepEqual(problems, []);
});

test("a file that is being rewritten is not believed", async (context) => {
  const { address, write } = await startConfigured(context, users);
  const status = async () => (await ask(address, "/metrics")).status;
  for (const text of ["", "basic_auth_users:\n"]) {
    write("web.yml", text);
    assert.equal(await status(), 401);
  }
  write("web.yml", users);
  assert.equal(await status(), 401);
});

test("files are believed at once when they are to be reread", async (context) => {
  const { address, write, reread, problems } = await startConfigured(context, "");
  const status = async () => (await ask(address, "/metrics")).status;
  assert.equal(await status(), 200);
  write("web.yml", users);
  reread();
  assert.equal(await status(), 401);
  write("web.yml", "nonsense: 1\n");
  reread();
  assert.equal(await status(), 401);
  assert.equal(problems.length, 1);
  await sleep(settling);
  assert.equal(await status(), 401);
  assert.equal(problems.length, 1);
});

test("a new certificate is shown at once, and connections under the old one are cut", async (context) => {
  const { address, port, folder, writeIdentity, write, problems } = await startConfigured(context, tlsSection());
  const agent = new Agent({ keepAlive: true, ca });
  context.after(() => {
    agent.destroy();
  });
  const status = async () => (await askSecurely(address, "/healthz", { agent })).status;
  const shown = async (): Promise<string | undefined> => {
    const socket = connect({ host: "127.0.0.1", port, ca });
    await once(socket, "secureConnect");
    const subject = socket.getPeerX509Certificate()?.subject;
    socket.destroy();
    return subject;
  };
  assert.equal(await shown(), "CN=server");
  assert.equal(await status(), 200);
  writeIdentity(renewed);
  await sleep(settling);
  await assert.rejects(status(), /hang up|ECONNRESET/);
  assert.equal(await status(), 200);
  assert.equal(await shown(), "CN=renewed");

  // By rename, as certificate managers do, and with a time before that of the last one.
  for (const [name, text] of [
    ["key.pem", server.key],
    ["cert.pem", server.cert],
  ] as const) {
    write("new", text);
    utimesSync(join(folder, "new"), 1, 1);
    renameSync(join(folder, "new"), join(folder, name));
  }
  await sleep(settling);
  assert.equal(await shown(), "CN=server");
  assert.deepEqual(problems, []);
});

test("a client whose authority is not trusted any more is out, connected or not", async (context) => {
  const { address, write } = await startConfigured(context, tlsSection(verified));
  const agent = new Agent({ keepAlive: true, ca, ...prometheus });
  context.after(() => {
    agent.destroy();
  });
  const status = async () =>
    askSecurely(address, "/metrics", { agent }).then(
      (answer) => answer.status,
      () => "cut",
    );
  assert.equal(await status(), 200);
  write("ca.pem", stranger.cert);
  await sleep(settling);
  for (let attempt = 0; attempt < 3; attempt++) {
    assert.equal(await status(), "cut");
  }
  write("ca.pem", ca);
  await sleep(settling);
  assert.equal(await status(), 200);
});

test("what cannot be used is logged once, and the last configuration remains in use", async (context) => {
  const { address, folder, write, problems } = await startConfigured(context, tlsSection() + users);
  for (const [text, problem] of [
    ["basic_auth_user: {}\n", /^line 1: unknown key "basic_auth_user"/],
    [tlsSection().replace("cert.pem", "gone.pem"), /^line 2: tls_server_config.cert_file: ".*gone.pem": no such file/],
    [users, /^turning TLS on or off needs a restart$/],
    [tlsSection(verified), /^tls_server_config.client_auth_type: a change from or to NoClientCert needs a restart$/],
  ] as const) {
    write("web.yml", text);
    await sleep(settling);
    for (let attempt = 0; attempt < 3; attempt++) {
      assert.equal(await scrape(address), 401);
      assert.equal(await scrape(address, { headers: login }), 200);
    }
    assert.equal(problems.length, 1);
    const [{ message, cause }] = problems as [Error];
    assert.equal(message, `web configuration "${join(folder, "web.yml")}": the previous one remains in use`);
    assert.match((cause as Error).message, problem);
    problems.length = 0;
  }
  // Fixed by the file that was missing: the configuration itself does not change.
  write("web.yml", tlsSection().replaceAll(/(cert|key).pem/g, "later-$1.pem"));
  await sleep(settling);
  assert.equal(await scrape(address), 401);
  write("later-cert.pem", renewed.cert);
  write("later-key.pem", renewed.key);
  await sleep(settling);
  assert.equal(await scrape(address), 200);
});
