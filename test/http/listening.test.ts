/** Where the server listens, and for whom it answers there. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { temporaryFolder } from "./certificates.js";
import { ask } from "./http.js";
import { start } from "./start-server.js";

/** Sends lines as they are, and returns the first line of the answer. */
async function firstLine(port: number, lines: readonly string[]): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.end([...lines, "Connection: close", "", ""].join("\r\n"));
  let answer = "";
  socket.setEncoding("latin1").on("data", (text: string) => {
    answer += text;
  });
  await once(socket, "close");
  return answer.split("\r\n")[0] ?? "";
}

/** What `/healthz` of a Unix socket answers. */
async function askSocket(socketPath: string): Promise<number> {
  const asked = request({ socketPath, path: "/healthz", headers: { Host: "anything.example" } }).end();
  const [response] = (await once(asked, "response")) as [{ statusCode: number; resume(): void }];
  response.resume();
  return response.statusCode;
}

test("a target in absolute-form is that of its path and host", async (context) => {
  const { port } = await start(context);
  for (const [target, status] of [
    ["/healthz?x=1", "200 OK"],
    [`http://127.0.0.1:${port}/healthz`, "200 OK"],
    ["HTTP://localhost/healthz?http://x", "200 OK"],
    ["http://localhost", "200 OK"],
    ["http://localhost?x", "200 OK"],
    ["http://localhost/nothing", "404 Not Found"],
    ["http://rebound.example/healthz", "403 Forbidden"],
  ] as const) {
    assert.equal(await firstLine(port, [`GET ${target} HTTP/1.1`, "Host: localhost"]), `HTTP/1.1 ${status}`, target);
  }
});

describe("on a loopback address", () => {
  test("hosts that are no address, nor localhost, nor allowed, are refused", async (context) => {
    const { port } = await start(context, { allowedHosts: ["Node1.example"] });
    const statusOf = async (host: string) => {
      const line = await firstLine(port, ["GET /metrics HTTP/1.1", `Host: ${host}`]);
      return Number(line.split(" ")[1]);
    };
    for (const host of [
      "127.0.0.1",
      "[::1]:80",
      "10.1.2.3:80",
      "localhost:1",
      "LOCALHOST.",
      "a.localhost",
      "node1.EXAMPLE:80",
    ]) {
      assert.equal(await statusOf(host), 200, host);
    }
    for (const host of [
      "rebound.example",
      "127.0.0.1.example",
      "localhost.example",
      "node1.example.org",
      "",
      "[x]",
      "a@localhost",
    ]) {
      assert.equal(await statusOf(host), 403, host);
    }
    assert.equal(await firstLine(port, ["GET /healthz HTTP/1.0"]), "HTTP/1.1 200 OK", "without Host");
    const twice = ["GET /healthz HTTP/1.1", "Host: localhost", "Host: localhost"];
    assert.equal(await firstLine(port, twice), "HTTP/1.1 400 Bad Request", "two of them");
  });

  test("the refusal names the host and the flag", async (context) => {
    const { address } = await start(context);
    const { body } = await ask(address, "/metrics", { headers: { Host: "a.example" } });
    assert.equal(
      body.toString(),
      'host "a.example" is not allowed on a loopback address: add its name to --web.allowed-hosts\n',
    );
  });
});

test("on other addresses every host is answered, and * allows all", async (context) => {
  const { server } = await start(context, { listenAddresses: ["0.0.0.0:0"] });
  const port = Number(server.addresses[0]?.split(":")[1]);
  assert.equal(await firstLine(port, ["GET /healthz HTTP/1.1", "Host: a.example"]), "HTTP/1.1 200 OK");
  const open = await start(context, { allowedHosts: ["*"] });
  assert.equal(await firstLine(open.port, ["GET /healthz HTTP/1.1", "Host: a.example"]), "HTTP/1.1 200 OK");
});

describe("a Unix socket", () => {
  test("is served, replaces one that was left over, and is gone at the end", async (context) => {
    const path = join(temporaryFolder(context), "ringtap.sock");
    const program = `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
    assert.equal(spawnSync(process.execPath, ["-e", program]).signal, "SIGKILL");
    assert.equal(existsSync(path), true);
    const { address, server } = await start(context, { listenAddresses: [`unix:${path}`] });
    assert.equal(address, `unix:${path}`);
    assert.equal(await askSocket(path), 200);
    await server.close();
    assert.equal(existsSync(path), false);
  });

  test("of a program that listens, and a file that is no socket, are left alone", async (context) => {
    const folder = temporaryFolder(context);
    const path = join(folder, "taken.sock");
    const { server } = await start(context, { listenAddresses: [`unix:${path}`] });
    const file = join(folder, "file");
    writeFileSync(file, "precious");
    for (const taken of [path, file]) {
      await assert.rejects(start(context, { listenAddresses: [`unix:${taken}`] }), {
        message: `--web.listen-address "unix:${taken}": a program listens there already, or the file is no socket; stop it, or choose another path`,
      });
    }
    assert.equal(await askSocket(path), 200);
    assert.equal(existsSync(file), true);
    await assert.rejects(
      start(context, { listenAddresses: [`unix:${folder}/no/x`] }),
      /the folder does not exist, or is not writable/,
    );
    await server.close();
  });
});
