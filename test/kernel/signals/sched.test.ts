/** sched against the kernel's own numbers: schedstat of each thread, stat, rusage of what has ended, cpu.stat of a group with a limit. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";

import { type Agent, startAgent, unlimitedSeries } from "../support/agent.js";
import { controlGroup, hierarchy, podPath } from "../support/cgroups.js";
import { eventually } from "../support/eventually.js";
import { cpuWaits, metricNumbers, settled, startWork } from "../support/cpu-numbers.js";
import { groupOfCpu, isUnified } from "../support/limited-groups.js";
import { assertPressure } from "../support/pressure.js";
import { runProgram } from "../support/program.js";
import { sum } from "../support/samples.js";
import { lastFirst, suiteScope } from "../support/scope.js";
import { startTrace } from "../support/trace.js";

const program = cpuWaits();

describe("sched", () => {
  const scope = suiteScope();
  let running: Promise<Agent> | undefined;
  const started = (): Promise<Agent> => (running ??= startAgent(scope, ["--signals=sched", ...unlimitedSeries]));

  for (const [how, name] of [
    ["pinned", "on one CPU"],
    ["free", "on any CPU, from one to another"],
  ] as const) {
    it(`has the delays, CPU time, switches and faults of busy processes ${name} as the kernel has them`, async (t) => {
      const agent = await started();
      const works = ["1", "3"].map((threads) => startWork(t, program, "waits", threads, "60", how));
      await setTimeout(100);
      // A scrape in the middle, so that numbers are differences.
      await agent.scrape();
      await Promise.all(works.map(({ done }) => done));
      for (const { child } of works) {
        const pid = child.pid ?? 0;
        const expected = await settled(pid);
        assert.deepEqual(metricNumbers(await agent.scrape(), { pid }), expected);
        assert(expected.waits > 60 && expected.delay > 50e6 && expected.runTime > 150e6, JSON.stringify(expected));
      }
    });
  }

  it("has what ended processes used as their parents have it, whatever way they ended", async () => {
    const agent = await started();
    const { stdout } = await runProgram(program, ["ends", "80"]);
    const [user = 0, system = 0, ...counts] = stdout.trimEnd().split("\n").map(Number);
    await eventually(async () => {
      const { runTime, voluntary, involuntary, minor, major } = metricNumbers(await agent.scrape(), {
        comm: "rt-cpu-ends",
      });
      assert.deepEqual([voluntary, involuntary, minor, major], counts);
      // Each of the 160 times of rusage is cut to whole microseconds.
      const cut = runTime / 1e3 - (user + system);
      assert(cut >= 0 && cut <= 160, `${runTime} ns, ${user} + ${system} µs`);
    });
    // How both are divided is a matter of ticks.
    assert(user + system > 80 * 2_000);
  });

  it("loses no event", async () => {
    const agent = await started();
    await eventually(async () => {
      const samples = await agent.scrape();
      const events = (what: string): number => sum(samples, `ringtap_events_${what}_total`, { signal: "sched" });
      assert.equal(events("consumed") + events("dropped"), events("produced"));
      assert.equal(events("dropped"), 0);
      assert(events("consumed") > 1_000);
    });
  });

  it("has the throttling of a container as cpu.stat has it", async (t) => {
    const id = "5".repeat(64);
    const path = podPath(id);
    const own = lastFirst(t);
    const limited = groupOfCpu(own, path);
    const agent = await startAgent(own, ["--signals=sched", "--labels=container_id,comm", ...unlimitedSeries]);
    // Its first scan of the groups is behind it.
    await agent.scrape();
    const work = startWork(own, program, "burn", "300");
    limited.enter(work.child.pid ?? 0);
    if (!isUnified) {
      controlGroup(own, hierarchy("pids"), path).enter(work.child.pid ?? 0);
    }
    await work.done;
    const stat = (): number[] => {
      const lines = new Map(
        readFileSync(`${limited.folder}/cpu.stat`, "utf8")
          .trimEnd()
          .split("\n")
          .map((line) => line.split(" ") as [string, string]),
      );
      const throttled = isUnified
        ? Number(lines.get("throttled_usec"))
        : Math.floor(Number(lines.get("throttled_time")) / 1e3);
      return [Number(lines.get("nr_periods")), Number(lines.get("nr_throttled")), throttled];
    };
    await eventually(async () => {
      const before = stat();
      const samples = await agent.scrape();
      const of = (name: string): number =>
        sum(samples, `ringtap_sched_${name}_total`, { container_id: id.slice(0, 12) });
      const found = [of("limit_periods"), of("throttled_periods"), Math.floor(of("throttled_seconds") * 1e6 + 1e-3)];
      assert.deepEqual(found, before);
      assert((found[1] ?? 0) >= 5 && (found[2] ?? 0) > 100_000, found.join(" "));
    });
    work.child.kill("SIGKILL");
    await once(work.child, "close");
  });

  it("has the pressure of a container as cpu.pressure has it", async (t) => {
    if (!isUnified) {
      t.skip("version 1 of control groups has no pressure; guests of scripts/vm/vmtest have version 2");
      return;
    }
    const id = "6".repeat(64);
    const own = lastFirst(t);
    const limited = groupOfCpu(own, podPath(id));
    const agent = await startAgent(own, ["--signals=sched", "--labels=container_id,comm", ...unlimitedSeries]);
    await agent.scrape();
    const works = ["1", "200", "200"].map((milliseconds) => startWork(own, program, "burn", milliseconds));
    works.forEach(({ child }) => limited.enter(child.pid ?? 0));
    await Promise.all(works.map(({ done }) => done));
    await assertPressure(agent, "sched", limited, id, 100_000);
    for (const { child } of works) {
      child.kill("SIGKILL");
      await once(child, "close");
    }
  });

  it("shows waits that are long enough, and who had the CPU", async (t) => {
    const trace = await startTrace(t, [
      "sched",
      "--output=json",
      "--sched.min-delay=500us",
      "--comm=rt-cpu-waits",
      "--where",
      // Before they are pinned, they may wait for each other on another CPU.
      "delay>1ms previous_comm=rt-cpu-waits cpu=0",
    ]);
    const works = [1, 2].map(() => startWork(t, program, "waits", "1", "60", "pinned"));
    await Promise.all(works.map(({ done }) => done));
    const threads = works.flatMap(({ child }) => readdirSync(`/proc/${child.pid}/task`).map(Number));
    const events = await eventually(() => {
      const found = trace.events();
      assert(found.length > 5);
      return found;
    });
    for (const { signal, event, tid, previous_tid, duration_seconds, cpu } of events) {
      assert.deepEqual([signal, event, cpu], ["sched", "delay", 0]);
      assert(threads.includes(Number(tid)) && threads.includes(Number(previous_tid)) && tid !== previous_tid);
      assert(Number(duration_seconds) > 1e-3 && Number(duration_seconds) < 5);
    }
  });
});
