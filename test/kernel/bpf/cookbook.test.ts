/**
 * The signals of docs/examples/cookbook, in one agent, against a program that knows what it did. Those whose tracepoints a kernel does not
 * have, or without an argument that they read, are left out there, by name.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { availableParallelism, release } from "node:os";
import { basename, join } from "node:path";
import { before, describe, it, type TestContext } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

import ts from "typescript";
import { type Agent, openAgent } from "../../../src/agent/index.js";
import { moduleOptions } from "../../../src/cli/signal/compile-module.js";
import { type Text, tracepoint } from "../../../src/bpf/index.js";
import { kernelDeclarations, runningKernel } from "../../../src/cli/bpf/types.js";
import type { AnySignal } from "../../../src/sdk/signal.js";
import { at } from "../support/built-signal.js";
import { hierarchy } from "../support/cgroups.js";
import { assertAllExact } from "../support/left-out.js";
import { groupOfMemory } from "../support/limited-groups.js";
import { loopDevice, mounted } from "../support/loop-device.js";
import { networkNamespace, type NetworkNamespace } from "../support/network.js";
import { compileProgram, runProgram, scratch } from "../support/program.js";
import { suiteScope } from "../support/scope.js";
import { startWaiting } from "../support/waiting.js";

const checkout = fileURLToPath(new URL("../../../../", import.meta.url));
const source = join(checkout, "test/kernel/programs/cookbook.c");
const cookbook = join(checkout, "docs/examples/cookbook");

/**
 * The Linux from which on the kernel has what a signal reads, where it is newer than 5.10: as the comments in their files say, and of
 * folios and of reasons of drops mm/filemap.c (5.16) and include/net/dropreason.h (5.17, this one). Stable kernels have got some of it
 * since: Debian's 6.1 has the arguments of mark_victim that oom_kills reads.
 */
const since: Readonly<Record<string, string>> = {
  capability_checks: "6.14",
  drops: "5.17",
  evictions: "5.16",
  oom_kills: "6.8",
  resets: "6.10",
};

function isOlder(than: string): boolean {
  const [[major = 0, minor = 0] = [], [wantedMajor = 0, wantedMinor = 0] = []] = [release(), than].map((text) =>
    text.split(".").map((part) => Number.parseInt(part, 10)),
  );
  return major < wantedMajor || (major === wantedMajor && minor < wantedMinor);
}

/** The signals that this kernel has not, as the agent says. */
let lacking: readonly string[] = [];

/** Does the signal run on this kernel? Says so where it does not. */
function isHere(t: TestContext, signal: string): boolean {
  const here = !lacking.includes(signal);
  if (!here) {
    t.diagnostic(`${signal} takes Linux ${since[signal]}`);
  }
  return here;
}

/** In a guest that emulates its processor, checking types takes three minutes; they are checked where no guest is. */
const isGuest = process.env.VMTEST_GUEST !== undefined;

/** Compiles the cookbook without checking its types; returns the modules' paths. */
function transpile(folder: string): string[] {
  return readdirSync(cookbook).map((name) => {
    const { outputText } = ts.transpileModule(readFileSync(join(cookbook, name), "utf8"), {
      compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ES2022 },
    });
    const path = join(folder, `${basename(name, ".ts")}.js`);
    writeFileSync(path, outputText);
    return path;
  });
}

/** Checks the types of the cookbook against those of this kernel, and compiles it; returns the modules' paths. */
function compile(folder: string): string[] {
  const declarations = join(folder, "kernel.d.ts");
  writeFileSync(declarations, kernelDeclarations([runningKernel]));
  const files = readdirSync(cookbook).map((name) => join(cookbook, name));
  const { options } = ts.convertCompilerOptionsFromJson(
    { strict: true, ...moduleOptions(), outDir: folder, rootDir: cookbook },
    folder,
  );
  const host = ts.createCompilerHost(options);
  const program = ts.createProgram([...files, declarations], { ...options, rootDir: "/" }, host);
  const written: string[] = [];
  const { emitSkipped } = program.emit(undefined, (path, text) => {
    const to = join(folder, basename(path));
    writeFileSync(to, text);
    written.push(to);
  });
  const problems = ts.formatDiagnostics(ts.getPreEmitDiagnostics(program), host);
  assert.deepEqual([problems, emitSkipped], ["", false]);
  return written;
}

/** What each signal counts, by the labels that matter; see {@link sums}. */
type Sums = Readonly<Record<string, number>>;

describe("the cookbook", () => {
  const scope = suiteScope();
  let agent: Agent;
  let program = "";
  let network: NetworkNamespace;
  let names: string[] = [];

  before(async () => {
    // In the package itself, so that "ringtap/bpf" is this one.
    const folder = mkdtempSync(join(checkout, "dist/cookbook-"));
    scope.after(() => {
      rmSync(folder, { recursive: true, force: true });
    });
    const modules = await Promise.all(
      (isGuest ? transpile : compile)(folder).map(
        async (path) => (await import(pathToFileURL(path).href)) as { default: AnySignal },
      ),
    );
    const signals = modules.map(({ default: signal }) => signal);
    names = signals.map(({ name }) => name);
    program = compileProgram("rt-cookbook", readFileSync(source, "utf8"));
    network = networkNamespace(scope);
    // Not each switch is told: on a virtual machine with Linux 6.18 none away from certain tasks was, by the kernel's own tracing either.
    const switches = tracepoint("sched_switch", (e) => ({
      name: "switches",
      owner: "none",
      where: at<Text>(e, "next", "comm").eq("rt-sleeps"),
      count: {},
    }));
    agent = openAgent({ signals: [...signals, switches], labels: ["comm"] });
    scope.after(() => {
      agent.close();
    });
    const leftOut = agent.signals.filter(({ problem }) => problem !== undefined);
    lacking = leftOut.map(({ name }) => name);
    assert(
      leftOut.every(({ name, problem = "" }) => isOlder(since[name] ?? "0.0") && problem.includes("this kernel")),
      JSON.stringify(leftOut),
    );
  });

  /** A metric's numbers by these labels, of the series that have these values of others. */
  async function sums(metric: string, by: readonly string[], where: Readonly<Record<string, string>>): Promise<Sums> {
    const all: Record<string, number> = {};
    for (const { labels, value, metricName = metric } of await agent.read(metric)) {
      const isWanted = Object.entries(where).every(([name, wanted]) => labels[name] === wanted);
      if (isWanted && (metricName === metric || metricName === `${metric}_count`)) {
        const key = by.map((name) => labels[name]).join(" ");
        all[key] = (all[key] ?? 0) + value;
      }
    }
    return all;
  }

  /** Asserts that {@link sums} are these, but for what the kernel says that it has left out of the signal's runs, each `worth` so much. */
  async function exactly(
    signal: string,
    metric: string,
    by: readonly string[],
    where: Readonly<Record<string, string>>,
    expected: Sums,
    worth = 1,
  ): Promise<void> {
    const counted = await sums(metric, by, where);
    const programs = await agent.read("ringtap_bpf_program_misses_total");
    const leftOut = programs
      .filter(({ labels: { program = "" } }) => program === signal || program.startsWith(`${signal}_`))
      .reduce((runs, { value }) => runs + value, 0);
    assertAllExact(counted, expected, leftOut, worth);
  }

  /** The program, by the name that its process has from the beginning: what is read of a process before it renames itself has its first one. */
  function programOf(what: string): string {
    const path = scratch(`rt-${what}`);
    if (!existsSync(path)) {
      symlinkSync(program, path);
    }
    return path;
  }

  async function run(what: string, ...args: readonly string[]): Promise<string> {
    return (await runProgram(programOf(what), [what, ...args])).stdout.trim();
  }

  function inNetwork(what: string): string {
    return network.run(programOf(what), what).trim();
  }

  it("has a file for each signal, of its name", () => {
    assert.deepEqual(
      [...names].sort(),
      readdirSync(cookbook)
        .map((name) => basename(name, ".ts"))
        .sort(),
    );
    assert.equal(names.length, 20);
  });

  it("files and disks: fsyncs, evictions, disk_latency, mounts", async (t) => {
    // Of a kind that is known, on a disk of its own.
    const disk = loopDevice(t, 64 << 20);
    execFileSync("mkfs.ext4", ["-q", disk.path]);
    const there = mounted(t, disk.path);
    await run("fsyncs", join(there, "fsyncs"), "7");
    await run("fsyncs", `/dev/shm/ringtap-fsyncs-${process.pid}`, "5");
    rmSync(`/dev/shm/ringtap-fsyncs-${process.pid}`);
    await run("evictions", join(there, "evictions"));
    await run("disk", join(there, "disk"));
    const folder = scratch("mounts");
    mkdirSync(folder);
    await run("mounts", folder);
    await exactly("fsyncs", "fsyncs_seconds", ["file_system"], { comm: "rt-fsyncs" }, { tmpfs: 5, ext4: 7 });
    if (isHere(t, "evictions")) {
      await exactly(
        "evictions",
        "evictions_total",
        ["comm"],
        { comm: "rt-evictions", file_system: "ext4" },
        { "rt-evictions": 64 },
      );
    }
    await exactly("disk_latency", "disk_latency_total", ["comm"], { comm: "rt-disk-direct" }, { "rt-disk-direct": 25 });
    await exactly(
      "disk_latency",
      "disk_latency_bytes_total",
      ["comm"],
      { comm: "rt-disk-direct" },
      { "rt-disk-direct": 25 * 4096 },
      4096,
    );
    await exactly(
      "mounts",
      "mounts_total",
      ["type", "is_done"],
      { comm: "rt-mounts" },
      {
        " true": 1,
        "tmpfs true": 4,
        "no-such-fs false": 1,
      },
    );
  });

  it("threads and memory: migrations, run_queue, forks, execs, oom_kills, cgroups_made", async (t) => {
    if (availableParallelism() > 1) {
      await run("migrations");
      await exactly("migrations", "migrations_total", ["to_cpu"], { comm: "rt-moves" }, { 0: 10, 1: 10 });
    } else {
      t.diagnostic("migrations takes two CPUs");
    }
    const [sleeps = 0, preempted = 0] = (await run("run-queue")).split(" ").map(Number);
    const { "": switches = 0 } = await sums("switches_total", [], {});
    const { "rt-sleeps": waits = 0 } = await sums("run_queue_seconds", ["comm"], { comm: "rt-sleeps" });
    const told = `${waits} waits, ${switches} switches, ${sleeps} sleeps, ${preempted} times preempted`;
    t.diagnostic(told);
    assert(sleeps >= 50 && switches <= sleeps + preempted && waits <= switches, told);
    // Of those, a switch to a thread that has been preempted ends no wait.
    await exactly(
      "run_queue",
      "run_queue_seconds",
      ["comm"],
      { comm: "rt-sleeps" },
      {
        "rt-sleeps": Math.max(waits, switches - preempted),
      },
    );
    await run("forks");
    await exactly("forks", "forks_total", ["is_thread"], { comm: "rt-forks" }, { false: 9, true: 4 });
    await run("execs");
    await exactly("execs", "execs_total", ["file"], { parent: "rt-execs" }, { "/bin/true": 3 });
    const left = await run("cgroups", hierarchy("cgroup2"));
    const current = await sums("cgroups_made_current", [], {});
    rmSync(left, { recursive: true, force: true });
    await exactly("cgroups_made", "cgroups_made_total", ["comm"], { comm: "rt-cgroups" }, { "rt-cgroups": 4 });
    await exactly("cgroups_made", "cgroups_removed_total", ["comm"], { comm: "rt-cgroups" }, { "rt-cgroups": 3 });
    assert.deepEqual(current, { "": 1 });
    if (isHere(t, "oom_kills")) {
      await assert.rejects(run("memory", groupOfMemory(t, "0".repeat(64), 16).folder), { signal: "SIGKILL" });
      await exactly("oom_kills", "oom_kills_total", ["comm"], { comm: "rt-memory" }, { "rt-memory": 1 });
    }
  });

  it("the network: drops, receive_overflows, resets, connections, retransmits", async (t) => {
    inNetwork("drops");
    const lost = Number(inNetwork("overflows"));
    inNetwork("resets");
    const [command, ...args] = [...network.prefix, programOf("connections"), "connections"];
    await startWaiting(t, command, args);
    await exactly("connections", "connections_current", ["port"], { port: "4102" }, { 4102: 3 });
    const before = synRetransmits(network);
    inNetwork("retransmits");
    const again = synRetransmits(network) - before;
    assert(again > 0);
    await exactly(
      "retransmits",
      "retransmits_total",
      ["port", "is_connecting"],
      { port: "4103" },
      { "4103 true": again },
    );
    if (isHere(t, "drops")) {
      await exactly("drops", "drops_total", ["reason"], { port: "4099" }, { SKB_DROP_REASON_NO_SOCKET: 30 });
    }
    await exactly("receive_overflows", "receive_overflows_total", ["port"], { port: "4100" }, { 4100: lost });
    if (isHere(t, "resets")) {
      await exactly("resets", "resets_total", ["reason"], { port: "4101" }, { SK_RST_REASON_NO_SOCKET: 8 });
    }
  });

  it("privileges: kills, module_loads, setuids, capability_checks, ptraces", async (t) => {
    await run("kills");
    await exactly("kills", "kills_total", ["to", "number"], { comm: "rt-kills", number: "10" }, { "rt-kills 10": 20 });
    const [load, unload] = (await run("modules")).split(" ");
    await exactly(
      "module_loads",
      "module_loads_total",
      ["is_unload", "error"],
      { comm: "rt-modules" },
      {
        [`false ${load}`]: 3,
        [`true ${unload}`]: 2,
      },
    );
    await run("setuids");
    await exactly(
      "setuids",
      "setuids_total",
      ["from", "to", "is_done"],
      { comm: "rt-setuids" },
      {
        "0 12345 true": 1,
        "12345 0 false": 2,
      },
    );
    if (isHere(t, "capability_checks")) {
      await run("capabilities");
      await exactly(
        "capability_checks",
        "capability_checks_total",
        ["capability"],
        { comm: "rt-capabilities".slice(0, 15) },
        { 18: 6 },
      );
    }
    await run("ptraces");
    await exactly(
      "ptraces",
      "ptraces_total",
      ["request", "is_done"],
      { comm: "rt-ptraces" },
      {
        "0 true": 1,
        "2 false": 5,
      },
    );
  });
});

/** How often the kernel has sent a SYN again, in a network namespace. */
function synRetransmits(network: NetworkNamespace): number {
  const [names = [], values = []] = network
    .run("cat", "/proc/net/netstat")
    .split("\n")
    .filter((line) => line.startsWith("TcpExt: "))
    .map((line) => line.split(" "));
  return Number(values[names.indexOf("TCPSynRetrans")]);
}
