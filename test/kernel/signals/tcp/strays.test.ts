/** What TCP sends for no connection of a process, against the namespace's /proc/net/snmp: RetransSegs and OutRsts are sums. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { type Agent, startAgent } from "../../support/agent.js";
import { eventually } from "../../support/eventually.js";
import { type NetworkNamespace, networkNamespace } from "../../support/network.js";
import { compileProgram, programSource, runProgram } from "../../support/program.js";
import { type Samples, sum } from "../../support/samples.js";
import type { Scope } from "../../support/scope.js";
import { suiteScope } from "../../support/scope.js";
import { startWaiting, type Waiting } from "../../support/waiting.js";

/** Ports: all SYN-ACKs of one are dropped, of one the first is, on one none listens. */
const silent = 9001;
const lossy = 9002;
const closed = 9003;

const firewall = `
table inet test {
  chain input {
    type filter hook input priority 0;
    tcp sport ${silent} drop
    tcp sport ${lossy} limit rate over 1/day burst 1 packets accept
    tcp sport ${lossy} drop
  }
}`;

/** What a client does that meets lost SYN-ACKs: for tcp-attempts. */
const losses = [
  { what: "a handshake that does not complete", port: silent, begin: "poll", end: "wait" },
  { what: "a connection that is accepted later", port: lossy, begin: "poll", end: "wait" },
  { what: "one that is accepted before (TCP Fast Open)", port: lossy, begin: "sendto", end: "wait" },
  { what: "one that carries data", port: lossy, begin: "poll", end: "write" },
] as const;

/** Whose series what belongs to no process is in: the whole machine's. */
const nobody = { pid: 0, comm: "~unknown" };

describe("tcp strays", () => {
  const scope = suiteScope();
  let agent: Agent;
  let traffic: string;
  let attempts: string;
  let runs: readonly Promise<{ network: NetworkNamespace; pids: readonly number[] }>[];

  before(async () => {
    const compile = (name: string): string => compileProgram(name, programSource(name));
    traffic = compile("tcp-traffic");
    attempts = compile("tcp-attempts");
    agent = await startAgent(scope, ["--signals=tcp"]);
    runs = losses.map(async ({ port, begin, end }) => {
      const network = namespace(scope);
      // No cookie is asked for, and every listener takes data in a SYN.
      network.run("sysctl", "-qw", "net.ipv4.tcp_fastopen=0x603");
      const server = await serve(network, port);
      const client = await attempt(network, port, begin, end, 1);
      if (port === lossy) {
        await server.go();
      }
      return { network, pids: [client, server.pid] };
    });
    await Promise.all(runs);
  });

  function namespace(test: Scope): NetworkNamespace {
    const made = networkNamespace(test);
    made.run("sysctl", "-qw", "net.ipv4.tcp_syn_retries=1", "net.ipv4.tcp_synack_retries=2");
    made.run("nft", firewall);
    return made;
  }

  const serve = ({ prefix }: NetworkNamespace, port: number): Promise<Waiting> =>
    startWaiting(scope, prefix[0] ?? "", [...prefix.slice(1), traffic, "serve", "4", String(port), "1", "0"]);

  /** Runs tcp-attempts in a namespace. Returns its pid. */
  async function attempt({ prefix }: NetworkNamespace, ...args: (string | number)[]): Promise<number> {
    const all = [...prefix.slice(1), attempts, "127.0.0.1", ...args.map(String)];
    return (await runProgram(prefix[0] ?? "", all)).pid;
  }

  const retransmits = (samples: Samples, pids: readonly number[]): number[] =>
    pids.map((pid) => sum(samples, "ringtap_tcp_retransmits_total", { pid }));
  const resets = (samples: Samples, pid: number): number =>
    sum(samples, "ringtap_tcp_resets_total", { pid, direction: "sent" });

  for (const [index, { what }] of losses.entries()) {
    it(`counts SYN-ACKs that are sent again once, of ${what}`, async () => {
      const run = await runs[index];
      assert.ok(run);
      await eventually(async () => {
        const [client = 0, server = 0] = retransmits(await agent.scrape(), run.pids);
        assert.ok(server > 0);
        assert.equal(client + server, run.network.snmp("Tcp", "RetransSegs"));
      });
    });
  }

  it("counts resets of connections that were not accepted for the process that listened", async (test) => {
    const network = namespace(test);
    const pid = await attempt(network, 0, "poll", "wait-blind", 5);
    const sent = network.snmp("Tcp", "OutRsts");
    assert.equal(sent, 5);
    assert.equal(resets(await agent.scrape(), pid), sent);
  });

  it("counts resets from a port on which none listens for none", async (test) => {
    const network = namespace(test);
    const earlier = sum(await agent.scrape(), "ringtap_tcp_resets_total", nobody);
    await attempt(network, closed, "poll", "wait", 7);
    assert.equal(network.snmp("Tcp", "OutRsts"), 7);
    const later = sum(await agent.scrape(), "ringtap_tcp_resets_total", nobody);
    assert.equal(later - earlier, 7);
  });
});
