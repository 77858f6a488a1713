/** drop against the counters of nft rules, and nstat, in network namespaces of its own. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { type Agent, startAgent, unlimitedSeries } from "../support/agent.js";
import { eventually } from "../support/eventually.js";
import { counted, droppingNetwork } from "../support/dropping-network.js";
import { type NetworkNamespace, networkNamespace } from "../support/network.js";
import { compileProgram, programSource } from "../support/program.js";
import { type Samples, sum } from "../support/samples.js";
import { type Scope, suiteScope } from "../support/scope.js";
import { type Steps, startSteps } from "../support/steps.js";
import { startTrace } from "../support/trace.js";

const source = programSource("datagrams");
const program = compileProgram("rt-drop", source);

function startIn(scope: Scope, network: NetworkNamespace, family = "4"): Steps {
  const [file, ...rest] = ["ip", ...network.prefix.slice(1), program, family];
  return startSteps(scope, file, rest);
}

function dropped(samples: Samples, labels: Readonly<Record<string, string | number>>): number {
  return sum(samples, "ringtap_drop_packets_total", labels);
}

describe("dropped packets", () => {
  const scope = suiteScope();
  let running: Promise<Agent> | undefined;
  const started = (): Promise<Agent> => (running ??= startAgent(scope, ["--signals=drop", ...unlimitedSeries]));

  for (const [family, protocol] of [
    ["4", "ipv4"],
    ["6", "ipv6"],
  ] as const) {
    it(`are as many as nft counts, by the kernel's reason and the socket that sent them, ${protocol}`, async (t) => {
      const agent = await started();
      const network = droppingNetwork(t);
      const rule = { protocol, reason: "NETFILTER_DROP" };
      const before = await agent.scrape();
      const traffic = startIn(t, network, family);
      await traffic.step("to7001 40");
      await traffic.step("to7002 30");
      const samples = await agent.scrape();
      assert.deepEqual([counted(network, "come"), counted(network, "sent")], [40, 30]);
      assert.equal(dropped(samples, { ...rule, pid: traffic.pid, comm: "rt-drop" }), counted(network, "sent"));
      // The loopback device has taken the packet from its sender, and no socket has got it yet.
      const unowned = { ...rule, pid: 0, comm: "~unknown" };
      assert.equal(dropped(samples, unowned) - dropped(before, unowned), counted(network, "come"));
      const events = (what: string): number => sum(samples, `ringtap_events_${what}_total`, { signal: "drop" });
      assert.deepEqual([events("produced") - events("consumed"), events("dropped")], [0, 0]);
    });
  }

  it("that do not fit into a socket's queue count for the process that holds it", async (t) => {
    const agent = await started();
    const network = networkNamespace(t);
    const traffic = startIn(t, network);
    await traffic.step("full 300");
    const samples = await agent.scrape();
    const own = { pid: traffic.pid, comm: "rt-drop", protocol: "ipv4" };
    assert.equal(dropped(samples, { ...own, reason: "SOCKET_RCVBUFF" }), network.snmp("Udp", "RcvbufErrors"));
    assert(network.snmp("Udp", "RcvbufErrors") > 200);
  });

  it("of listening sockets are those of nstat", async (t) => {
    const agent = await started();
    const network = networkNamespace(t);
    const traffic = startIn(t, network);
    await traffic.step("listen 1");
    await traffic.step("connect 8");
    const listenDrops = (): number =>
      Number(/TcpExtListenDrops\s+(\d+)/.exec(network.run("nstat", "-asz", "TcpExtListenDrops"))?.[1]);
    await eventually(async () => {
      // SYNs are sent again, and dropped again.
      const before = listenDrops();
      const samples = await agent.scrape();
      assert.equal(listenDrops(), before);
      assert.equal(sum(samples, "ringtap_drop_connections_total", { pid: traffic.pid, comm: "rt-drop" }), before);
      assert(before >= 6, `${before} dropped`);
    });
  });

  it("are shown by trace with their ends", async (t) => {
    const network = networkNamespace(t);
    const trace = await startTrace(t, ["drop", "--output=json", "--where", "dport=7003"]);
    await startIn(t, network).step("to7003 25");
    await startIn(t, network, "6").step("to7003 15");
    const events = await eventually(() => {
      assert.equal(trace.events().length, 40);
      return trace.events();
    });
    const ends = events.map(({ reason, protocol, source_address, destination_address, device }) =>
      [reason, protocol, source_address, destination_address, device].join(" "),
    );
    assert.deepEqual([...new Set(ends)].sort(), ["NO_SOCKET ipv4 127.0.0.1 127.0.0.1 lo", "NO_SOCKET ipv6 ::1 ::1 lo"]);
  });
});
