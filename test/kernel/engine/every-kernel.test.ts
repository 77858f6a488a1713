/**
 * What has to hold on every kernel: each program loads and attaches, each signal counts exactly. `npm run test:kernels` runs
 * this in guests. There it leaves what it found in $OUT, `findings.json` for docs/kernels.md.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { before, describe, it } from "node:test";

import { type Findings, recordedInstructions, seriesOf } from "../../../scripts/vm/record.js";
import { chooseHierarchy } from "../../../src/host/cgroup-hierarchy.js";
import { loadSignal } from "../../../src/engine/load.js";
import { kernelReads } from "../../../src/binding/kernel-reads.js";
import { type AnySignal, defaultHooks, type HookSet } from "../../../src/sdk/signal.js";
import { syscallNumber } from "../../../src/sdk/syscall-names.js";
import { signals } from "../../../src/signals/index.js";
import { type Agent, startAgent, unlimitedSeries } from "../support/agent.js";
import { controlGroup, hierarchy } from "../support/cgroups.js";
import { cpuWaits, metricNumbers, settled, startWork } from "../support/cpu-numbers.js";
import { eventually } from "../support/eventually.js";
import { buildWithoutFexit, signalsWithFexit } from "../support/hook-sets.js";
import { heldBy } from "../support/kernel-objects.js";
import { assertExact, leftOut } from "../support/left-out.js";
import { isOlderThan } from "../support/kernel-version.js";
import { instructionsInLog, tryLoading, ways } from "../support/loading.js";
import { networkNamespace } from "../support/network.js";
import { compileProgram, programSource, runProgram, scratch } from "../support/program.js";
import { runRingtap } from "../support/ringtap.js";
import { type Samples, sum } from "../support/samples.js";
import { type Scope, suiteScope } from "../support/scope.js";
import { startWaiting, type Waiting } from "../support/waiting.js";

/** Kernels without the helper bpf_task_pt_regs, which the fexit programs of tcp need. */
const withoutRegisters = "5.10.";

/** Programs and hook sets whose hooks older kernels lack, or have with fewer arguments: the first version that has them. */
const since: Readonly<Record<string, string>> = {
  block_start: "6.5",
  "drop tp_btf": "6.11",
  "drop tp_btf_reason": "5.17",
  // For want of sock_send_length and sock_recv_length.
  "l7 tp_btf": "6.3",
  udp_send: "6.3",
  udp_receive: "6.3",
  // For want of the helper bpf_loop.
  "l7 sys_exit": "5.17",
  udp_returned: "5.17",
};

/** Does this kernel lack one of them? */
function isLacking(name: string): boolean {
  return isOlderThan(since[name] ?? "0.0");
}

/** `npm test` tries in each guest only what no other kernel of its shows. */
const isQuick = process.env.QUICK !== undefined;

/** Does this kernel refuse a hook set? Guests take all of them but one; other machines may refuse fexit altogether. */
function isRefused(signal: AnySignal, hook: HookSet): boolean {
  if (hook.name !== "fexit") {
    return isLacking(`${signal.name} ${hook.name}`);
  }
  if (process.env.VMTEST_GUEST !== undefined) {
    return signal.name === "tcp" && release().startsWith(withoutRegisters);
  }
  try {
    loadSignal({ ...signal, hooks: [hook] }).close();
    return false;
  } catch {
    return true;
  }
}

/** Programs of hook sets that this kernel refuses. */
function refusedOf({ hooks = defaultHooks, ...signal }: AnySignal): readonly string[] {
  const lacking = Object.keys(signal.optional ?? {}).filter(isLacking);
  const isOneRefused = hooks.some((hook) => isRefused({ hooks, ...signal }, hook));
  return [
    ...lacking,
    ...(isOneRefused ? (hooks.find((hook) => !isRefused({ hooks, ...signal }, hook))?.without ?? []) : []),
  ];
}

/** The best hook set that this kernel takes. */
function bestHook(signal: AnySignal): string {
  return (signal.hooks ?? defaultHooks).find((hook) => !isRefused(signal, hook))?.name ?? "";
}

/** Instructions may grow by so much until the record has to be renewed. */
const growth = 1.2;

const page = readFileSync(new URL("../../../../docs/kernels.md", import.meta.url), "utf8");

/** Keeps something of a guest's for those who started it. */
function keep(name: string, text: string): void {
  const { OUT, VMTEST_GUEST } = process.env;
  if (OUT !== undefined && VMTEST_GUEST !== undefined) {
    writeFileSync(join(OUT, name), text);
  }
}

/** Compiles one of test/kernel/programs/ under a name of its own. */
function compile(comm: string, source: string): string {
  return compileProgram(comm, programSource(source));
}

/** A server whose thread waits in accept(2) before any agent runs. */
interface OlderServer {
  readonly pid: number;
  /** Lets clients connect, once; resolves to how many connections there were, by the namespace's own count. */
  accepted(): Promise<number>;
}

async function startOlderServer(scope: Scope): Promise<OlderServer> {
  const network = networkNamespace(scope);
  const program = compile("rt-older", "tcp-traffic");
  const traffic = (...args: readonly string[]): Promise<Waiting> => {
    const [file = "", ...rest] = [...network.prefix, program, ...args];
    return startWaiting(scope, file, rest);
  };
  const server = await traffic("serve", "4", "7502", "5", "10");
  const waiting = String(syscallNumber("accept4"));
  await eventually(() => {
    assert.equal(readFileSync(`/proc/${server.pid}/syscall`, "utf8").split(" ")[0], waiting);
  });
  let accepted: Promise<number> | undefined;
  return {
    pid: server.pid,
    accepted: () =>
      (accepted ??= (async () => {
        const client = await traffic("connect", "4", "127.0.0.1", "7502", "b", "5", "10", "1000");
        await Promise.all([server.go(), client.go()]);
        return network.snmp("Tcp", "PassiveOpens");
      })()),
  };
}

/** The names of a process's programs for the hooks that every system call passes. */
function onEveryCall(pid: number): string[] {
  const held = heldBy(pid);
  const programs = JSON.parse(execFileSync("bpftool", ["-j", "prog", "show"], { encoding: "utf8" })) as {
    readonly id: number;
    readonly name?: string;
  }[];
  return programs
    .filter(({ id }) => held.has(`prog ${id}`))
    .map(({ name = "" }) => name)
    .filter((name) => /^dispatch_|_sys_e/.test(name))
    .sort();
}

describe("programs", () => {
  const findings = { release: release(), arch: process.arch, hooks: {}, instructions: {} } satisfies Findings;
  const hooks: Record<string, string> = findings.hooks;
  const instructions: Record<string, number> = findings.instructions;

  for (const signal of signals) {
    for (const hook of signal.hooks ?? defaultHooks) {
      const isShort = isQuick && process.env.RECORDING === undefined && signal.optIn === true;
      for (const [name, way] of Object.entries(ways).slice(0, isShort ? 1 : undefined)) {
        it(`of ${signal.name} load and attach by ${hook.name}, as in ${name}`, async (t) => {
          if (isRefused(signal, hook)) {
            t.skip("refused on this kernel");
            return;
          }
          const loading = await tryLoading({ ...signal, hooks: [hook] }, way);
          hooks[signal.name] ??= loading.hook;
          const lacking = Object.keys(signal.optional ?? {}).filter(isLacking);
          assert.deepEqual(
            loading.refused.filter((message) => !lacking.some((program) => message.includes(program))),
            [],
          );
          assert.notEqual(loading.instructions.size, 0);
          for (const [program, count] of loading.instructions) {
            if (!isLacking(program)) {
              instructions[program] = Math.max(instructions[program] ?? 0, count);
            }
          }
        });
      }
    }
  }

  it("of l7 load with those that see what TLS carries and Unix sockets", async (t) => {
    const l7 = signals.find(({ name }) => name === "l7");
    if (l7 === undefined || bestHook(l7) === "") {
      t.skip("refused on this kernel");
      return;
    }
    const loading = await tryLoading(l7, { ...ways.run, flags: { tls: true, unix: true } });
    assert.equal(loading.hook, bestHook(l7));
    // What sees calls when they return sees no Unix sockets.
    const seeing = loading.hook === "sys_exit" ? ["l7_sys_exit"] : ["l7_send", "l7_receive", "l7_old_unix"];
    for (const program of ["tls_enter", "tls_carried", "l7_exec", "l7_unanswered", ...seeing]) {
      const count = loading.instructions.get(program);
      assert(count !== undefined, program);
      t.diagnostic(`${program}: ${count}`);
    }
  });

  it("have not grown for the verifier", (t) => {
    if (Object.values(instructions).every((count) => count === 0)) {
      Object.assign(
        instructions,
        ...signals
          .filter((signal) => bestHook(signal) !== "")
          .map((signal) => Object.fromEntries(instructionsInLog(signal, refusedOf(signal)))),
      );
    }
    assert(
      Object.values(instructions).every((count) => count > 0),
      JSON.stringify(instructions),
    );
    if (kernelReads() === "by cast") {
      t.diagnostic("not compared: without the helper for strings programs are longer");
      return;
    }
    keep("findings.json", JSON.stringify(findings));
    const series = seriesOf(findings.release, findings.arch);
    const recorded = recordedInstructions(page, series);
    if (recorded === undefined || process.env.RECORDING !== undefined) {
      t.diagnostic(`nothing to compare with for Linux ${series}`);
      return;
    }
    const grown = Object.entries(instructions).filter(
      ([program, count]) => count > growth * (recorded.get(program) ?? Infinity),
    );
    assert.deepEqual(
      grown.map(([program, count]) => `${program}: ${recorded.get(program)} → ${count}`),
      [],
      "make them smaller, or renew docs/kernels.md by npm run test:kernels -- --record",
    );
  });
});

it("check finds that every signal works", async (t) => {
  const { status, stdout } = await runRingtap(t, ["check"]);
  keep("check.txt", stdout);
  assert.equal(status, 0, stdout);
  for (const signal of signals) {
    const best = bestHook(signal);
    const status = Object.keys(signal.optional ?? {}).some(isLacking) ? "warn" : "ok";
    const found = best === "" ? "warn +.*this kernel has no callbacks of helper functions" : `${status} +${best}: `;
    assert.match(stdout, new RegExp(`^signal ${signal.name} +${found}`, "m"));
  }
});

describe("counts", () => {
  const hasBoth = !isQuick && signals.some((signal) => bestHook(signal) === "fexit");
  const scope = suiteScope();
  let agent: Agent;
  /** Where its programs are others than those of `agent`. */
  let withoutFexit: Agent | undefined;
  let older: OlderServer;

  before(async () => {
    older = await startOlderServer(scope);
    agent = await startAgent(scope, [...unlimitedSeries]);
    if (hasBoth) {
      withoutFexit = await startAgent(scope, ["--signals=tcp,file", ...unlimitedSeries], buildWithoutFexit(scope));
    }
  });

  it("of processes are exact", async () => {
    const spawner = compile("rt-spawner", "processes");
    const child = compile("rt-ends", "processes");
    await runProgram(spawner, ["spawn", child, "20", "exit", "0"]);
    await runProgram(spawner, ["spawn", child, "12", "exit", "3"]);
    await runProgram(spawner, ["spawn", child, "6", "kill", "9"]);
    await runProgram(spawner, ["spawn", child, "10", "threads", "8"]);
    const samples = await agent.scrape();
    const exits = (reason: string): number => sum(samples, "ringtap_process_exits_total", { comm: "rt-ends", reason });
    assert.equal(sum(samples, "ringtap_process_execs_total", { comm: "rt-ends" }), 48);
    assert.deepEqual([exits("ok"), exits("error"), exits("signal")], [30, 12, 6]);
  });

  it("of control groups are exact", async (t) => {
    const root = hierarchy(chooseHierarchy("auto") === "unified" ? "cgroup2" : "pids");
    const totals = (samples: Samples): number[] =>
      ["creates", "removes"].map((what) => sum(samples, `ringtap_cgroup_${what}_total`, { comm: "node" }));
    const earlier = totals(await agent.scrape());
    for (let index = 0; index < 20; index++) {
      await controlGroup(t, root, `ringtap-kernels-${process.pid}-${index}`).remove();
    }
    const later = totals(await agent.scrape());
    assert.deepEqual(
      later.map((value, index) => value - (earlier[index] ?? 0)),
      [20, 20],
    );
  });

  for (const [which, comm, counting] of [
    ["the best hooks", "rt-best", () => agent],
    ...(hasBoth ? [["tracepoints alone", "rt-alone", () => withoutFexit ?? agent] as const] : []),
  ] as const) {
    it(`of connections are exact, and agree with /proc/net/snmp, by ${which}`, async (t) => {
      const network = networkNamespace(t);
      const program = compile(comm, "tcp-traffic");
      const traffic = (...args: readonly string[]): Promise<Waiting> => {
        const [file = "", ...rest] = [...network.prefix, program, ...args];
        return startWaiting(t, file, rest);
      };
      for (const [family, address, port] of [
        ["4", "127.0.0.1", "7500"],
        ["6", "::1", "7501"],
      ] as const) {
        const server = await traffic("serve", family, port, "20", "10");
        const client = await traffic("connect", family, address, port, "n", "20", "10", "1000");
        const refused = await traffic("connect", family, address, "9003", "b", "7", "0", "0");
        await Promise.all([server.go(), client.go(), refused.go()]);
      }
      const samples = await counting().scrape();
      const total = (metric: string, labels: Readonly<Record<string, string>> = {}): number =>
        sum(samples, metric, { comm, ...labels });
      const exactly = (
        metric: string,
        expected: number,
        labels: Readonly<Record<string, string>> = {},
        worth = 1,
      ): void => {
        assertExact(total(metric, labels), expected, leftOut(samples), worth);
      };
      for (const family of ["ipv4", "ipv6"]) {
        exactly("ringtap_tcp_connects_total", 20, { family, result: "established" });
        exactly("ringtap_tcp_connects_total", 7, { family, result: "refused" });
        exactly("ringtap_tcp_accepts_total", 20, { family });
      }
      exactly("ringtap_tcp_connects_total", network.snmp("Tcp", "ActiveOpens"));
      exactly("ringtap_tcp_accepts_total", network.snmp("Tcp", "PassiveOpens"));
      exactly("ringtap_tcp_retransmits_total", network.snmp("Tcp", "RetransSegs"));
      exactly("ringtap_tcp_sent_bytes_total", 40 * 1010, {}, 1010);
      exactly("ringtap_tcp_received_bytes_total", 40 * 1010, {}, 1010);
      assert.equal(total("ringtap_tcp_connections"), 0);
    });

    it(`of opened files are exact, by ${which}`, async (t) => {
      const program = compile("rt-opens", "file-opens");
      const waiting = await startWaiting(t, program, ["outcomes", mkdtempSync(scratch("opens-"))]);
      const outcomes = [
        ["ok", 80],
        ["ENOENT", 9],
        ["EEXIST", 4],
        ["EISDIR", 6],
        ["EXDEV", 8],
        ["EFAULT", 9],
      ] as const;
      const opens = (samples: Samples): number[] =>
        outcomes.map(([result]) => sum(samples, "ringtap_file_opens_total", { comm: "rt-opens", result }));
      const earlier = opens(await counting().scrape());
      await waiting.go();
      const samples = await counting().scrape();
      for (const [n, count] of opens(samples).entries()) {
        assertExact(count - (earlier[n] ?? 0), outcomes[n]?.[1] ?? 0, leftOut(samples));
      }
    });

    it(`of connections that a thread had been waiting for are exact, by ${which}`, async () => {
      const accepted = await older.accepted();
      const samples = await counting().scrape();
      assertExact(sum(samples, "ringtap_tcp_accepts_total", { pid: older.pid }), accepted, leftOut(samples));
    });
  }

  it("of tcp and file come without a program on every call, where there is fexit", async (t) => {
    const isBest = signals
      .filter(({ name }) => (signalsWithFexit as readonly string[]).includes(name))
      .every((signal) => bestHook(signal) === "fexit");
    if (withoutFexit === undefined || !isBest) {
      t.skip(isQuick ? "left out by npm test" : "there is none");
      return;
    }
    const alone = await startAgent(t, ["--signals=tcp,file"]);
    assert.deepEqual(onEveryCall(alone.pid), []);
    const dispatched = ["dispatch_sys_enter", "dispatch_sys_exit", "file_sys_exit", "tcp_sys_exit"];
    assert.deepEqual(onEveryCall(withoutFexit.pid), dispatched);
  });

  for (const [way, flags] of [
    ["by default", undefined],
    ["when each is timed", ["--syscall.timing=all", ...unlimitedSeries]],
    ["in stream mode", ["--syscall.mode=stream", "--syscall.comms=rt-calls", "--ring.size=64MiB"]],
  ] as const) {
    it(`of system calls are exact ${way}`, async (t) => {
      const counting = flags === undefined ? agent : await startAgent(t, ["--signals=syscall", ...flags]);
      const waiting = await startWaiting(t, compile("rt-calls", "syscall-calls"), ["count", "20000", "500"]);
      const [pid = ""] = await waiting.go();
      const samples = await counting.scrape();
      const calls = sum(samples, "ringtap_syscalls_total", { pid, comm: "rt-calls", syscall: "getppid" });
      const failed = sum(samples, "ringtap_syscall_errors_total", { pid, syscall: "openat", errno: "ENOENT" });
      t.diagnostic(
        `${calls} of 20000 getppid, ${failed} of 500 openat, ${leftOut(samples)} runs left out by the kernel`,
      );
      assertExact(calls, 20_000, leftOut(samples));
      assertExact(failed, 500, leftOut(samples));
      const durations = (name: string): number =>
        sum(samples, `ringtap_syscall_${name}_count`, { comm: "rt-calls", syscall: "getppid" });
      const [measured, estimated] = [durations("duration_seconds"), durations("estimated_duration_seconds")];
      t.diagnostic(`${measured} durations measured, ${estimated} estimated`);
      if (flags !== undefined) {
        assert.deepEqual([measured, estimated], [calls, 0]);
        return;
      }
      assert.equal(measured, 0);
      // 1 in 8 is timed and counts 8 times: ten standard deviations, as in timing.test.ts.
      assert(Math.abs(estimated - calls) < 80 * Math.sqrt((18.7 * calls) / 512), `${estimated} estimated`);
    });
  }

  it("of system calls that seccomp or a tracer answers are exact", async (t) => {
    const program = compile("rt-answered", "answered-calls");
    const steps = [
      { step: "errno-0", process: 0, syscall: "getppid" },
      { step: "trap", process: 0, syscall: "getppid" },
      { step: "clone", process: 0, syscall: "clone" },
      { step: "emulated", process: 1, syscall: "getppid" },
      ...(process.arch === "x64" ? [{ step: "forged", process: 0, syscall: "compat_getppid" }] : []),
    ];
    for (const { step, process, syscall } of steps) {
      const waiting = await startWaiting(t, program, [step, "50"]);
      const pid = (await waiting.go())[process] ?? "none";
      const samples = await agent.scrape();
      // One clone is the kernel's own.
      const expected = step === "clone" ? 51 : 50;
      assertExact(sum(samples, "ringtap_syscalls_total", { pid, syscall }), expected, leftOut(samples));
    }
    const killed = await (await startWaiting(t, program, ["kill", "5"])).go();
    const samples = await agent.scrape();
    const returned = killed.slice(1).map((pid) => sum(samples, "ringtap_syscalls_total", { pid, syscall: "getppid" }));
    t.diagnostic(`calls by which seccomp kills: ${returned.join(" ")}`);
  });

  it("of system calls stay apart when processes preempt each other in the middle of them", async (t) => {
    const waiting = await startWaiting(t, compile("rt-rivals", "syscall-calls"), ["rivals", "10000"]);
    const pids = await waiting.go();
    const samples = await agent.scrape();
    t.diagnostic(`${leftOut(samples)} runs left out by the kernel`);
    assert.equal(pids.length, 2);
    for (const pid of pids) {
      const of = (metric: string, syscall: string): number => sum(samples, metric, { pid, syscall });
      assertExact(of("ringtap_syscalls_total", "getppid"), 10_000, leftOut(samples));
      assertExact(of("ringtap_syscall_errors_total", "getuid"), 10_000, leftOut(samples));
      assert.equal(of("ringtap_syscall_errors_total", "getppid"), 0, "it never fails");
      assert.equal(
        of("ringtap_syscalls_total", "getuid"),
        of("ringtap_syscall_errors_total", "getuid"),
        "it never succeeds",
      );
    }
  });

  it("of waits for a CPU, CPU time, context switches and page faults are exact", async (t) => {
    const counting = await startAgent(t, ["--signals=sched", ...unlimitedSeries]);
    const program = cpuWaits();
    for (const how of ["pinned", "free"]) {
      const { child, done } = startWork(t, program, "waits", "3", "10", how);
      await done;
      const pid = child.pid ?? 0;
      const expected = await settled(pid);
      assert.deepEqual(metricNumbers(await counting.scrape(), { pid }), expected);
    }
  });

  it("are complete: produced = consumed, by the hook that is reported", async () => {
    // Others may do something between the last read of a ring and of the event counts.
    await eventually(async () => {
      const samples = await agent.scrape();
      for (const signal of signals.filter(({ optIn }) => optIn !== true)) {
        const { name } = signal;
        const events = (kind: string): number => sum(samples, `ringtap_events_${kind}_total`, { signal: name });
        assert(events("produced") > 0, name);
        assert.deepEqual([events("consumed"), events("dropped")], [events("produced"), 0], name);
        assert.equal(sum(samples, "ringtap_signal_info", { signal: name, hook: bestHook(signal) }), 1, name);
      }
    });
  });
});
