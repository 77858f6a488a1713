/**
 * The signals of the node on every kernel, in short: their counts are the kernel's own, whatever the kernel lacks. `npm run test:kernels`
 * runs this in guests; what a signal tells beside its counts, its own test asks for.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, describe, it } from "node:test";

import { type Agent, startAgent, unlimitedSeries } from "../support/agent.js";
import { cpuWaits, metricNumbers, settled, startWork } from "../support/cpu-numbers.js";
import { bytes, compareWithDisk, requests } from "../support/disk-counts.js";
import { counted, droppingNetwork } from "../support/dropping-network.js";
import { eventually } from "../support/eventually.js";
import { groupOfMemory, oomKills } from "../support/limited-groups.js";
import { loopDevice } from "../support/loop-device.js";
import { networkNamespace } from "../support/network.js";
import { compileProgram } from "../support/program.js";
import { labelled, type Samples, sum } from "../support/samples.js";
import { suiteScope } from "../support/scope.js";
import { startSteps } from "../support/steps.js";
import { startWaiting } from "../support/waiting.js";

function compile(comm: string, source: string): string {
  const url = new URL(`../../../../test/kernel/programs/${source}.c`, import.meta.url);
  return compileProgram(comm, readFileSync(url, "utf8"));
}

/** Does the agent say that a detail is missing on this kernel? */
function lacks(samples: Samples, detail: string): boolean {
  return labelled(samples, "ringtap_signal_info").some(([{ without = "" }]) => without.includes(detail));
}

describe("counts of what the kernel does", () => {
  const scope = suiteScope();
  let agent: Agent;

  before(async () => {
    agent = await startAgent(scope, ["--signals=block,drop,udp,sched,memory", ...unlimitedSeries]);
  });

  it("to disks are those of the disk's statistics", async (t) => {
    const disk = loopDevice(t, 16 << 20);
    const assertEqual = await compareWithDisk(agent, disk);
    const waiting = await startWaiting(t, compile("rt-block", "block-io"), [disk.path, "20", "10", "3", "0", "1"]);
    assert.deepEqual(await waiting.go(), ["0"]);
    const samples = await assertEqual();
    const isKnown = !lacks(samples, "the process that issued a request");
    const reads = { device: disk.name, operation: "read", comm: isKnown ? "rt-block" : "~unknown" };
    assert(requests(samples, reads) >= 20);
    assert(bytes(samples, reads) >= 20 * 4096);
    if (isKnown) {
      assert.equal(requests(samples, { ...reads, pid: waiting.pid }), 20);
    }
  });

  it("with packets that are dropped are those of an nft counter", async (t) => {
    const network = droppingNetwork(t);
    const [file, ...rest] = ["ip", ...network.prefix.slice(1), compile("rt-drop", "datagrams"), "4"];
    const traffic = startSteps(t, file, rest);
    await traffic.step("to7001 40");
    await traffic.step("to7002 30");
    const samples = await agent.scrape();
    assert.deepEqual([counted(network, "come"), counted(network, "sent")], [40, 30]);
    const own = { protocol: "ipv4", pid: traffic.pid, comm: "rt-drop" };
    assert.equal(sum(samples, "ringtap_drop_packets_total", own), 30);
    // No one owns these, and others may drop packets meanwhile.
    assert(sum(samples, "ringtap_drop_packets_total", { protocol: "ipv4", comm: "~unknown" }) >= 40);
  });

  it("with datagrams are those of /proc/net/snmp", async (t) => {
    const network = networkNamespace(t);
    const [file, ...rest] = ["ip", ...network.prefix.slice(1), compile("rt-udp", "datagrams"), "4"];
    const traffic = startSteps(t, file, rest);
    for (const step of ["write 50", "sendmmsg 20", "refused 3", "full 400"]) {
      await traffic.step(step);
    }
    const samples = await agent.scrape();
    const of = (metric: string, labels: Readonly<Record<string, string>>): number =>
      sum(samples, `ringtap_udp_${metric}_total`, { comm: "rt-udp", pid: traffic.pid, ...labels });
    const isSeen = !lacks(samples, "datagrams sent");
    assert.deepEqual(
      ["sent", "received"].map((direction) => of("datagrams", { direction })),
      isSeen ? ["OutDatagrams", "InDatagrams"].map((name) => network.snmp("Udp", name)) : [0, 0],
    );
    assert.equal(of("errors", {}), isSeen ? 3 : 0);
    assert.equal(of("receive_queue_drops", {}), network.snmp("Udp", "RcvbufErrors"));
    assert(network.snmp("Udp", "RcvbufErrors") > 300);
  });

  it("with memory are those of the group's events", async (t) => {
    const group = groupOfMemory(t, "9".repeat(64), 8);
    const hog = compile("rt-hog-starter", "memory-hog");
    const waiting = await startWaiting(t, hog, ["kills", "5", "64", `${group.folder}/cgroup.procs`]);
    assert.deepEqual(await waiting.go(), ["5"]);
    const samples = await agent.scrape();
    assert.equal(oomKills(group), 5);
    const kills = sum(samples, "ringtap_memory_oom_kills_total", { comm: "rt-hog", scope: "group" });
    assert.equal(kills, lacks(samples, "processes killed for want of memory") ? 0 : 5);
  });

  it("with CPUs are those of schedstat", async (t) => {
    const { child, done } = startWork(t, cpuWaits(), "waits", "3", "10", "pinned");
    await done;
    const pid = child.pid ?? 0;
    const expected = await settled(pid);
    assert.deepEqual(metricNumbers(await agent.scrape(), { pid }), expected);
  });

  it("are complete: produced = consumed + dropped", async () => {
    // Others may do something between the last read of a ring and of the event counts.
    await eventually(async () => {
      const samples = await agent.scrape();
      for (const signal of ["block", "drop", "udp", "memory", "sched"]) {
        const events = (what: string): number => sum(samples, `ringtap_events_${what}_total`, { signal });
        assert.deepEqual([events("produced") - events("consumed"), events("dropped")], [0, 0], signal);
      }
    });
  });
});
