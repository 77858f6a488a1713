/** Containers that talk to each other, named by an API server, as a real Prometheus finds them: in exact numbers. */
import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { before, it } from "node:test";

import { query, queryUntilAnswered, startPrometheus } from "../../exposition/prometheus-server.js";
import type { FakeApiServer, FakeApiServerOptions } from "../../kubernetes/support/fake-api-server.js";
import type { Manifest } from "../../kubernetes/support/api-store.js";
import { endpointSlice, pod, service } from "../../kubernetes/support/manifests.js";
import { controlGroup, hierarchies, podPath } from "./cgroups.js";
import { startContainer } from "./containers.js";
import { eventually } from "./eventually.js";
import { type NetworkNamespace, networkNamespace } from "./network.js";
import { compileProgram } from "./program.js";
import { type Scope, suiteScope } from "./scope.js";
import type { Waiting } from "./waiting.js";

const source = readFileSync(new URL("../../../../test/kernel/programs/tcp-traffic.c", import.meta.url), "utf8");

const addresses = { server: "10.1.0.1", client: "10.1.0.2", service: "10.96.0.7" };

/** The two namespaces' ends of a pair that goes with them; the Service's address is the server's. */
function joinNetworks(server: NetworkNamespace, client: NetworkNamespace): void {
  const link = `link add eth0 netns ${server.name} type veth peer name eth0 netns ${client.name}`;
  execFileSync("ip", link.split(" "));
  for (const [network, own] of [
    [server, [`${addresses.server}/24`, `${addresses.service}/32`]],
    [client, [`${addresses.client}/24`]],
  ] as const) {
    own.forEach((address) => network.run("ip", "address", "add", address, "dev", "eth0"));
    network.run("ip", "link", "set", "eth0", "up");
  }
  client.run("ip", "route", "add", addresses.service, "via", addresses.server);
}

/** A container of a pod, and the pod as the API shows it. */
interface Member {
  readonly id: string;
  readonly cgroup: string;
  readonly manifest: Manifest;
}

function member(name: string, owner: string, labels: Readonly<Record<string, string>> = {}): Member {
  const id = randomBytes(32).toString("hex");
  const uid = randomUUID();
  const containers = { app: `containerd://${id}` };
  return { id, cgroup: podPath(id, uid), manifest: pod(name, { namespace: "shop", uid, owner, labels, containers }) };
}

/** The two ends of a case's traffic. */
interface Pair {
  readonly server: Member;
  readonly client: Member;
}

function pair(name: string): Pair {
  return {
    server: member(`checkout-${name}-5d9f-x2x4z`, `ReplicaSet/checkout-${name}-5d9f`, { "pod-template-hash": "5d9f" }),
    client: member(`frontend-${name}-0`, `StatefulSet/frontend-${name}`),
  };
}

/** An agent under way, and what it asks. */
export interface Cluster {
  readonly api: FakeApiServer;
  /** Host and port where the agent serves. */
  readonly target: string;
}

/** What the agent is to be run with; its node is `node-1`. */
export const clusterOptions = {
  signals: ["tcp", "cgroup"],
  labels: ["comm", "namespace", "pod", "container", "workload"],
  peerLabels: ["peer_service", "peer_namespace"],
} as const;

/** The tests, for the agent that `startCluster` starts with {@link clusterOptions}, and an API server with `objects`; to be called in a suite. */
export function testCluster(startCluster: (scope: Scope, objects: FakeApiServerOptions) => Promise<Cluster>): void {
  const scope = suiteScope();
  const [named, late, orphaned] = [pair("named"), pair("late"), pair("orphaned")];
  let networks: Readonly<Record<keyof Pair, NetworkNamespace>>;
  let api: FakeApiServer;
  let prometheus: string;

  before(async () => {
    networks = { server: networkNamespace(scope), client: networkNamespace(scope) };
    joinNetworks(networks.server, networks.client);
    const started = await startCluster(scope, {
      pods: [named, orphaned].flatMap(({ server, client }) => [server.manifest, client.manifest]),
      services: [service("checkout", { namespace: "shop", ips: [addresses.service] })],
      endpointSlices: [
        endpointSlice("checkout", { checkout: [addresses.server] }, [8080], "shop"),
        endpointSlice("frontend", { frontend: [addresses.client] }, [80], "shop"),
      ],
    });
    api = started.api;
    prometheus = await startPrometheus(scope, started.target);
    await queryUntilAnswered(prometheus, "sum(ringtap_kubernetes_up) == 3");
  });

  async function start(test: Scope, which: keyof Pair, of: Pair, program: string, args: string): Promise<Waiting> {
    const { id, cgroup } = of[which];
    // What runc does not remove: the groups above its own, in each hierarchy.
    hierarchies().forEach((mount) => controlGroup(scope, mount, dirname(cgroup)));
    const network = `/run/netns/${networks[which].name}`;
    return startContainer(test, { id, program, cgroup: `/${cgroup}`, network, args: args.split(" ") });
  }

  /** Values by their labels' values and the metric's name, as Prometheus has them. */
  async function found(comm: string): Promise<Record<string, number>> {
    const names = "ringtap_tcp_(connects|accepts|sent_bytes|received_bytes)_total";
    const series = await query(prometheus, `{__name__=~"${names}",comm="${comm}"}`);
    const order = ["__name__", "namespace", "pod", "container", "workload", "result", "peer_namespace", "peer_service"];
    return Object.fromEntries(
      series.map(({ metric, value }) => {
        const text = order.map((label) => metric[label] ?? "-").join(" ");
        return [text.replace(/^ringtap_tcp_(\w+)_total/, "$1"), Number(value[1])];
      }),
    );
  }

  /** What 20 connections leave, on each of which 10 bytes come from the server and 1000 from the client. */
  function expected(name: string): Record<string, number> {
    const server = `shop checkout-${name}-5d9f-x2x4z app deployment/checkout-${name}`;
    const client = `shop frontend-${name}-0 app statefulset/frontend-${name}`;
    return {
      [`connects ${client} established shop checkout`]: 20,
      [`sent_bytes ${client} - shop checkout`]: 20_000,
      [`received_bytes ${client} - shop checkout`]: 200,
      [`accepts ${server} - - -`]: 20,
      [`sent_bytes ${server} - shop frontend`]: 200,
      [`received_bytes ${server} - shop frontend`]: 20_000,
    };
  }

  async function talk(test: Scope, of: Pair, program: string): Promise<void> {
    const server = await start(test, "server", of, program, "serve 4 8080 20 10");
    const client = await start(test, "client", of, program, `connect 4 ${addresses.service} 8080 n 20 10 1000`);
    assert.deepEqual(await client.go(), ["0 20"]);
    await server.go();
  }

  it("have their names and their peers'", async (test) => {
    await talk(test, named, compileProgram("rt-named", source, ["-static"]));
    await eventually(async () => assert.deepEqual(await found("rt-named"), expected("named")));
  });

  it("have them from when they become known, and nothing is lost or counted twice", async (test) => {
    const program = compileProgram("rt-late", source, ["-static"]);
    const server = await start(test, "server", late, program, "serve 4 8080 20 0");
    // The server is at its first connection until the client, which holds all of them, is let go.
    const args = `connect 4 ${addresses.service} 8080 bh 20 0 1000`;
    const client = await start(test, "client", late, program, args);
    const total = async (metric: string, labels: string): Promise<number> => {
      const [series] = await query(prometheus, `sum(ringtap_tcp_${metric}_total{comm="rt-late",${labels}})`);
      return Number(series?.value[1] ?? 0);
    };
    await eventually(async () => {
      assert.equal(await total("connects", 'pod=""'), 20);
      assert.equal(await total("sent_bytes", 'pod=""'), 20_000);
      assert.equal(await total("accepts", 'pod=""'), 1);
    });
    api.put("pods", late.server.manifest);
    api.put("pods", late.client.manifest);
    await queryUntilAnswered(prometheus, 'ringtap_kubernetes_objects{resource="pods"} == 6');
    await client.go();
    await server.go();
    const checkout =
      'namespace="shop",pod="checkout-late-5d9f-x2x4z",container="app",workload="deployment/checkout-late"';
    await eventually(async () => {
      assert.equal(await total("accepts", checkout), 19);
      assert.equal(await total("accepts", ""), 20);
      assert.equal(await total("connects", ""), 20);
      assert.equal(await total("sent_bytes", ""), 20_000);
      assert.equal(await total("received_bytes", ""), 20_000);
      assert((await total("received_bytes", `${checkout},peer_service="frontend"`)) > 0);
    });
  });

  it("keep them while the API server is gone", async (test) => {
    await api.down();
    await queryUntilAnswered(prometheus, "sum(ringtap_kubernetes_up) == 0");
    await talk(test, orphaned, compileProgram("rt-orphaned", source, ["-static"]));
    await eventually(async () => assert.deepEqual(await found("rt-orphaned"), expected("orphaned")));
    assert.equal((await query(prometheus, "sum(ringtap_events_dropped_total) == 0")).length, 1);
  });
}
