/** block against the disk's own statistics, and against a program that knows what it asked for. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";

import { type Agent, startAgent, unlimitedSeries } from "../support/agent.js";
import { controlGroup, enableController, hierarchy, podPath } from "../support/cgroups.js";
import { eventually } from "../support/eventually.js";
import { assertSumInBuckets, bytes, compareWithDisk, requests } from "../support/disk-counts.js";
import { loopDevice, mounted, smallDisk } from "../support/loop-device.js";
import { compileProgram, programSource, scratch } from "../support/program.js";
import { sum } from "../support/samples.js";
import { lastFirst, suiteScope } from "../support/scope.js";
import { startTrace } from "../support/trace.js";
import { startWaiting } from "../support/waiting.js";

const source = programSource("block-io");
const program = compileProgram("rt-block", source);

describe("requests to a disk", () => {
  const scope = suiteScope();
  let running: Promise<Agent> | undefined;
  const started = (): Promise<Agent> => (running ??= startAgent(scope, ["--signals=block", ...unlimitedSeries]));

  it("are those of the disk's statistics, and of the process that asked for them", async (t) => {
    const agent = await started();
    const disk = loopDevice(t, 16 << 20);
    const assertEqual = await compareWithDisk(agent, disk);
    const waiting = await startWaiting(t, program, [disk.path, "100", "50", "7", "5", "3"]);
    assert.deepEqual(await waiting.go(), ["0"]);
    const samples = await assertEqual();
    const own = { device: disk.name, comm: "rt-block", pid: String(waiting.pid), origin: "process" };
    assert.deepEqual(
      ["read", "sync", "discard"].map((operation) => requests(samples, { ...own, operation })),
      [100, 7, 5],
    );
    assert.deepEqual(
      ["read", "write", "discard"].map((operation) => bytes(samples, { ...own, operation })),
      [100 * 4096, 50 * 8192 + 3 * (4 << 20), 5 * (64 << 10)],
    );
    // Four megabytes are split, but each part is a request of its own, to the disk's statistics as well.
    assert(requests(samples, { ...own, operation: "write" }) > 50 + 3);
    assert(requests(samples, { device: disk.name, operation: "flush" }) > 0);
    assert.equal(sum(samples, "ringtap_block_errors_total", { device: disk.name }), 0);
    // A loop device notes when it gets a request: all of its time is in one of the two parts.
    const seconds = (part: string): number =>
      sum(samples, `ringtap_block_${part}_seconds_sum`, { ...own, operation: "read" });
    assert.equal((seconds("queue") + seconds("device")).toFixed(9), seconds("request").toFixed(9));
    assert(seconds("device") > 0);
    const counts = (labels: Readonly<Record<string, string>>): number[] =>
      ["request", "queue", "device"].map((part) =>
        assertSumInBuckets(samples, `ringtap_block_${part}_seconds`, { ...own, ...labels }),
      );
    assert.deepEqual(counts({ operation: "read" }), [100, 100, 100]);
    // The parts of what is split wait for each other.
    const writes = requests(samples, { ...own, operation: "write" });
    assert.deepEqual(counts({ operation: "write" }), [writes, writes, writes]);
    assert.equal(sum(samples, "ringtap_block_requests_inflight", { device: disk.name }), 0);
    const events = (what: string): number => sum(samples, `ringtap_events_${what}_total`, { signal: "block" });
    assert.deepEqual([events("produced") - events("consumed"), events("dropped")], [0, 0]);
  });

  it("of write-back are told apart from those of processes", async (t) => {
    const agent = await started();
    const scope = lastFirst(t);
    const disk = loopDevice(scope, 64 << 20, scratch("written"));
    const assertEqual = await compareWithDisk(agent, disk);
    execFileSync("mkfs.ext4", ["-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", disk.path]);
    const folder = mounted(scope, disk.path);
    const back = { device: disk.name, operation: "write", origin: "writeback" };
    const backBefore = bytes(await agent.scrape(), back);
    writeFileSync(`${folder}/file`, "y".repeat(8 << 20));
    // syncfs(2) has the kernel's flusher write.
    execFileSync("sync", ["--file-system", folder]);
    const samples = await assertEqual();
    assert(bytes(samples, back) - backBefore >= 8 << 20, "write-back");
    assert(bytes(samples, { ...back, comm: "~writeback", pid: "0" }) - backBefore >= 8 << 20, "by no process");
    // The journal's thread.
    assert(requests(samples, { device: disk.name, origin: "kernel", comm: `jbd2/${disk.name}-8` }) > 0, "journal");
  });

  it("of write-back count for the group whose pages they are, as in its io.stat", async (t) => {
    const root = hierarchy("cgroup2");
    if (!readFileSync(`${root}/cgroup.controllers`, "utf8").split(/\s/).includes("io")) {
      t.skip("control groups of version 2 have no disks on this machine; test:kernels has guests where they do");
      return;
    }
    const id = "b".repeat(64);
    const path = podPath(id);
    const group = controlGroup(t, root, path);
    enableController(root, path, "memory");
    enableController(root, path, "io");
    const labels = ["--labels=container_id,comm", ...unlimitedSeries];
    const agent = await startAgent(t, ["--signals=block", ...labels]);
    const own = lastFirst(t);
    const disk = loopDevice(own, 64 << 20, scratch("owned"));
    execFileSync("mkfs.ext4", ["-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", disk.path]);
    const folder = mounted(own, disk.path);
    const write = `echo $$ >${group.folder}/cgroup.procs; exec dd if=/dev/zero of=${folder}/file bs=1M count=8 status=none`;
    execFileSync("sh", ["-c", write]);
    execFileSync("sync", ["--file-system", folder]);
    const number = readFileSync(`/sys/block/${disk.name}/dev`, "utf8").trim();
    const written = (): number => {
      const line = readFileSync(`${group.folder}/io.stat`, "utf8")
        .split("\n")
        .find((each) => each.startsWith(`${number} `));
      return Number(/wbytes=(\d+)/.exec(line ?? "")?.[1]);
    };
    await eventually(async () => {
      const counted = bytes(await agent.scrape(), {
        ...{ device: disk.name, origin: "writeback", comm: "~writeback" },
        container_id: id.slice(0, 12),
      });
      assert.equal(counted, written());
      assert(counted >= 8 << 20, `${counted}`);
    });
  });

  it("that fail are counted by the error", async (t) => {
    const agent = await started();
    const disk = smallDisk(t);
    const assertEqual = await compareWithDisk(agent, disk);
    const waiting = await startWaiting(t, program, [disk.path, "0", "400", "0", "0", "0"]);
    const [failed = ""] = await waiting.go();
    const samples = await assertEqual();
    assert(Number(failed) > 0);
    const own = { device: disk.name, comm: "rt-block", pid: waiting.pid };
    assert.equal(requests(samples, own), 400);
    assert.equal(sum(samples, "ringtap_block_errors_total", own), Number(failed));
    assert.equal(sum(samples, "ringtap_block_errors_total", { ...own, error: "" }), 0);
  });

  it("beyond the limit count as ~other, all of them", async (t) => {
    const agent = await startAgent(t, ["--signals=block", "--block.counts-limit=1", ...unlimitedSeries]);
    const disk = loopDevice(t, 16 << 20);
    const pieces = Array.from({ length: 24 }, (_, n) => scratch(`rt-block-${n}`));
    pieces.forEach((piece) => copyFileSync(program, piece));
    const all = await Promise.all(pieces.map((piece) => startWaiting(t, piece, [disk.path, "3", "2", "0", "0", "0"])));
    // While it reads no lines, which would be free then.
    process.kill(agent.pid, "SIGSTOP");
    const failed = await Promise.all(all.map((waiting) => waiting.go()));
    process.kill(agent.pid, "SIGCONT");
    assert(failed.every(([count]) => count === "0"));
    await eventually(async () => {
      const samples = await agent.scrape();
      const named = (operation: string): number =>
        pieces.reduce((total, _, n) => total + requests(samples, { operation, comm: `rt-block-${n}` }), 0);
      const other = (operation: string): number => requests(samples, { operation, comm: "~other" });
      assert(other("read") > 0);
      assert(named("read") + other("read") >= 24 * 3);
      assert(named("write") + other("write") >= 24 * 2);
    });
  });

  it("are shown by trace: the slow ones and those that fail", async (t) => {
    const disk = smallDisk(t);
    const where = ["--output=json", "--where", `device=${disk.name}`];
    const all = await startTrace(t, ["block", "--block.slow=0ns", ...where]);
    const slow = await startTrace(t, ["block", "--block.slow=60m", ...where]);
    const waiting = await startWaiting(t, program, [disk.path, "5", "300", "0", "0", "0"]);
    const [failed = ""] = await waiting.go();
    await eventually(() => {
      assert.equal(all.events().filter(({ comm }) => comm === "rt-block").length, 305);
      assert.equal(slow.events().length, Number(failed));
    });
    const [read] = all.events().filter(({ operation }) => operation === "read");
    assert.deepEqual([read?.signal, read?.pid, read?.bytes, read?.origin], ["block", waiting.pid, 4096, "process"]);
    assert(Number(read?.duration_seconds) >= Number(read?.device_seconds));
    assert(slow.events().every(({ error, operation }) => typeof error === "string" && operation === "write"));
    assert(Number(failed) > 0);
  });
});
