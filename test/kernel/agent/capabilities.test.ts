/** What the agent may still do once it is attached, and that it counts on without the rest. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { before, describe, test, type TestContext } from "node:test";

import { defaultNames } from "../../../src/engine/signal-set.js";
import { signals } from "../../../src/signals/index.js";
import { type Agent, startAgent, unlimitedSeries } from "../support/agent.js";
import { copyBuild } from "../support/build-copy.js";
import { eventually } from "../support/eventually.js";
import { isOlderThan } from "../support/kernel-version.js";
import { compileProgram, programSource, runProgram } from "../support/program.js";
import { onlyCapabilities, runRingtap } from "../support/ringtap.js";
import { sum } from "../support/samples.js";
import { capabilitySet, privilegesOfThreads, type ThreadPrivileges } from "../support/threads.js";
import { startTrace } from "../support/trace.js";

const readSearch = 2;
const perfmon = 38;
const bpf = 39;

/** Root with exactly these capabilities. */
function rootWith(...names: readonly string[]): string[] {
  return ["setpriv", `--bounding-set=${["-all", ...names.map((name) => `+${name}`)].join(",")}`];
}

/** Linux asks for CAP_BPF at every call before 6.0 (its commit c8644cd0efe7), where the sysctl says so. */
const asksAtEveryCall =
  isOlderThan("6.0") && readFileSync("/proc/sys/kernel/unprivileged_bpf_disabled", "utf8").trim() !== "0";
const left = asksAtEveryCall ? capabilitySet(bpf) : capabilitySet();

/** Before 5.11 maps are charged to the limit of locked memory, which somebody has to raise. */
const isMemoryLocked = isOlderThan("5.11");

/** A thread that has given up what it could; without CAP_SETPCAP that is not its bounding set. */
function reduced(bounding: string): ThreadPrivileges {
  const none = capabilitySet();
  return { inheritable: none, permitted: left, effective: left, bounding, ambient: none, noNewPrivileges: true };
}

/** All threads of a process must have these privileges. */
function everyThreadHas(pid: number, expected: ThreadPrivileges): void {
  const threads = privilegesOfThreads(pid);
  assert(threads.size > 5, `Node has more threads than ${threads.size}`);
  for (const [thread, privileges] of threads) {
    assert.deepEqual(privileges, expected, `thread ${thread}`);
  }
}

/** What the machine's other work does to limits is not tested here. */
const roomy = [...unlimitedSeries, "--ring.size=64MiB"];

let program: string;

/** Two rounds of known work; each must be counted exactly by a scrape of its own. */
async function countsExactly(t: TestContext, agent: Agent): Promise<void> {
  const server = createServer((socket) => socket.destroy()).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const comm = "known-work";
  for (const round of [1, 2]) {
    await runProgram(program, [String(port)]);
    const counted = await agent.scrape();
    assert.deepEqual(
      {
        connects: sum(counted, "ringtap_tcp_connects_total", { comm, result: "established" }),
        calls: sum(counted, "ringtap_syscalls_total", { comm, syscall: "getppid" }),
        opens: sum(counted, "ringtap_file_opens_total", { comm, result: "ENOENT" }),
        exits: sum(counted, "ringtap_process_exits_total", { comm, reason: "ok" }),
      },
      { connects: 25 * round, calls: 1000 * round, opens: 7 * round, exits: round },
    );
    assert.equal(sum(counted, "ringtap_signal_up", {}), defaultNames(signals).length);
  }
}

before(() => {
  program = compileProgram("known-work", programSource("known-work"));
});

describe("--capabilities.drop", () => {
  test("leaves root nothing in any thread, and everything is counted", async (t) => {
    const agent = await startAgent(t, [...roomy, "--bpf.stats"]);
    everyThreadHas(agent.pid, reduced(left));
    await countsExactly(t, agent);
    const samples = await agent.scrape();
    assert(sum(samples, "ringtap_bpf_program_runs_total", {}) > 1000);
    everyThreadHas(agent.pid, reduced(left));
  });

  test("so it does with syscalls as a stream", async (t) => {
    const agent = await startAgent(t, [...roomy, "--syscall.mode=stream"]);
    everyThreadHas(agent.pid, reduced(left));
    await countsExactly(t, agent);
  });

  test("applies to trace as well", async (t) => {
    const trace = await startTrace(t, ["process", "--comm=known-work", "--output=json"]);
    everyThreadHas(trace.pid, reduced(left));
    await assert.rejects(runProgram(program), { code: 1 });
    await eventually(() => {
      assert(
        trace.events().some(({ event }) => event === "exit"),
        trace.stdout,
      );
    });
  });

  test("--no-capabilities.drop leaves everything as it was", async (t) => {
    const agent = await startAgent(t, ["--signals=process", "--no-capabilities.drop"]);
    const [own] = privilegesOfThreads("self").values();
    assert(own !== undefined && own.effective !== capabilitySet() && !own.noNewPrivileges);
    everyThreadHas(agent.pid, own);
  });

  test("a thread that takes no signals ends the agent", async (t) => {
    const environment = { UV_USE_IO_URING: "1" };
    const { status, stderr } = await runRingtap(t, ["run", "--signals=process", "--web.listen-address=127.0.0.1:0"], {
      environment,
    });
    assert.equal(status, 1);
    assert.match(stderr, /^ringtap: dropping capabilities: thread \d+ "iou-\S+": [^\n]*ETIMEDOUT\)\n$/);
  });
});

describe("CAP_BPF and CAP_PERFMON", () => {
  const bounding = capabilitySet(perfmon, bpf);
  const unlimited = isMemoryLocked ? ["prlimit", "--memlock=unlimited"] : [];

  test("are all that root needs", async (t) => {
    const agent = await startAgent(t, [...roomy], { prefix: [...unlimited, ...rootWith("bpf", "perfmon")] });
    everyThreadHas(agent.pid, reduced(bounding));
    await countsExactly(t, agent);
  });

  test("are all that another user needs who may look into root's folder that ringtap lies in", async (t) => {
    const user = [
      "setpriv",
      "--reuid=65534",
      "--clear-groups",
      ...onlyCapabilities("dac_read_search", "bpf", "perfmon"),
    ];
    const agent = await startAgent(t, [...roomy], { prefix: [...unlimited, ...user], main: copyBuild(t).main });
    everyThreadHas(agent.pid, reduced(capabilitySet(readSearch, perfmon, bpf)));
    await countsExactly(t, agent);
  });

  test("are enough under no_new_privs and a seccomp filter such as Docker's", async (t) => {
    const confined = compileProgram("confined", programSource("confined"));
    await assert.rejects(runProgram(confined, ["unshare", "--mount", "true"]), /Operation not permitted/);
    const agent = await startAgent(t, [...roomy], {
      prefix: [...unlimited, ...rootWith("bpf", "perfmon"), confined],
    });
    everyThreadHas(agent.pid, reduced(bounding));
    await countsExactly(t, agent);
  });

  for (const [has, lacks] of [
    ["bpf", "CAP_PERFMON"],
    ["perfmon", "CAP_BPF"],
  ] as const) {
    test(`without ${lacks} nothing runs, and the error names it`, async (t) => {
      for (const args of [["run"], ["trace", "tcp"]]) {
        const { status, stdout, stderr } = await runRingtap(t, args, { prefix: rootWith(has) });
        assert.deepEqual([status, stdout], [1, ""]);
        assert.equal(
          stderr,
          `ringtap: uid 0 lacks ${lacks}: run it as root, with sudo, or grant it CAP_BPF and CAP_PERFMON (CAP_SYS_ADMIN includes both)\n`,
        );
      }
    });
  }

  test("want CAP_SYS_RESOURCE beside them where memory is locked", { skip: !isMemoryLocked }, async (t) => {
    const { status, stderr } = await runRingtap(t, ["run", "--signals=tcp"], { prefix: rootWith("bpf", "perfmon") });
    assert.equal(status, 1);
    assert.match(stderr, /RLIMIT_MEMLOCK, now \d+ bytes: grant CAP_SYS_RESOURCE/);
    const agent = await startAgent(t, [...roomy], {
      prefix: rootWith("bpf", "perfmon", "sys_resource"),
    });
    await countsExactly(t, agent);
  });
});
