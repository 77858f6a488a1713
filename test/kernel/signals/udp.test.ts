/** udp against the network namespace's own statistics, /proc/net/snmp and snmp6. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { hasCompatCallers } from "../../../src/host/compat-callers.js";
import { type Agent, startAgent, unlimitedSeries } from "../support/agent.js";
import { eventually } from "../support/eventually.js";
import { type NetworkNamespace, networkNamespace } from "../support/network.js";
import { compileProgram, programSource } from "../support/program.js";
import { type Samples, sum } from "../support/samples.js";
import { suiteScope } from "../support/scope.js";
import { type Steps, startSteps } from "../support/steps.js";
import { startTrace } from "../support/trace.js";

const source = programSource("datagrams");
const program = compileProgram("rt-udp", source);

/** The counters of both: their names end alike. */
function counterOf(network: NetworkNamespace, family: string): (name: string) => number {
  if (family === "ipv4") {
    return (name) => network.snmp("Udp", name);
  }
  return (name) => {
    const text = network.run("cat", "/proc/net/snmp6");
    return Number(new RegExp(`^Udp6${name}\\s+(\\d+)$`, "m").exec(text)?.[1]);
  };
}

/** `ip netns exec` ends in the program itself, with the same pid. */
function startIn(t: Parameters<typeof startSteps>[0], network: NetworkNamespace, family: string): Steps {
  const [file, ...rest] = ["ip", ...network.prefix.slice(1), program, family === "ipv6" ? "6" : "4"];
  return startSteps(t, file, rest);
}

describe("UDP datagrams", () => {
  const scope = suiteScope();
  let running: Promise<Agent> | undefined;
  const started = (): Promise<Agent> => (running ??= startAgent(scope, ["--signals=udp", ...unlimitedSeries]));

  for (const family of ["ipv4", "ipv6"]) {
    it(`are those of the namespace's statistics, ${family}`, async (t) => {
      const agent = await started();
      const network = networkNamespace(t);
      const traffic = startIn(t, network, family);
      const said: Record<string, string> = {};
      for (const [step, count] of [
        ["write", 50],
        ["sendmmsg", 20],
        ["uring", 6],
        ["more", 10],
        ["empty", 5],
        ["segments", 4],
        ["refused", 3],
        ["full", 400],
      ] as const) {
        said[step] = await traffic.step(`${step} ${count}`);
      }
      const samples = await agent.scrape();
      assert.deepEqual(said, {
        write: "50 50",
        sendmmsg: "20 20",
        uring: "6 6",
        more: "10 10",
        empty: "5 5",
        segments: "4 40",
        refused: "3 0",
        full: "400 0",
      });
      const snmp = counterOf(network, family);
      const own = { pid: traffic.pid, comm: "rt-udp", family };
      const counted = (metric: string, labels = {}): number =>
        sum(samples, `ringtap_udp_${metric}_total`, { ...own, ...labels });
      assert.deepEqual(
        {
          InDatagrams: counted("datagrams", { direction: "received" }),
          OutDatagrams: counted("datagrams", { direction: "sent" }),
          RcvbufErrors: counted("receive_queue_drops", { error: "ENOMEM" }),
        },
        Object.fromEntries(["InDatagrams", "OutDatagrams", "RcvbufErrors"].map((name) => [name, snmp(name)])),
      );
      assert(snmp("RcvbufErrors") > 300);
      const sentBytes = (50 + 20 + 6 + 10 + 4 * 10 + 3 + 400) * 100;
      assert.equal(counted("bytes", { direction: "sent" }), sentBytes);
      assert.equal(counted("bytes", { direction: "received" }), (50 + 20 + 6 + 10 + 4 * 10) * 100);
      assert.equal(counted("errors"), counted("errors", { direction: "sent", error: "ECONNREFUSED" }));
      assert.equal(counted("errors"), 3);
      const events = (what: string): number => sum(samples, `ringtap_events_${what}_total`, { signal: "udp" });
      assert.deepEqual([events("produced") - events("consumed"), events("dropped")], [0, 0]);
    });
  }

  for (const family of ["ipv4", "ipv6"]) {
    it(`are those too that setsockopt and sendfile complete, where that is asked for, ${family}`, async (t) => {
      const agent = await startAgent(t, ["--signals=udp", "--udp.corked", ...unlimitedSeries]);
      const network = networkNamespace(t);
      const traffic = startIn(t, network, family);
      const narrow = process.arch === "x64" && hasCompatCallers() ? ["cork32 7", "corksocketcall 3"] : [];
      // Of IPv6 the end of sendfile(2) completes nothing, as Linux 6.18 has it.
      const sendfile = family === "ipv4" ? ["sendfile 6"] : [];
      const steps = ["write 10", "cork 20", ...narrow, "more 4", "unsent 5", "cork 1", ...sendfile, "write 2"];
      const count = (step: string): number => Number(step.split(" ")[1]);
      for (const step of steps) {
        const said = step.startsWith("unsent") ? "0 0" : `${count(step)} ${count(step)}`;
        assert.deepEqual([step, await traffic.step(step)], [step, said]);
      }
      const samples = await agent.scrape();
      const snmp = counterOf(network, family);
      const own = { pid: traffic.pid, family };
      const counted = (metric: string, direction: string): number =>
        sum(samples, `ringtap_udp_${metric}_total`, { ...own, direction });
      assert.deepEqual(
        [counted("datagrams", "sent"), counted("datagrams", "received")],
        [snmp("OutDatagrams"), snmp("InDatagrams")],
      );
      const all = steps.reduce((total, step) => total + count(step), 0);
      assert.deepEqual([counted("bytes", "sent"), counted("bytes", "received")], [all * 100, (all - 5) * 100]);
      const events = (what: string): number => sum(samples, `ringtap_events_${what}_total`, { signal: "udp" });
      assert.deepEqual([events("produced") - events("consumed"), events("dropped")], [0, 0]);
    });
  }

  it("that were dropped count for the socket's control group when no process has it any more", async (t) => {
    const agent = await started();
    const network = networkNamespace(t);
    const total = (samples: Samples): number =>
      sum(samples, "ringtap_udp_receive_queue_drops_total", { pid: "0", comm: "~unknown", family: "ipv4" });
    const before = total(await agent.scrape());
    const traffic = startIn(t, network, "ipv4");
    await traffic.step("full 200");
    await traffic.end();
    const drops = network.snmp("Udp", "RcvbufErrors");
    const samples = await agent.scrape();
    const named = sum(samples, "ringtap_udp_receive_queue_drops_total", { pid: traffic.pid });
    // Those that a reading of the second's turn has found earlier have their process.
    assert.equal(total(samples) - before + named, drops);
    assert(drops > 100);
  });

  it("to more peers than there are lines count for ~other of their process, all of them", async (t) => {
    const agent = await startAgent(t, ["--signals=udp", "--peer.labels=peer_service", "--udp.counts-limit=1"]);
    const network = networkNamespace(t);
    const traffic = startIn(t, network, "ipv4");
    assert.equal(await traffic.step("spread 200"), "200 0");
    assert.equal(await traffic.step("spread 200"), "200 0");
    const samples = await agent.scrape();
    const sent = (labels: Record<string, string>): number =>
      sum(samples, "ringtap_udp_datagrams_total", { pid: traffic.pid, direction: "sent", ...labels });
    const [loopback, other] = [sent({ peer_service: "~loopback" }), sent({ peer_service: "~other" })];
    assert.equal(loopback + other, network.snmp("Udp", "OutDatagrams"));
    assert(loopback > 0 && other > 300, `${loopback} + ${other}`);
  });

  it("are shown by trace when they fail", async (t) => {
    const network = networkNamespace(t);
    const trace = await startTrace(t, ["udp", "--output=json", "--where", "local_port!=53"]);
    const traffic = startIn(t, network, "ipv4");
    await traffic.step("write 10");
    await traffic.step("refused 4");
    await traffic.step("full 200");
    const drops = network.snmp("Udp", "RcvbufErrors");
    await eventually(() => {
      const of = (event: string, port: string, number: number): number =>
        trace.events().filter((record) => record.event === event && record[port] === number).length;
      assert.deepEqual([of("send_failed", "remote_port", 7102), of("queue_full", "local_port", 7101)], [4, drops]);
    });
    const [failed] = trace.events().filter(({ event }) => event === "send_failed");
    assert.deepEqual(
      [failed?.signal, failed?.pid, failed?.comm, failed?.error],
      ["udp", traffic.pid, "rt-udp", "ECONNREFUSED"],
    );
  });
});
