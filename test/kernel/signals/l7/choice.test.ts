/** l7 where requests are looked for in some protocols, ports and processes alone: what is left out is counted as bytes, and nothing else. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, Agent as Connections, type RequestOptions, request, type Server } from "node:http";
import { type AddressInfo, type Socket } from "node:net";
import { describe, it } from "node:test";
import { promisify } from "node:util";

import { startAgent, unlimitedSeries } from "../../support/agent.js";
import { controlGroup, hierarchy } from "../../support/cgroups.js";
import { eventually } from "../../support/eventually.js";
import { startNginx } from "../../support/nginx.js";
import { type Samples, sum } from "../../support/samples.js";
import { type Scope, suiteScope } from "../../support/scope.js";
import { freePort } from "../../support/servers.js";
import { startTrace } from "../../support/trace.js";

interface Service {
  readonly port: number;
  /** Bytes that its end of all connections has received and sent. */
  bytes(): { received: number; sent: number };
}

async function startService(scope: Scope): Promise<Service> {
  const sockets: Socket[] = [];
  const server: Server = createServer((_, response) => response.end("x".repeat(1000)));
  server.on("connection", (socket) => sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  scope.after(() => server.close());
  return {
    port: (server.address() as AddressInfo).port,
    bytes: () => ({
      received: sockets.reduce((total, socket) => total + socket.bytesRead, 0),
      sent: sockets.reduce((total, socket) => total + socket.bytesWritten, 0),
    }),
  };
}

/** Makes so many requests, one after the other, over one connection. */
async function makeRequests(count: number, options: RequestOptions): Promise<void> {
  const connections = new Connections({ keepAlive: true, maxSockets: 1 });
  for (let made = 0; made < count; made++) {
    await new Promise<void>((resolve, reject) => {
      const sent = request({ host: "127.0.0.1", agent: connections, ...options }, (response) => {
        response.resume().on("end", resolve);
      });
      sent.on("error", reject).end();
    });
  }
  connections.destroy();
}

const { pid } = process;
const requestsOf = (samples: Samples, role: string): number =>
  sum(samples, `http_${role}_request_duration_seconds_count`, { pid });
const bytesOf = (samples: Samples, labels: Readonly<Record<string, string | number>>): number =>
  sum(samples, "ringtap_l7_bytes_total", labels);

describe("requests of some ports and protocols", () => {
  const scope = suiteScope();
  const services = Promise.all([startService(scope), startService(scope)]);

  it("are counted, and others are not", async (t) => {
    const [chosen, other] = await services;
    const agent = await startAgent(t, ["--signals=l7", `--l7.ports=${chosen.port},1-2`, ...unlimitedSeries]);
    const before = chosen.bytes();
    await makeRequests(20, { port: chosen.port });
    await makeRequests(30, { port: other.port });
    const samples = await agent.scrape();
    assert.deepEqual([requestsOf(samples, "server"), requestsOf(samples, "client")], [20, 20]);
    const { received, sent } = chosen.bytes();
    // Both ends are this process's, which has been to other ports as well, such as the agent's.
    for (const direction of ["received", "sent"]) {
      const carried = bytesOf(samples, { pid, direction, kind: "parsed", protocol: "http" });
      assert.equal(carried, received - before.received + sent - before.sent, direction);
      assert.equal(bytesOf(samples, { pid, direction }), carried, direction);
    }
  });

  it("leave out what comes from a chosen port but goes to another one", async (t) => {
    const [, other] = await services;
    const localPort = await freePort();
    const agent = await startAgent(t, ["--signals=l7", `--l7.ports=${localPort}`, ...unlimitedSeries]);
    const before = other.bytes();
    await makeRequests(5, { port: other.port, localPort });
    const samples = await agent.scrape();
    assert.deepEqual([requestsOf(samples, "server"), requestsOf(samples, "client")], [0, 0]);
    const { received, sent } = other.bytes();
    const bytes = received - before.received + sent - before.sent;
    assert.equal(bytesOf(samples, { pid, direction: "sent", kind: "opaque" }), bytes);
    assert.equal(bytesOf(samples, { pid }), 2 * bytes);
  });

  it("leave nothing else out: its bytes are skipped, those of other protocols opaque", async (t) => {
    const [chosen, other] = await services;
    const localPort = await freePort();
    const [low = 0, high = 0] = [localPort, other.port].toSorted((a, b) => a - b);
    const ports = [
      [1, low - 1],
      [low + 1, high - 1],
      [high + 1, 65_535],
    ].flatMap(([first = 0, last = 0]) => (first <= last ? [`${first}-${last}`] : []));
    const agent = await startAgent(t, [
      ...["--signals=l7", `--l7.ports=${ports.join(",")}`, "--l7.protocols=redis"],
      ...unlimitedSeries,
    ]);
    const before = [chosen.bytes(), other.bytes()] as const;
    await makeRequests(30, { port: other.port, localPort });
    await makeRequests(20, { port: chosen.port });
    const samples = await agent.scrape();
    assert.deepEqual([requestsOf(samples, "server"), requestsOf(samples, "client")], [0, 0]);
    const moved = [chosen.bytes(), other.bytes()].map(
      ({ received, sent }, index) => received + sent - (before[index]?.received ?? 0) - (before[index]?.sent ?? 0),
    );
    for (const direction of ["received", "sent"]) {
      const labels = { pid: "~other", direction };
      assert.equal(sum(samples, "ringtap_l7_skipped_bytes_total", { ...labels, reason: "port" }), moved[1]);
      assert(bytesOf(samples, { ...labels, kind: "skipped" }) >= (moved[1] ?? 0));
      assert(bytesOf(samples, { pid, direction, kind: "opaque", protocol: "unknown" }) >= (moved[0] ?? 0));
    }
  });

  for (const [what, chosen, left] of [
    ["ids", "server", "client"],
    ["names", "client", "server"],
  ] as const) {
    it(`are counted of processes with chosen ${what}, and bytes of others are skipped`, async (t) => {
      const [service] = await services;
      const flag = what === "ids" ? `--l7.pids=${pid},1` : "--l7.comms=curl,no-such-program";
      const agent = await startAgent(t, ["--signals=l7", flag, ...unlimitedSeries]);
      const before = service.bytes();
      const url = `http://127.0.0.1:${service.port}/[1-7]`;
      const running = promisify(execFile)("curl", ["-s", "-o", "/dev/null", url]);
      const curl = running.child.pid ?? 0;
      await running;
      const { received, sent } = service.bytes();
      const samples = await agent.scrape();
      const requests = (role: string, of: number): number =>
        sum(samples, `http_${role}_request_duration_seconds_count`, { pid: of });
      const pids = { server: pid, client: curl };
      assert.deepEqual([requests(chosen, pids[chosen]), requests(left, pids[left])], [7, 0]);
      assert.equal(bytesOf(samples, { pid: pids[left] }), 0);
      const moved = { received: received - before.received, sent: sent - before.sent };
      for (const direction of ["received", "sent"] as const) {
        const own = chosen === "server" ? moved[direction] : moved[direction === "sent" ? "received" : "sent"];
        const of = { pid: pids[chosen], role: chosen, direction, protocol: "http" };
        assert.equal(bytesOf(samples, { ...of, kind: "parsed" }), own, direction);
        const others = chosen === "server" ? moved[direction === "sent" ? "received" : "sent"] : moved[direction];
        const skipped = sum(samples, "ringtap_l7_skipped_bytes_total", { pid: "~other", direction, reason: "process" });
        assert(skipped >= others, `${direction}: ${skipped} of ${others}`);
      }
    });
  }

  it("are counted of chosen containers, from their first one on, and bytes of others are skipped", async (t) => {
    const [service] = await services;
    const ids = [randomBytes(32).toString("hex"), randomBytes(32).toString("hex")] as const;
    const [chosen = "", other = ""] = ids.map((id) => id.slice(0, 12));
    const flags = [`--l7.containers=no-such-name,${chosen}`, "--labels=pid,container_id", "--cgroup.hierarchy=unified"];
    const agent = await startAgent(t, ["--signals=l7", ...flags, ...unlimitedSeries]);
    await agent.scrape();
    const before = service.bytes();
    const clients = ids.map((id) => {
      const { folder } = controlGroup(t, hierarchy("cgroup2"), `ringtap-test-${id}/docker-${id}.scope`);
      const url = `http://127.0.0.1:${service.port}/[1-7]`;
      const script = `echo $$ > ${folder}/cgroup.procs && read go && exec curl -s -o /dev/null '${url}'`;
      const running = promisify(execFile)("sh", ["-c", script]);
      return { running, go: () => running.child.stdin?.end("go\n") };
    });
    // By now the agent knows both containers.
    await agent.scrape();
    for (const { running, go } of clients) {
      go();
      await running;
    }
    const samples = await agent.scrape();
    const requests = (labels: Readonly<Record<string, string | number>>): number =>
      sum(samples, "http_client_request_duration_seconds_count", labels);
    assert.deepEqual([requests({ container_id: chosen }), requests({ container_id: other })], [7, 0]);
    assert.equal(sum(samples, "http_server_request_duration_seconds_count", { pid }), 0);
    const { received, sent } = service.bytes();
    assert.equal(bytesOf(samples, { container_id: chosen, direction: "sent" }), (received - before.received) / 2);
    const skipped = (direction: string): number =>
      sum(samples, "ringtap_l7_skipped_bytes_total", { pid: "~other", direction, reason: "process" });
    assert(skipped("sent") >= sent - before.sent + (received - before.received) / 2);
  });

  it("are traced", async (t) => {
    const [chosen, other] = await services;
    const flags = ["--output=json", `--l7.ports=${chosen.port}`, "--where", `pid=${pid} role=server`];
    const trace = await startTrace(t, ["l7", ...flags]);
    await makeRequests(3, { port: other.port });
    await makeRequests(2, { port: chosen.port });
    await eventually(() => {
      assert.equal(trace.events().length, 2);
    });
    assert(trace.events().every(({ local_port }) => local_port === chosen.port));
  });

  const others = startNginx(scope, "");
  // A name that no other process has.
  process.title = "rt-choice";
  const comm = readFileSync("/proc/self/comm", "utf8").trimEnd();
  for (const choice of [["--where", `pid=${pid} status=200`], ["--where", `comm="${comm}"`], [`--pid=${pid}`]]) {
    it(`are traced of one process by ${choice.join(" ")}, and those of others take no room in the ring`, async (t) => {
      const [chosen] = await services;
      const nginx = await others;
      const trace = await startTrace(t, ["l7", "--output=json", "--ring.size=64KiB", ...choice]);
      // It takes nothing from the ring while others make 3,000 requests, which are twice as many records.
      process.kill(trace.pid, "SIGSTOP");
      await promisify(execFile)("curl", ["-s", "-o", "/dev/null", `${nginx.url}/index.html?[1-3000]`]);
      await makeRequests(5, { port: chosen.port });
      process.kill(trace.pid, "SIGCONT");
      await eventually(() => {
        assert.equal(trace.events().filter(({ pid: its }) => its === pid).length, 10);
      });
      await trace.stop("SIGINT");
      assert.doesNotMatch(trace.stderr, /events lost/);
    });
  }
});
