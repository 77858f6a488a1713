/** The other ends of connections, told by an API server, against traffic in exact numbers. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createConnection, createServer, type Socket } from "node:net";
import { before, describe, it } from "node:test";

import { hasCompatCallers } from "../../../src/host/compat-callers.js";
import { type FakeApiServer, startFakeApiServer } from "../../kubernetes/support/fake-api-server.js";
import { endpointSlice, service } from "../../kubernetes/support/manifests.js";
import { type Agent, startAgent } from "../support/agent.js";
import { eventually } from "../support/eventually.js";
import { type NetworkNamespace, networkNamespace } from "../support/network.js";
import { compileProgram, programSource } from "../support/program.js";
import { type Samples, sum } from "../support/samples.js";
import { type Scope, suiteScope } from "../support/scope.js";
import { startSteps } from "../support/steps.js";
import { startWaiting, type Waiting } from "../support/waiting.js";

const source = programSource("tcp-traffic");

const checkout = { peer_service: "checkout", peer_namespace: "shop" };
const frontend = { peer_service: "frontend", peer_namespace: "shop" };

/** Starts an agent that knows the API server's Services, and waits until it does. */
async function startInformed(scope: Scope, api: FakeApiServer): Promise<Agent> {
  const agent = await startAgent(scope, [
    ...["--signals=tcp,l7,udp", "--peer.labels=peer_service,peer_namespace", `--kubernetes.api-url=${api.url}`],
    ...[`--kubernetes.token-file=${api.tokenFile}`, `--kubernetes.ca-file=${api.caFile}`],
  ]);
  await eventually(async () => {
    const samples = await agent.scrape();
    for (const resource of ["services", "endpointslices"]) {
      assert.equal(sum(samples, "ringtap_kubernetes_up", { resource }), 1);
    }
  });
  return agent;
}

describe("peers", () => {
  const scope = suiteScope();
  let program: string;
  let network: NetworkNamespace;
  let api: FakeApiServer;
  let agent: Agent;

  const traffic = (...args: readonly (string | number)[]): Promise<Waiting> => {
    const [file = "", ...rest] = [...network.prefix, program, ...args.map(String)];
    return startWaiting(scope, file, rest);
  };

  before(async () => {
    program = compileProgram("rt-peers", source);
    network = networkNamespace(scope);
    for (const address of ["10.1.0.1/32", "10.1.0.2/32", "10.96.0.7/32", "fd00:1::1/128"]) {
      network.run("ip", "address", "add", address, "dev", "lo");
    }
    // Clients of the cluster IP have the address of a pod of the frontend.
    network.run(..."ip route change local 10.96.0.7 dev lo table local src 10.1.0.2".split(" "));
    api = await startFakeApiServer(scope, {
      services: [service("checkout", { namespace: "shop", ips: ["10.96.0.7"] })],
      endpointSlices: [
        endpointSlice("checkout", { "checkout-1": ["10.1.0.1", "fd00:1::1"] }, [8080], "shop"),
        endpointSlice("frontend", { "frontend-1": ["10.1.0.2"] }, [80], "shop"),
        endpointSlice("early", { "early-1": ["127.0.0.2"] }, [1]),
      ],
    });
    agent = await startInformed(scope, api);
  });

  function connects(samples: Samples, labels: Record<string, string>): number {
    return sum(samples, "ringtap_tcp_connects_total", { comm: "rt-peers", ...labels });
  }

  it("are told of connects and bytes at either end", async () => {
    const server = await traffic("serve", 4, 8080, 20, 10);
    const client = await traffic("connect", 4, "10.96.0.7", 8080, "n", 20, 10, 1000);
    await Promise.all([server.go(), client.go()]);
    const samples = await agent.scrape();
    const bytes = (direction: string, labels: Record<string, string>): number =>
      sum(samples, `ringtap_tcp_${direction}_bytes_total`, { comm: "rt-peers", ...labels });
    assert.equal(connects(samples, { family: "ipv4", result: "established", ...checkout }), 20);
    assert.deepEqual([bytes("sent", checkout), bytes("received", checkout)], [20_000, 200]);
    assert.deepEqual([bytes("sent", frontend), bytes("received", frontend)], [200, 20_000]);
    assert.deepEqual([bytes("sent", {}), bytes("received", {})], [20_200, 20_200]);
  });

  it("are told of connects that fail, and of addresses outside", async () => {
    for (const [family, address, count] of [
      [6, "fd00:1::1", 7],
      [4, "127.0.0.1", 3],
      [4, "192.0.2.1", 2],
      [6, "::1", 4],
    ] as const) {
      await (await traffic("connect", family, address, 9003, "b", count, 0, 0)).go();
    }
    const samples = await agent.scrape();
    assert.equal(connects(samples, { family: "ipv6", result: "refused", ...checkout }), 7);
    assert.equal(connects(samples, { family: "ipv4", result: "refused", peer_service: "~loopback" }), 3);
    assert.equal(connects(samples, { family: "ipv6", result: "refused", peer_service: "~loopback" }), 4);
    assert.equal(connects(samples, { family: "ipv4", result: "unreachable", peer_service: "~public" }), 2);
  });

  it("are told of datagrams, in whatever way they are sent and received", async (t) => {
    const sender = compileProgram("rt-udp-peers", programSource("udp-peers"));
    const [file, ...rest] = ["ip", ...network.prefix.slice(1), sender];
    const steps = startSteps(t, file, rest);
    for (const step of [
      "write 10.96.0.7 8080 20",
      "sendto 10.1.0.1 8080 10",
      "sendmsg fd00:1::1 8080 7",
      "sendmmsg 10.1.0.1 8080 40",
      "sendto ::ffff:10.1.0.1 8080 3",
      "write ::1 9003 5",
    ]) {
      assert.equal(await steps.step(step), "ok");
    }
    const samples = await agent.scrape();
    const own = { comm: "rt-udp-peers", pid: steps.pid };
    const carried = (direction: string, labels: Record<string, string>): number[] =>
      ["datagrams", "bytes"].map((what) => sum(samples, `ringtap_udp_${what}_total`, { ...own, direction, ...labels }));
    // Of the cluster IP's 20, the answers go to the address of the frontend; all others' to that of checkout itself.
    assert.deepEqual(carried("sent", frontend), [20, 200]);
    assert.deepEqual(carried("sent", checkout), [20 + 60 + 60, 80 * 100 + 60 * 10]);
    assert.deepEqual(carried("sent", { peer_service: "~loopback" }), [10, 550]);
    assert.deepEqual(carried("received", frontend), [20, 2000]);
    assert.deepEqual(carried("received", checkout), [20 + 60, 20 * 10 + 60 * 100]);
    assert.deepEqual(carried("received", { peer_service: "~loopback" }), [10, 550]);
    // By recv(2), on a socket that is not connected: the program does not ask where they come from.
    assert.deepEqual(carried("received", { peer_service: "~unspecified" }), [60, 600]);
    assert.deepEqual(carried("sent", {}), [170, 85 * 110]);
    assert.deepEqual(carried("received", {}), [170, 85 * 110]);
  });

  it("are told of datagrams by socketcall(2), as 32-bit programs have it", async (t) => {
    if (process.arch !== "x64" || !hasCompatCallers()) {
      t.skip("this machine has no such calls");
      return;
    }
    const sender = compileProgram("rt-udp-narrow", programSource("udp-peers"));
    const [file, ...rest] = ["ip", ...network.prefix.slice(1), sender];
    const steps = startSteps(t, file, rest);
    for (const step of [
      "sendto32 10.1.0.1 8080 4",
      "sendmsg32 fd00:1::1 8080 3",
      "sendmmsg32 10.1.0.1 8080 5",
      "sendto32 ::1 9003 2",
    ]) {
      assert.equal(await steps.step(step), "ok");
    }
    const samples = await agent.scrape();
    const carried = (direction: string, labels: Record<string, string>): number[] =>
      ["datagrams", "bytes"].map((what) =>
        sum(samples, `ringtap_udp_${what}_total`, { pid: steps.pid, direction, ...labels }),
      );
    assert.deepEqual(carried("sent", checkout), [12 + 12, 12 * 100 + 12 * 10]);
    assert.deepEqual(carried("received", checkout), [12, 1200]);
    assert.deepEqual(carried("sent", { peer_service: "~loopback" }), [4, 220]);
    assert.deepEqual(carried("received", { peer_service: "~loopback" }), [2, 200]);
    assert.deepEqual(carried("received", { peer_service: "~unspecified" }), [14, 140]);
  });

  it("are told of requests, of routes and databases too", async () => {
    const server = createHttpServer((_, response) => response.end()).listen(0, "127.0.0.2");
    const redis = createServer((socket) => socket.on("data", () => socket.write("+PONG\r\n"))).listen(0, "127.0.0.2");
    await Promise.all([once(server, "listening"), once(redis, "listening")]);
    const port = (of: { address(): unknown }): number => (of.address() as AddressInfo).port;
    for (let made = 0; made < 3; made++) {
      await (await fetch(`http://127.0.0.2:${port(server)}/orders/${made}`)).text();
      const client = createConnection(port(redis), "127.0.0.2");
      client.write("PING\r\n");
      await once(client, "data");
      client.destroy();
    }
    server.closeAllConnections();
    server.close();
    redis.close();
    await eventually(async () => {
      const samples = await agent.scrape();
      const labels = { pid: process.pid, peer_service: "early" };
      const route = { url_template: "/orders/{id}" };
      assert.equal(sum(samples, "http_client_request_duration_seconds_count", { ...labels, ...route }), 3);
      assert.equal(sum(samples, "db_client_operation_duration_seconds_count", labels), 3);
    });
  });

  it("are known of connections that were open before the agent", async (test) => {
    const server = createServer().listen(0, "127.0.0.2");
    await once(server, "listening");
    const client = createConnection((server.address() as AddressInfo).port, "127.0.0.2");
    const [accepted] = (await once(server, "connection")) as [Socket];
    test.after(() => {
      client.destroy();
      server.close();
    });
    const later = await startInformed(test, api);
    client.write(Buffer.alloc(5000));
    await once(accepted, "readable");
    await eventually(async () => {
      const samples = await later.scrape();
      const labels = { pid: process.pid, peer_service: "early" };
      assert.equal(sum(samples, "ringtap_tcp_sent_bytes_total", labels), 5000);
    });
  });

  it("keep what they were called while the API server is gone, and nothing is lost", async () => {
    await api.down();
    await eventually(async () => {
      assert.equal(sum(await agent.scrape(), "ringtap_kubernetes_up", { resource: "services" }), 0);
    });
    const before = connects(await agent.scrape(), { result: "established", ...checkout });
    const server = await traffic("serve", 4, 8080, 5, 0);
    const client = await traffic("connect", 4, "10.1.0.1", 8080, "b", 5, 0, 0);
    await Promise.all([server.go(), client.go()]);
    const samples = await agent.scrape();
    assert.equal(connects(samples, { result: "established", ...checkout }), before + 5);
    assert.equal(sum(samples, "ringtap_events_dropped_total", { signal: "tcp" }), 0);
  });
});
