/** What comes and goes while it is counted: disks, control groups, network namespaces, processes, CPUs. No count goes with it. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";

import { startAgent, unlimitedSeries } from "../support/agent.js";
import { controlGroup, hierarchy, podPath } from "../support/cgroups.js";
import { cpuWaits, metricNumbers, settled, startWork } from "../support/cpu-numbers.js";
import { bytes, compareWithDisk, requests, statOf } from "../support/disk-counts.js";
import { eventually } from "../support/eventually.js";
import { type DiskStat, diskStat, loadLoopDevices, loopDevice } from "../support/loop-device.js";
import { type NetworkNamespace, networkNamespace } from "../support/network.js";
import { compileProgram, programSource, runProgram, scratch } from "../support/program.js";
import { sum } from "../support/samples.js";
import { lastFirst } from "../support/scope.js";
import { startSteps } from "../support/steps.js";
import { startWaiting } from "../support/waiting.js";

const reader = compileProgram("rt-block", programSource("block-io"));
const sender = compileProgram("rt-udp", programSource("datagrams"));

/** A loop device that no one else asks for. */
const ownNumber = 90;

function assertComplete(samples: Parameters<typeof sum>[0], ...signals: readonly string[]): void {
  for (const signal of signals) {
    const events = (what: string): number => sum(samples, `ringtap_events_${what}_total`, { signal });
    assert.deepEqual([signal, events("produced") - events("consumed"), events("dropped")], [signal, 0, 0]);
  }
}

describe("disks", () => {
  it("that are made and removed again and again, under one name, count as all of their lives together", async (t) => {
    const control = compileProgram("rt-loop-control", programSource("loop-control"));
    loadLoopDevices();
    const agent = await startAgent(t, ["--signals=block", ...unlimitedSeries]);
    const [name, path] = [`loop${ownNumber}`, `/dev/loop${ownNumber}`];
    const file = scratch("lives");
    writeFileSync(file, Buffer.alloc(4 << 20));
    const total: Record<string, number> = {};
    const lives = 12;
    for (let life = 1; life <= lives; life++) {
      execFileSync(control, ["add", String(ownNumber)]);
      try {
        // Within a life of the disk, files come and go.
        for (let attached = 0; attached < 2; attached++) {
          execFileSync("losetup", [path, file]);
          const waiting = await startWaiting(t, reader, [path, `${life}`, "2", "1", "0", "0"]);
          assert.deepEqual(await waiting.go(), ["0"]);
          execFileSync("losetup", ["--detach", path]);
          await eventually(() => assert.equal(existsSync(`/sys/block/${name}/loop`), false));
        }
        if (life % 4 === 0) {
          await agent.scrape();
        }
        for (const [key, value] of Object.entries(diskStat(name))) {
          total[key] = (total[key] ?? 0) + (value as number);
        }
      } finally {
        await eventually(() => execFileSync(control, ["remove", String(ownNumber)], { stdio: "ignore" }));
      }
    }
    await eventually(async () => {
      const samples = await agent.scrape();
      assert.deepEqual(statOf(samples, name), total as unknown as DiskStat);
      const own = { device: name, comm: "rt-block" };
      assert.equal(requests(samples, { ...own, operation: "read" }), lives * (lives + 1));
      // There is no such disk any more.
      assert.equal(sum(samples, "ringtap_block_requests_inflight", { device: name }), 0);
      assertComplete(samples, "block");
    });
  });

  it("of more names than there are lines count as ~other, all of them", async (t) => {
    const agent = await startAgent(t, ["--signals=block", "--block.counts-limit=1", ...unlimitedSeries]);
    const scope = lastFirst(t);
    const disks = Array.from({ length: 40 }, (_, n) => loopDevice(scope, 1 << 20, scratch(`many-${n}`)));
    const others = (): number => {
      const names = execFileSync("ls", ["/sys/block"], { encoding: "utf8" }).trim().split("\n");
      return names
        .filter((name) => !disks.some((disk) => disk.name === name))
        .reduce((reads, name) => reads + diskStat(name).reads, 0);
    };
    const before = others();
    const readers = await Promise.all(
      disks.map((disk) => startWaiting(t, reader, [disk.path, "5", "0", "0", "0", "0"])),
    );
    // While it reads no lines, which would be free then.
    process.kill(agent.pid, "SIGSTOP");
    const failed = await Promise.all(readers.map((waiting) => waiting.go()));
    process.kill(agent.pid, "SIGCONT");
    assert(failed.every(([count]) => count === "0"));
    const wanted = disks.length * 5;
    const read = { operation: "read" };
    await eventually(async () => {
      const samples = await agent.scrape();
      const named = requests(samples, { ...read, comm: "rt-block" });
      const other = requests(samples, { ...read, comm: "~other" });
      // Who gets the lines is a matter of chance: others read of the disks as well.
      assert(other > 0, `${named} + ${other}`);
      // Opening a disk makes the kernel read of it, for its partitions: at most as much as its statistics have.
      const all = disks.reduce((reads, disk) => reads + disk.stat().reads, 0);
      assert(named + other >= wanted, `${named} + ${other} of ${wanted}`);
      assert(named + other <= all + others() - before + requests(samples, { ...read, comm: "~unknown" }));
      assertComplete(samples, "block");
    });
  });

  it("of device mapper, which have no requests of their own, leave those of the disk below as they are", async (t) => {
    if (!hasDeviceMapper()) {
      t.skip("this kernel has no device mapper; guests of scripts/vm/vmtest have");
      return;
    }
    const agent = await startAgent(t, ["--signals=block", ...unlimitedSeries]);
    const scope = lastFirst(t);
    const below = loopDevice(scope, 16 << 20);
    const mapped = `ringtap-${process.pid}`;
    execFileSync("dmsetup", ["create", mapped, "--table", `0 ${(16 << 20) / 512} linear ${below.path} 0`]);
    scope.after(() => execFileSync("dmsetup", ["remove", "--retry", mapped]));
    const number = execFileSync("dmsetup", ["info", "-c", "--noheadings", "-o", "minor", mapped], { encoding: "utf8" });
    const name = `dm-${number.trim()}`;
    const node = `/dev/mapper/${mapped}`;
    if (!existsSync(node)) {
      execFileSync("dmsetup", ["mknodes"]);
    }
    const assertEqual = await compareWithDisk(agent, below);
    const before = diskStat(name);
    const waiting = await startWaiting(t, reader, [node, "30", "20", "0", "0", "0"]);
    assert.deepEqual(await waiting.go(), ["0"]);
    const samples = await assertEqual();
    const own = { comm: "rt-block", pid: waiting.pid };
    assert.deepEqual(
      ["read", "write"].map((operation) => requests(samples, { ...own, device: below.name, operation })),
      [30, 20],
    );
    assert.equal(bytes(samples, { ...own, operation: "write" }), 20 * 8192);
    // The kernel counts bios of it.
    assert.equal(diskStat(name).reads - before.reads, 30);
    assert.equal(requests(samples, { device: name }), 0);
  });
});

/** Is device mapper in the kernel, or to be had? */
function hasDeviceMapper(): boolean {
  try {
    execFileSync("modprobe", ["-q", "dm-mod"], { stdio: "ignore" });
  } catch {
    // It may be built in.
  }
  return /^\s*\d+ device-mapper$/m.test(readFileSync("/proc/devices", "utf8"));
}

describe("control groups", () => {
  it("that are removed as soon as they are empty leave what they counted, and the sum is the kernel's", async (t) => {
    const own = lastFirst(t);
    const agent = await startAgent(own, [
      ...["--signals=block,udp", "--labels=container_id,comm", "--cgroup.hierarchy=unified"],
      ...unlimitedSeries,
    ]);
    const disk = loopDevice(own, 16 << 20);
    const networks = [0, 1, 2].map(() => networkNamespace(own));
    const assertEqual = await compareWithDisk(agent, disk);
    const root = hierarchy("cgroup2");
    const ids = Array.from({ length: 30 }, (_, n) => n.toString(16).padStart(2, "0").repeat(32));
    const run = async (id: string, network: NetworkNamespace): Promise<void> => {
      const group = controlGroup(own, root, podPath(id));
      const enter = `echo $$ >${group.folder}/cgroup.procs`;
      const reads = `${reader} ${disk.path} 10 0 0 0 0 </dev/null`;
      const sends = `echo write 10 | ${network.prefix.join(" ")} ${sender} 4`;
      const shell = spawn("sh", ["-c", `${enter}; ${reads} && ${sends}`], { stdio: ["ignore", "ignore", "inherit"] });
      const [status] = (await once(shell, "close")) as [number];
      assert.equal(status, 0);
      await group.remove();
    };
    // Three at a time, each group gone when the next one comes.
    const lanes = networks.map(async (network, lane) => {
      for (const [n, id] of ids.entries()) {
        if (n % networks.length === lane) {
          await run(id, network);
        }
      }
    });
    // Scrapes beside them.
    const scrapes = (async () => {
      for (let n = 0; n < 5; n++) {
        await agent.scrape();
        await setTimeout(200);
      }
    })();
    // None is left at work when one has failed.
    const ended = await Promise.allSettled([...lanes, scrapes]);
    assert.deepEqual(
      ended.filter(({ status }) => status === "rejected"),
      [],
    );
    const samples = await assertEqual();
    const sent = { comm: "rt-udp", direction: "sent" };
    const of = (id: string): number[] => [
      requests(samples, { comm: "rt-block", operation: "read", container_id: id.slice(0, 12) }),
      sum(samples, "ringtap_udp_datagrams_total", { ...sent, container_id: id.slice(0, 12) }),
    ];
    assert.deepEqual(
      ids.map((id) => [id.slice(0, 2), ...of(id)]),
      ids.map((id) => [id.slice(0, 2), 10, 10]),
    );
    const all = networks.reduce((total, network) => total + network.snmp("Udp", "OutDatagrams"), 0);
    assert.equal(sum(samples, "ringtap_udp_datagrams_total", sent), all);
    assertComplete(samples, "block", "udp");
  });
});

describe("network namespaces", () => {
  it("that are deleted under traffic, and end with their last process, leave all that was dropped in them", async (t) => {
    const agent = await startAgent(t, ["--signals=drop,udp", ...unlimitedSeries]);
    const name = `ringtap-gone-${process.pid}`;
    execFileSync("ip", ["netns", "add", name]);
    execFileSync("ip", ["-n", name, "link", "set", "lo", "up"]);
    const traffic = startSteps(t, "ip", ["netns", "exec", name, sender, "4"]);
    const snmp = (counter: string): number => {
      const [names = [], values = []] = readFileSync(`/proc/${traffic.pid}/net/snmp`, "utf8")
        .split("\n")
        .filter((line) => line.startsWith("Udp: "))
        .map((line) => line.split(" "));
      return Number(values[names.indexOf(counter)]);
    };
    await traffic.step("full 300");
    const sending = traffic.step("full 20000");
    execFileSync("ip", ["netns", "delete", name]);
    await sending;
    const [full, sent] = [snmp("RcvbufErrors"), snmp("OutDatagrams")];
    assert(full > 15_000 && sent === 20_300, `${full} of ${sent}`);
    const own = { pid: traffic.pid, comm: "rt-udp" };
    const counts = async (): Promise<number[]> => {
      const samples = await agent.scrape();
      assertComplete(samples, "drop", "udp");
      return [
        sum(samples, "ringtap_drop_packets_total", { ...own, reason: "SOCKET_RCVBUFF" }),
        sum(samples, "ringtap_udp_receive_queue_drops_total", { ...own, error: "ENOMEM" }),
        sum(samples, "ringtap_udp_datagrams_total", { ...own, direction: "sent" }),
      ];
    };
    await eventually(async () => assert.deepEqual(await counts(), [full, full, sent]));
    await traffic.end();
    await setTimeout(500);
    await eventually(async () => assert.deepEqual(await counts(), [full, full, sent]));
  });
});

describe("processes", () => {
  it("that begin and end between two scrapes, three thousand, used what their parent is told", async (t) => {
    const agent = await startAgent(t, ["--signals=sched", ...unlimitedSeries]);
    const program = cpuWaits();
    await agent.scrape();
    const children = 3_000;
    const { pid, stdout } = await runProgram(program, ["brief", String(children)]);
    const [user = 0, system = 0, ...counts] = stdout.trimEnd().split("\n").map(Number);
    await eventually(async () => {
      const samples = await agent.scrape();
      // Before they have a name of their own, they have their parent's.
      const parts = [{ comm: "rt-cpu-brief" }, { comm: "rt-cpu-waits" }].map((own) => metricNumbers(samples, own));
      const parent = metricNumbers(samples, { comm: "rt-cpu-waits", pid });
      const of = (key: keyof typeof parent): number =>
        parts.reduce((total, numbers) => total + numbers[key], 0) - parent[key];
      assert.deepEqual([of("voluntary"), of("involuntary"), of("minor"), of("major")], counts);
      const cut = of("runTime") / 1e3 - (user + system);
      assert(cut >= 0 && cut <= 2 * children, `${of("runTime")} ns, ${user} + ${system} µs`);
      assertComplete(samples, "sched");
    });
  });
});

describe("CPUs", () => {
  it("that go offline and come back leave delays and CPU time as schedstat has them", async (t) => {
    const file = "/sys/devices/system/cpu/cpu1/online";
    if (process.env.VMTEST_GUEST !== "1" || !existsSync(file)) {
      t.skip("only of guests CPUs are taken away: QEMU_ARGS='-smp 2' scripts/vm/vmtest run");
      return;
    }
    t.after(() => writeFileSync(file, "1"));
    const agent = await startAgent(t, ["--signals=sched", ...unlimitedSeries]);
    const works = ["2", "3"].map((threads) => startWork(t, cpuWaits(), "waits", threads, "150", "free"));
    const state = { isDone: false };
    const done = Promise.all(works.map((work) => work.done)).then(() => {
      state.isDone = true;
    });
    let turns = 0;
    while (!state.isDone) {
      writeFileSync(file, "0");
      await setTimeout(50);
      await agent.scrape();
      writeFileSync(file, "1");
      await setTimeout(50);
      turns++;
    }
    await done;
    // An emulated CPU takes seconds for one.
    assert(turns >= 1);
    for (const { child } of works) {
      const pid = child.pid ?? 0;
      const expected = await settled(pid);
      assert.deepEqual(metricNumbers(await agent.scrape(), { pid }), expected);
      assert(expected.waits > 150, JSON.stringify(expected));
    }
    await eventually(async () => assertComplete(await agent.scrape(), "sched"));
  });
});
