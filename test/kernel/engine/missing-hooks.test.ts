/** Kernels that lack a hook: the real agent with objects that ask for tracepoints which no kernel has. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, createConnection, createServer } from "node:net";
import { it } from "node:test";
import { pathToFileURL } from "node:url";

import type { Finding } from "../../../src/host/finding.js";
import { native } from "../../../src/binding/native.js";
import { defaultValues, type FlagTable, type FlagValues } from "../../../src/sdk/flags.js";
import type { AnySignal } from "../../../src/sdk/signal.js";
import { signals } from "../../../src/signals/index.js";
import { loadSignal } from "../../../src/engine/load.js";
import { startAgent } from "../support/agent.js";
import { type BuildCopy, copyBuild } from "../support/build-copy.js";
import { objectPath, ways } from "../support/loading.js";
import { compileProgram, programSource, runProgram } from "../support/program.js";
import { runRingtap } from "../support/ringtap.js";
import { type Samples, select, sum } from "../support/samples.js";
import type { Scope } from "../support/scope.js";

/** A build whose objects ask for other tracepoints, by signal; names of one length, so that nothing in an object moves. */
function buildAsking(scope: Scope, renamed: Readonly<Record<string, readonly [from: string, to: string]>>): BuildCopy {
  const copy = copyBuild(scope);
  for (const [signal, [from, to]] of Object.entries(renamed)) {
    const object = readFileSync(copy.object(signal), "latin1");
    assert.equal(to.length, from.length);
    assert(object.includes(`tp_btf/${from}\0`), from);
    writeFileSync(copy.object(signal), object.replaceAll(`tp_btf/${from}\0`, `tp_btf/${to}\0`), "latin1");
  }
  return copy;
}

/** Details of tcp and of process hang on these. */
const withoutDetails = {
  tcp: ["tcp_send_reset", "tcp_no_such_tp"],
  process: ["task_rename", "task_nosuch"],
} as const;

const reasons = {
  tcp: 'loading tcp.bpf.o: program "tcp_reset_sent": this kernel has no tp_btf/tcp_no_such_tp: No such process (ESRCH)',
  process:
    'loading process.bpf.o: program "process_rename": this kernel has no tp_btf/task_nosuch: No such process (ESRCH)',
};

/** Connects to this process so many times; each connection is reset by its server. */
async function resetConnections(count: number): Promise<void> {
  const server = createServer((socket) => {
    socket.resetAndDestroy();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  for (let n = 0; n < count; n++) {
    const client = createConnection((server.address() as AddressInfo).port, "127.0.0.1");
    await once(client, "error");
  }
  server.close();
}

/** Counts of a metric, by one of its labels. */
function countsBy(
  label: string,
  samples: Samples,
  metric: string,
  labels: Readonly<Record<string, string | number>>,
): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [series, count] of select(samples, metric, labels)) {
    counts[new RegExp(`[{,]${label}="([^"]*)"`).exec(series)?.[1] ?? ""] = count;
  }
  return counts;
}

it("a signal runs without what hangs on a missing hook, and the rest of it stays exact", async (t) => {
  const agent = await startAgent(t, [], buildAsking(t, withoutDetails));
  const connects = (samples: Samples): number =>
    sum(samples, "ringtap_tcp_connects_total", { pid: process.pid, result: "established" });
  const earlier = connects(await agent.scrape());
  await resetConnections(4);
  const source = programSource("processes");
  const spawner = compileProgram("rt-spawner", source);
  await runProgram(spawner, ["spawn", compileProgram("rt-before", source), "5", "rename", "rt-after"]);
  await runProgram(spawner, ["spawn", compileProgram("rt-ends", source), "6", "exit", "3"]);

  const samples = await agent.scrape();
  const own = { pid: process.pid };
  assert.equal(connects(samples), earlier + 4);
  assert.equal(sum(samples, "ringtap_tcp_accepts_total", own), 4);
  assert.deepEqual(countsBy("direction", samples, "ringtap_tcp_resets_total", own), { received: 4 });
  assert.equal(sum(samples, "ringtap_process_execs_total", { comm: "rt-before" }), 5);
  assert.deepEqual(countsBy("reason", samples, "ringtap_process_exits_total", { comm: "rt-ends" }), { error: 6 });
});

it("what is lost is named in the log, in /readyz and in ringtap_signal_info", async (t) => {
  const agent = await startAgent(t, ["--log.format=json"], buildAsking(t, withoutDetails));
  const log = agent.stderr.trimEnd().split("\n");
  const refusals = log
    .map((line) => JSON.parse(line) as { msg: string; signal: string; without: string; err: string })
    .filter(({ msg }) => msg === "a program was refused")
    .map(({ signal, without, err }) => [signal, without, err]);
  assert.deepEqual(refusals, [
    ["process", "renames", reasons.process],
    ["tcp", "resets sent", reasons.tcp],
  ]);

  const ready = await agent.get("/readyz");
  assert.equal(ready.status, 200);
  assert.deepEqual((await ready.text()).trimEnd().split("\n"), [
    "cgroup: up (tp_btf)",
    "process: up (tp_btf, without renames)",
    "tcp: up (tp_btf, without resets sent)",
    "syscall: up (tp_btf)",
    "file: up (tp_btf)",
  ]);

  const infos = select(await agent.scrape(), "ringtap_signal_info", {});
  assert.deepEqual(
    [...infos.keys()],
    [
      'ringtap_signal_info{signal="cgroup",hook="tp_btf"}',
      'ringtap_signal_info{signal="process",hook="tp_btf",without="renames"}',
      'ringtap_signal_info{signal="tcp",hook="tp_btf",without="resets sent"}',
      'ringtap_signal_info{signal="syscall",hook="tp_btf"}',
      'ringtap_signal_info{signal="file",hook="tp_btf"}',
    ],
  );
});

it("check warns of it, and finds that run works", async (t) => {
  const { status, stdout } = await runRingtap(t, ["check", "--output=json"], buildAsking(t, withoutDetails));
  assert.equal(status, 0);
  const found = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Finding);
  const tcp = found.find(({ check }) => check === "signal tcp");
  assert.equal(tcp?.status, "warn");
  assert.equal(
    tcp.detail.replace(/; refused: fexit \(.*? \(EPERM\)\)/, ""),
    `tp_btf: tcp_state, tcp_destroy, tcp_reset_received, tcp_synack_retransmitted, tcp_sys_exit; without resets sent (${reasons.tcp})`,
  );
});

it("trace warns of it", async (t) => {
  const { status, stderr } = await runRingtap(
    t,
    ["trace", "tcp", "--duration=100ms"],
    buildAsking(t, { tcp: withoutDetails.tcp }),
  );
  assert.equal(status, 0);
  assert.match(stderr, /a program was refused.* without="?resets sent/);
});

/** A signal's optional programs on tracepoints; what Linux 5.10 lacks of iterators is tried there. */
function optionalOf(signal: AnySignal): readonly { program: string; detail: string; hook: string }[] {
  const object = native.open(objectPath(signal));
  const sections = new Map(object.programs.map(({ name, section }) => [name, section.split("/")]));
  object.close();
  return Object.entries(signal.optional ?? {}).flatMap(([program, detail]) => {
    const [kind, hook = ""] = sections.get(program) ?? [];
    return kind === "tp_btf" ? [{ program, detail, hook }] : [];
  });
}

/** The flags of a signal with all its switches on. */
function allOn(signal: AnySignal): FlagValues<FlagTable> {
  const values = Object.entries(defaultValues((signal.flags ?? {}) as FlagTable));
  return Object.fromEntries(values.map(([name, value]) => [name, value === false ? true : value]));
}

for (const signal of signals) {
  for (const { program, detail, hook } of optionalOf(signal)) {
    it(`${signal.name} loads without ${program}`, (t) => {
      const copy = buildAsking(t, { [signal.name]: [hook, "x".repeat(hook.length)] });
      const asking = { ...signal, object: pathToFileURL(copy.object(signal.name)) };
      // Every program is wanted.
      const loaded = loadSignal(asking, { host: { ...ways.containers.host, byPeer: true }, flags: allOn(signal) });
      loaded.close();
      assert.deepEqual(
        loaded.lost.map((loss) => [loss.program, loss.detail]),
        [[program, detail]],
      );
    });
  }
}

it("a signal is down without a hook that all of it hangs on; the others run", async (t) => {
  const agent = await startAgent(t, [], buildAsking(t, { tcp: ["inet_sock_set_state", "inet_sock_no_such_t"] }));
  const samples = await agent.scrape();
  const up = Object.fromEntries(
    ["process", "tcp", "syscall", "file"].map((signal) => [signal, sum(samples, "ringtap_signal_up", { signal })]),
  );
  assert.deepEqual(up, { process: 1, tcp: 0, syscall: 1, file: 1 });
  assert.match(
    await (await agent.get("/readyz")).text(),
    /^tcp: down \(.*"tcp_state": this kernel has no tp_btf\/inet_sock_no_such_t: No such process/m,
  );
});
