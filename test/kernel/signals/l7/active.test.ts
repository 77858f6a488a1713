/** Requests under way, against servers that have not answered yet. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent as Connections, createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from "node:net";
import { describe, it } from "node:test";

import { startAgent, unlimitedSeries } from "../../support/agent.js";
import { eventually } from "../../support/eventually.js";
import { sum } from "../../support/samples.js";
import { suiteScope } from "../../support/scope.js";

const { pid } = process;

describe("active requests", () => {
  const scope = suiteScope();
  const running = startAgent(scope, ["--signals=l7", ...unlimitedSeries]);

  it("are those that wait, and those whose response is under way; none when all are answered", async (t) => {
    const agent = await running;
    const waiting: ServerResponse[] = [];
    const server = createServer((_, response) => waiting.push(response));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    const connections = new Connections({ keepAlive: true });
    t.after(() => {
      connections.destroy();
    });
    const answered = Array.from({ length: 7 }, async () => {
      const sent = request({ host: "127.0.0.1", port, agent: connections, method: "POST" }).end("body");
      const [response] = (await once(sent, "response")) as [IncomingMessage];
      await once(response.resume(), "end");
    });
    await eventually(() => {
      assert.equal(waiting.length, 7);
    });
    // Beside the request that asks for it, of which the agent is the server.
    const active = async (role: string): Promise<number> =>
      sum(await agent.scrape(), `http_${role}_active_requests`, { pid });
    assert.equal(await active("server"), 7);
    assert.equal(await active("client"), 8);
    // Two have begun to be answered: their heads and a part of their bodies are at the other end.
    for (const response of waiting.slice(0, 2)) {
      response.writeHead(200, { "content-length": 6 });
      await new Promise((resolve) => response.write("abc", resolve));
    }
    assert.equal(await active("server"), 7);
    assert.equal(await active("client"), 8);
    waiting.forEach((response, index) => response.end(index < 2 ? "def" : ""));
    await Promise.all(answered);
    assert.deepEqual([await active("server"), await active("client")], [0, 1]);
  });

  it("are commands of a database, too", async (t) => {
    const agent = await running;
    const sockets: Socket[] = [];
    const server = createTcpServer((socket) => sockets.push(socket.resume()));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => server.close());
    const client = connect((server.address() as AddressInfo).port, "127.0.0.1").resume();
    t.after(() => {
      client.destroy();
    });
    const command = "*2\r\n$3\r\nGET\r\n$1\r\nx\r\n";
    client.write(command.repeat(40));
    const active = async (role: string): Promise<number> =>
      sum(await agent.scrape(), `ringtap_db_${role}_active_operations`, { pid, db_system_name: "redis" });
    await eventually(async () => {
      assert.deepEqual([await active("client"), await active("server")], [40, 40]);
    });
    const [socket] = sockets;
    socket?.write("+OK\r\n".repeat(39));
    await eventually(async () => {
      assert.deepEqual([await active("client"), await active("server")], [1, 1]);
    });
    client.destroy();
    await eventually(async () => {
      assert.deepEqual([await active("client"), await active("server")], [0, 0]);
    });
  });
});
