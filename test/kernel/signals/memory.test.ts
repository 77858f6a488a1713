/** memory against groups that are too small: each child that SIGKILL ended, memory.events, and what is read again and again. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";

import { type Agent, startAgent, unlimitedSeries } from "../support/agent.js";
import { eventually } from "../support/eventually.js";
import { traceKernel } from "../support/kernel-tracing.js";
import { groupOfMemory, groupOfMemoryWithin, isUnified, oomKills } from "../support/limited-groups.js";
import { onDisk } from "../support/on-disk.js";
import { assertPressure } from "../support/pressure.js";
import { compileProgram, programSource } from "../support/program.js";
import { sum } from "../support/samples.js";
import { lastFirst, suiteScope } from "../support/scope.js";
import { startTrace } from "../support/trace.js";
import { startWaiting } from "../support/waiting.js";

const source = programSource("memory-hog");
const program = compileProgram("rt-hog-starter", source);

describe("memory", () => {
  const scope = suiteScope();
  let running: Promise<Agent> | undefined;
  const started = (): Promise<Agent> =>
    (running ??= startAgent(scope, [
      "--signals=memory",
      "--memory.page-cache",
      "--labels=comm,container_id",
      "--cgroup.hierarchy=" + (isUnified ? "unified" : "memory"),
      ...unlimitedSeries,
    ]));

  it("has each process that is killed because its group is full, once", async (t) => {
    const agent = await started();
    const id = "6".repeat(64);
    const group = groupOfMemory(t, id, 8);
    const waiting = await startWaiting(t, program, ["kills", "100", "64", `${group.folder}/cgroup.procs`]);
    const [killed] = await waiting.go();
    assert.equal(killed, "100");
    const samples = await agent.scrape();
    const container = { container_id: id.slice(0, 12) };
    const kills = (labels: Readonly<Record<string, string>>): number =>
      sum(samples, "ringtap_memory_oom_kills_total", labels);
    assert.equal(oomKills(group), 100);
    assert.equal(kills({ comm: "rt-hog", ...container, scope: "group" }), 100);
    assert.equal(kills({ comm: "rt-hog" }), 100);
    const events = (what: string): number =>
      sum(samples, `ringtap_events_${what}_total`, { signal: "memory", reason: "ring_full" });
    assert.equal(events("dropped"), 0);
  });

  it("has those of a container whose pod is full, by the container", async (t) => {
    const agent = await started();
    const id = "a".repeat(64);
    const group = groupOfMemoryWithin(t, id, 8);
    const trace = await startTrace(t, ["memory", "--output=json", "--where", "event=oom_kill comm=rt-hog"]);
    const waiting = await startWaiting(t, program, ["kills", "5", "64", `${group.folder}/cgroup.procs`]);
    assert.deepEqual(await waiting.go(), ["5"]);
    const samples = await agent.scrape();
    const kills = { comm: "rt-hog", container_id: id.slice(0, 12) };
    assert.equal(oomKills(group), 5);
    assert.equal(sum(samples, "ringtap_memory_oom_kills_total", { ...kills, scope: "group" }), 5);
    assert.equal(sum(samples, "ringtap_memory_oom_kills_total", kills), 5);
    await eventually(() => {
      const limits = trace.events().map(({ limit_bytes }) => limit_bytes);
      assert.deepEqual(limits, Array<number>(5).fill(8 * 2 ** 20));
    });
  });

  it("has all of a group that is killed as one, memory.oom.group", async (t) => {
    if (!isUnified) {
      t.skip("version 1 of control groups has no such thing; guests of scripts/vm/vmtest have version 2");
      return;
    }
    const agent = await started();
    const id = "b".repeat(64);
    const group = groupOfMemory(t, id, 16);
    writeFileSync(`${group.folder}/memory.oom.group`, "1");
    const waiting = await startWaiting(t, program, ["together", "6", "64", `${group.folder}/cgroup.procs`]);
    assert.deepEqual(await waiting.go(), ["6"]);
    const samples = await agent.scrape();
    const kills = { comm: "rt-hog", container_id: id.slice(0, 12) };
    assert.equal(sum(samples, "ringtap_memory_oom_kills_total", { ...kills, scope: "group" }), 6);
    assert.equal(sum(samples, "ringtap_memory_oom_kills_total", kills), 6);
    // oom_kill_process() of mm/oom_kill.c kills its victim, then all of the group, among which the victim may still be.
    assert([6, 7].includes(oomKills(group)), `${oomKills(group)} in memory.events`);
  });

  it("has what memory.events has, while there is a process", async (t) => {
    const agent = await started();
    const own = lastFirst(t);
    const id = "7".repeat(64);
    const group = groupOfMemory(own, id, 8);
    const sleeper = await startWaiting(own, program, ["kills", "0", "0", `${group.folder}/cgroup.procs`]);
    group.enter(sleeper.pid);
    const waiting = await startWaiting(t, program, ["kills", "7", "64", `${group.folder}/cgroup.procs`]);
    await waiting.go();
    const samples = await agent.scrape();
    const of = (event: string): number =>
      sum(samples, "ringtap_memory_group_events_total", { container_id: id.slice(0, 12), event });
    assert.equal(of("oom_kill"), oomKills(group));
    assert.equal(of("oom_kill"), 7);
    if (isUnified) {
      const text = readFileSync(`${group.folder}/memory.events`, "utf8");
      for (const event of ["low", "high", "max", "oom"]) {
        assert.equal(of(event), Number(new RegExp(`^${event} (\\d+)$`, "m").exec(text)?.[1]), event);
      }
    }
    await sleeper.go();
  });

  it("counts each time that a process has to free memory, as often as the kernel's own tracing", async (t) => {
    const agent = await started();
    const own = lastFirst(t);
    const id = "8".repeat(64);
    const group = groupOfMemory(own, id, 16);
    const file = onDisk(own, "many-pages");
    const procs = `${group.folder}/cgroup.procs`;
    const sleeper = await startWaiting(own, program, ["kills", "0", "0", procs]);
    group.enter(sleeper.pid);
    const waiting = await startWaiting(t, program, ["writes", "96", file, procs]);
    const reclaims = traceKernel(own, "vmscan/mm_vmscan_memcg_reclaim_begin");
    await waiting.go();
    const samples = await agent.scrape();
    const labels = { container_id: id.slice(0, 12), kind: "memcg" };
    const stalls = sum(samples, "ringtap_memory_reclaim_stall_seconds_count", labels);
    const seconds = sum(samples, "ringtap_memory_reclaim_stall_seconds_sum", labels);
    assert.equal(stalls, reclaims(waiting.pid));
    // try_charge_memcg() of mm/memcontrol.c raises the event before each reclaim, and for what may not wait and is taken nonetheless.
    const full = sum(samples, "ringtap_memory_group_events_total", { container_id: id.slice(0, 12), event: "max" });
    assert(full >= stalls, `${full} times full, ${stalls} stalls`);
    assert(stalls > 20 && seconds > 0 && seconds < 60, `${stalls} stalls, ${seconds} s`);
    if (isUnified) {
      await assertPressure(agent, "memory", group, id, 0);
    }
    await sleeper.go();
  });

  it("counts the pages of a file that come into the page cache, and go from it", async (t) => {
    const agent = await started();
    const file = onDisk(t, "cached");
    const waiting = await startWaiting(t, program, ["reads", "5", file, "3"]);
    const [added = 0, removed = 0] = (await waiting.go()).map(Number);
    const samples = await agent.scrape();
    const bytes = (change: string): number =>
      sum(samples, "ringtap_memory_page_cache_bytes_total", { comm: "rt-reads", change });
    assert.deepEqual([bytes("added"), bytes("removed")], [added, removed]);
    assert.deepEqual([added, removed], [3 * 5 * 2 ** 20, 3 * 5 * 2 ** 20]);
  });

  it("shows kills, and who wanted memory", async (t) => {
    const group = groupOfMemory(t, "9".repeat(64), 8);
    const trace = await startTrace(t, ["memory", "--output=json", "--where", "event=oom_kill"]);
    const waiting = await startWaiting(t, program, ["kills", "3", "64", `${group.folder}/cgroup.procs`]);
    await waiting.go();
    const events = await eventually(() => {
      const found = trace.events().filter(({ comm }) => comm === "rt-hog");
      assert.equal(found.length, 3);
      return found;
    });
    for (const { signal, scope, limit_bytes, resident_bytes, trigger_comm } of events) {
      assert.deepEqual([signal, scope, limit_bytes, trigger_comm], ["memory", "group", 8 * 2 ** 20, "rt-hog"]);
      assert(
        Number(resident_bytes) > 2 ** 20 && Number(resident_bytes) < 16 * 2 ** 20,
        `${String(resident_bytes)} bytes`,
      );
    }
  });
});
