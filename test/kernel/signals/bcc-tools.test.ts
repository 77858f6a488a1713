/** sched, block and memory beside bcc's tools for the same (Debian's libbpf-tools), which watch at the same time: runqlat, biolatency, oomkill. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { describe, it } from "node:test";

import { startAgent, unlimitedSeries } from "../support/agent.js";
import { cpuWaits, metricNumbers, settled, startWork } from "../support/cpu-numbers.js";
import { compareWithDisk, requests } from "../support/disk-counts.js";
import { eventually } from "../support/eventually.js";
import { groupOfMemory } from "../support/limited-groups.js";
import { loopDevice } from "../support/loop-device.js";
import { compileProgram, programSource } from "../support/program.js";
import { type Samples, sum } from "../support/samples.js";
import type { Scope } from "../support/scope.js";
import { startWaiting } from "../support/waiting.js";

/** Starts one of the tools; resolves, once it has said that it watches, to a function that ends it and resolves to what it printed. */
async function startTool(scope: Scope, name: string, ...args: readonly string[]): Promise<() => Promise<string>> {
  const tool = spawn("stdbuf", ["-oL", name, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  scope.after(() => tool.kill("SIGKILL"));
  const closed = once(tool, "close");
  let printed = "";
  tool.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
  await eventually(() => assert.match(printed, /^Trac/));
  return async () => {
    tool.kill("SIGINT");
    await closed;
    return printed;
  };
}

/** The number of events in a histogram of one of the tools: the sum of its lines, such as `  4 -> 7   : 12   |***  |`. */
function eventsOf(histogram: string): number {
  return Array.from(histogram.matchAll(/^ *\d+ -> \d+ *: (\d+)/gm), ([, count]) => Number(count)).reduce(
    (total, count) => total + count,
    0,
  );
}

describe("bcc's tools", () => {
  it("runqlat has as many waits for a CPU of a busy process", async (t) => {
    const agent = await startAgent(t, ["--signals=sched", ...unlimitedSeries]);
    const end = await startTool(t, "runqlat", "-P");
    const works = [1, 2].map(() => startWork(t, cpuWaits(), "waits", "2", "80", "pinned"));
    await Promise.all(works.map(({ done }) => done));
    const pids = works.map(({ child }) => child.pid ?? 0);
    await Promise.all(pids.map(settled));
    const printed = await end();
    const samples = await agent.scrape();
    for (const pid of pids) {
      const [, histogram = ""] = new RegExp(`^pid = ${pid} .*\\n((?: +.*\\n)+)`, "m").exec(printed) ?? [];
      const { waits } = metricNumbers(samples, { pid });
      // A thread that is preempted on its way to sleep waits too; to runqlat it sleeps already (its state is no longer TASK_RUNNING).
      const missed = waits - eventsOf(histogram);
      assert(missed >= 0 && missed <= waits / 100, `${missed} of ${waits}: ${histogram}`);
      assert(waits > 150, `${waits}`);
    }
  });

  it("biolatency has as many requests of a disk, but for flushes, which it does not see", async (t) => {
    const agent = await startAgent(t, ["--signals=block", ...unlimitedSeries]);
    const disk = loopDevice(t, 16 << 20);
    const assertEqual = await compareWithDisk(agent, disk);
    const of = (samples: Samples): number =>
      requests(samples, { device: disk.name }) - requests(samples, { device: disk.name, operation: "flush" });
    const before = of(await agent.scrape());
    const end = await startTool(t, "biolatency", "-d", disk.name);
    const program = compileProgram("rt-biolatency", programSource("block-io"));
    const waiting = await startWaiting(t, program, [disk.path, "300", "200", "7", "0", "0"]);
    assert.deepEqual(await waiting.go(), ["0"]);
    const samples = await assertEqual();
    const counted = of(samples) - before;
    assert.equal(eventsOf(await end()), counted);
    assert(counted > 400, `${counted}`);
  });

  it("oomkill has the same victims", async (t) => {
    // It needs a kprobe, which not every kernel has: that of the test's guests does.
    if (!existsSync("/sys/bus/event_source/devices/kprobe")) {
      t.skip("this kernel has no kprobes; guests of scripts/vm/vmtest have");
      return;
    }
    const agent = await startAgent(t, ["--signals=memory", "--labels=comm,pid", ...unlimitedSeries]);
    const end = await startTool(t, "oomkill");
    const group = groupOfMemory(t, "c".repeat(64), 8);
    const program = compileProgram("rt-hog-starter", programSource("memory-hog"));
    const waiting = await startWaiting(t, program, ["kills", "20", "64", `${group.folder}/cgroup.procs`]);
    assert.deepEqual(await waiting.go(), ["20"]);
    const samples = await agent.scrape();
    const victims = Array.from((await end()).matchAll(/OOM kill of PID (\d+) \("rt-hog"\)/g), ([, pid]) => pid);
    assert.equal(victims.length, 20);
    for (const pid of victims) {
      assert.equal(sum(samples, "ringtap_memory_oom_kills_total", { comm: "rt-hog", pid: pid ?? "" }), 1, pid);
    }
  });
});
