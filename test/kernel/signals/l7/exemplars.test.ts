/** Slow requests where people look for them: exemplars of histograms, and events of the library. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent as Connections, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";

import { openAgent, type TraceEvent } from "ringtap";

import { startAgent, unlimitedSeries } from "../../support/agent.js";
import { eventually } from "../../support/eventually.js";
import { type Scope, suiteScope } from "../../support/scope.js";

const slowMs = 200;

/** A server in this process, and a client of one connection: the port of its end. */
async function startService(scope: Scope) {
  const server = createServer((incoming, response) => {
    void setTimeout(incoming.url === "/slow" ? slowMs : 0).then(() =>
      response.writeHead(incoming.url === "/bad" ? 503 : 200).end(),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const agent = new Connections({ keepAlive: true, maxSockets: 1 });
  scope.after(() => {
    agent.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  let clientPort = 0;
  return {
    port,
    clientPort: () => clientPort,
    async get(path: string): Promise<void> {
      const sent = request({ host: "127.0.0.1", port, path, agent });
      sent.once("socket", (socket) => socket.once("connect", () => (clientPort = socket.localPort ?? 0)));
      sent.end();
      const [response] = (await once(sent, "response")) as [NodeJS.ReadableStream];
      await once(response.resume(), "end");
    },
  };
}

describe("slow requests", () => {
  const scope = suiteScope();
  const starting = startService(scope);

  it("are exemplars, with the process and the peer, at both ends", async (t) => {
    const service = await starting;
    const agent = await startAgent(t, ["--signals=l7", `--l7.ports=${service.port}`, ...unlimitedSeries]);
    for (const path of ["/quick", "/slow", "/quick"]) {
      await service.get(path);
    }
    const peers = { server: service.clientPort(), client: service.port };
    await eventually(async () => {
      const headers = { accept: "application/openmetrics-text" };
      const text = await (await fetch(`${agent.origin}/metrics`, { headers })).text();
      for (const [role, route] of [
        ["server", "http_route"],
        ["client", "url_template"],
      ] as const) {
        const lines = text
          .split("\n")
          .filter((line) => line.startsWith(`http_${role}_request_duration_seconds_bucket{pid="${process.pid}"`))
          .filter((line) => line.includes(`${route}="/slow"`) && line.includes(" # "));
        assert.equal(lines.length, 1, text);
        const [, labels, seconds] = / # \{(.*)\} (\S+) \S+$/.exec(lines[0] ?? "") ?? [];
        const { pid } = process;
        assert.equal(labels, `pid="${pid}",remote_address="127.0.0.1",remote_port="${peers[role]}"`);
        assert(Number(seconds) >= slowMs / 1000 && Number(seconds) < 60, seconds);
      }
    });
  });

  it("are events of the library, chosen by what they are", async (t) => {
    const service = await starting;
    const agent = openAgent({ signals: ["l7"], flags: { l7: { ports: [`${service.port}`] } } });
    t.after(() => {
      agent.close();
    });
    const { pid } = process;
    const failures = agent.tail({ signals: ["l7"], pid, failures: true }, 100);
    const all = agent.tail({ signals: ["l7"], pid }, 100);
    for (const path of ["/slow", "/bad"]) {
      await service.get(path);
    }
    const shown = ({ event }: { readonly event: TraceEvent }): string =>
      [event.role, event.operation, event.route, event.status].join(" ");
    const found: { all: string[]; failures: string[] } = { all: [], failures: [] };
    await eventually(() => {
      for (const { event, isFailure } of all.take()) {
        found.all.push(shown({ event }));
        assert.equal(isFailure, event.status === 503);
        assert.equal(event.remote_address, "127.0.0.1");
        assert.equal(Number(event.duration_seconds) >= slowMs / 1000, event.route === "/slow");
      }
      found.failures.push(...failures.take().map(shown));
      assert.deepEqual(found.all.toSorted(), [
        "client GET /bad 503",
        "client GET /slow 200",
        "server GET /bad 503",
        "server GET /slow 200",
      ]);
      assert.deepEqual(found.failures.toSorted(), ["client GET /bad 503", "server GET /bad 503"]);
    });
  });
});
