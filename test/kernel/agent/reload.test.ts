/** Settings that change while the agent runs: real events before, during and after, counted exactly. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { before, describe, it } from "node:test";

import { type Agent, startAgent } from "../support/agent.js";
import { eventually } from "../support/eventually.js";
import { heldBy } from "../support/kernel-objects.js";
import { compileProgram, runProgram, scratch } from "../support/program.js";
import { startRingtap } from "../support/ringtap.js";
import { type Samples, select, sum } from "../support/samples.js";
import type { Scope } from "../support/scope.js";
import { startWaiting } from "../support/waiting.js";

const successful = "ringtap_config_last_reload_successful";
const succeededAt = "ringtap_config_last_reload_success_timestamp_seconds";

/** Filters follow. The ring has room for all that a test does at once. */
const stream = "signals: [syscall, file]\nring.size: 64MiB\nsyscall.mode: stream\n";

let steady = "";
let calls = "";

function compile(comm: string, source: string): string {
  const url = new URL(`../../../../test/kernel/programs/${source}.c`, import.meta.url);
  return compileProgram(comm, readFileSync(url, "utf8"), ["-static"]);
}

before(() => {
  steady = compile("rt-steady", "steady-calls");
  calls = compile("rt-filtered", "syscall-calls");
});

/** An agent that follows a file. */
interface Configured extends Agent {
  readonly path: string;
  /** Writes the file; the agent finds out by itself. */
  write(text: string): void;
  /** Writes the file, sends SIGHUP, and waits for the log line that begins so. */
  reload(text: string, line?: string): Promise<void>;
}

async function startConfigured(scope: Scope, text: string, args: readonly string[] = []): Promise<Configured> {
  const path = join(mkdtempSync(scratch("reload-")), "ringtap.yaml");
  const write = (changed: string): void => {
    writeFileSync(path, changed);
  };
  write(text);
  const agent = await startAgent(scope, [`--config.file=${path}`, ...args]);
  let seen = agent.stderr.length;
  const reload = async (changed: string, line = 'msg="configuration reloaded"'): Promise<void> => {
    write(changed);
    process.kill(agent.pid, "SIGHUP");
    await eventually(() => {
      const at = agent.stderr.indexOf(line, seen);
      assert(at >= 0, `no ${line} in:\n${agent.stderr.slice(seen)}`);
      seen = agent.stderr.length;
    });
  };
  return Object.assign(agent, { path, write, reload });
}

function callsOf(samples: Samples, pid: number, syscall: string): number {
  return sum(samples, "ringtap_syscalls_total", { pid, syscall });
}

/** Programs and links that the agent holds: attached ones are replaced by others when they are attached anew. */
function attached(agent: Agent): string[] {
  return [...heldBy(agent.pid)].filter((held) => !held.startsWith("map")).sort();
}

describe("labels", () => {
  it("change for what happens from then on, and lose nothing of what happened before", async (t) => {
    const agent = await startConfigured(t, "signals: [syscall, file]\nlabels: [pid, comm]\n");
    const programs = attached(agent);
    const program = await startWaiting(t, steady);
    await eventually(async () => {
      assert(callsOf(await agent.scrape(), program.pid, "getppid") > 0);
    });
    await agent.reload("signals: [syscall, file]\nlabels: [comm]\n");
    const before = callsOf(await agent.scrape(), program.pid, "getppid");
    const [rounds = ""] = await program.go();
    const samples = await agent.scrape();
    assert.equal(callsOf(samples, program.pid, "getppid"), before);
    assert.equal(sum(samples, "ringtap_syscalls_total", { comm: "rt-steady", syscall: "getppid" }), Number(rounds));
    assert.equal(sum(samples, "ringtap_file_opens_total", { comm: "rt-steady", result: "ENOENT" }), Number(rounds));
    assert.deepEqual(attached(agent), programs);
    await agent.reload("signals: [syscall, file]\nlabels: [comm, unit]\n", "a change of these needs a restart");
  });
});

describe("a reload under way", () => {
  it("loses nothing that both the old and the new filters let pass, and counts nothing twice", async (t) => {
    const agent = await startConfigured(t, `${stream}syscall.comms: [rt-steady]\n`);
    const programs = attached(agent);
    const program = await startWaiting(t, steady);
    const filters = [
      "names: [getppid], comms: [rt-steady]",
      `names: [getppid], pids: [${program.pid}]`,
      `pids: [${program.pid}]`,
      `pids: [1, ${program.pid}], comms: [rt-steady, other]`,
      `names: [getppid, getuid, getgid], pids: [${program.pid}, 2], comms: [a, rt-steady]`,
      "comms: [rt-steady]",
    ];
    for (let round = 0; round < 5; round++) {
      for (const filter of filters) {
        const before = callsOf(await agent.scrape(), program.pid, "getppid");
        await agent.reload(`${stream}syscall: { ${filter} }\n`);
        await eventually(async () => {
          assert(callsOf(await agent.scrape(), program.pid, "getppid") > before);
        });
      }
    }
    const [rounds = ""] = await program.go();
    const samples = await agent.scrape();
    assert(Number(rounds) > 1000, rounds);
    assert.equal(callsOf(samples, program.pid, "getppid"), Number(rounds));
    assert.equal(sum(samples, "ringtap_file_opens_total", { pid: program.pid, result: "ENOENT" }), Number(rounds));
    const getuid = callsOf(samples, program.pid, "getuid");
    assert(getuid > 0 && getuid < Number(rounds), `${getuid} of ${rounds} getuid`);
    for (const signal of ["syscall", "file"]) {
      const events = (kind: string): number => sum(samples, `ringtap_events_${kind}_total`, { signal });
      assert.equal(events("consumed") + events("dropped"), events("produced"));
      assert.equal(events("dropped"), 0);
    }
    assert.deepEqual(attached(agent), programs);
  });

  it("leaves counts of the kernel alone in aggregate mode", async (t) => {
    const agent = await startConfigured(t, "signals: [syscall]\n");
    const program = await startWaiting(t, steady);
    for (let round = 1; round <= 10; round++) {
      await agent.reload(`signals: [syscall]\nseries-limit: ${1_000_000 + round}\n`);
    }
    const [rounds = ""] = await program.go();
    const samples = await agent.scrape();
    assert.equal(callsOf(samples, program.pid, "getppid"), Number(rounds));
    assert.equal(callsOf(samples, program.pid, "getuid"), Number(rounds));
    assert.equal(sum(samples, "ringtap_series_limit", {}), 1_000_010);
  });
});

describe("filters after a reload", () => {
  it("apply, one after the other", async (t) => {
    const agent = await startConfigured(t, `${stream}syscall.comms: [rt-filtered]\n`);

    /** What one run of the program is counted with: getppid, failed close, sleeps of 20 ms. */
    async function run(): Promise<number[]> {
      const waiting = await startWaiting(t, calls, ["filtered"]);
      await waiting.go();
      const samples = await agent.scrape();
      return ["getppid", "close", "clock_nanosleep"].map((name) => callsOf(samples, waiting.pid, name));
    }

    assert.deepEqual(await run(), [30, 20, 4]);
    for (const [filter, expected] of [
      ["comms: [rt-filtered], errors-only: true", [0, 20, 0]],
      ["comms: [rt-filtered], min-duration: 10ms, names: [getppid, close, clock_nanosleep]", [0, 0, 4]],
      ["comms: [rt-filtered], names: [getppid]", [30, 0, 0]],
      [`pids: [${process.pid}]`, [0, 0, 0]],
      ["comms: [rt-other]", [0, 0, 0]],
      ["comms: [rt-other, rt-filtered]", [30, 20, 4]],
    ] as const) {
      await agent.reload(`${stream}syscall: { ${filter} }\n`);
      assert.deepEqual(await run(), expected, filter);
    }
  });

  it("can be as many as there may be, all of them new", async (t) => {
    const pids = (from: number, last: number): string =>
      `${stream}syscall.pids: [${Array.from({ length: 1023 }, (_, index) => from + index).join()}, ${last}]\n`;
    const program = await startWaiting(t, steady);
    const agent = await startConfigured(t, pids(2_000_000, program.pid));
    await agent.reload(pids(2_100_000, program.pid));
    await agent.reload(pids(2_200_000, 2_300_000));
    const stopped = callsOf(await agent.scrape(), program.pid, "getppid");
    assert(stopped > 0);
    const refusal = `${stream}syscall.pids: [${Array.from({ length: 1025 }, (_, index) => 1 + index).join()}]\n`;
    await agent.reload(refusal, "--syscall.pids has 1025 values");
    assert.equal(callsOf(await agent.scrape(), program.pid, "getppid"), stopped);
  });
});

describe("a file that is not valid", () => {
  it("leaves everything as it was, is logged once, and applies once fixed", async (t) => {
    const good = `${stream}syscall: { comms: [rt-steady], names: [getppid] }\nseries-limit: 5000\n`;
    const agent = await startConfigured(t, good);
    const program = await startWaiting(t, steady);
    const started = await agent.scrape();
    assert.equal(sum(started, successful, {}), 1);
    const at = sum(started, succeededAt, {});
    assert(Math.abs(at - Date.now() / 1000) < 60);

    agent.write(`${stream}series-limit: 7\nsyscall.nams: [getuid]\n`);
    const [line] = await agent.said(/.*configuration not reloaded.*/);
    assert.match(line, /level=error/);
    assert(line.includes(`line 5: unknown key \\"syscall.nams\\" (did you mean \\"syscall.names\\"?)`), line);
    const after = await agent.scrape();
    assert.deepEqual([sum(after, successful, {}), sum(after, succeededAt, {})], [0, at]);
    assert.equal(sum(after, "ringtap_series_limit", {}), 5000);

    agent.write(`${good}log.level: debug\n`);
    await agent.said(/configuration reloaded.*changed=--log\.level/);
    const fixed = await agent.scrape();
    assert.equal(sum(fixed, successful, {}), 1);
    assert(sum(fixed, succeededAt, {}) > at);
    assert.equal(agent.stderr.match(/not reloaded/g)?.length, 1);

    const [rounds = ""] = await program.go();
    const samples = await agent.scrape();
    assert.equal(callsOf(samples, program.pid, "getppid"), Number(rounds));
    assert.equal(callsOf(samples, program.pid, "getuid"), 0);
  });
});

describe("limits that are lowered", () => {
  /** An agent with one signal, and its execs by comm. */
  async function countExecs(scope: Scope) {
    const agent = await startConfigured(scope, "signals: [process]\n");
    const run = async (...comms: readonly string[]): Promise<void> => {
      for (const comm of comms) {
        await runProgram(compileProgram(comm, "int main(void) { return 0; }"));
      }
    };
    const execs = async (comm: string): Promise<number> =>
      sum(await agent.scrape(), "ringtap_process_execs_total", { comm });
    return { agent, run, execs };
  }

  it("keep the series that are there, and fold those that come", async (t) => {
    const { agent, run, execs } = await countExecs(t);
    await run("rt-old");
    assert.equal(await execs("rt-old"), 1);
    await agent.reload("signals: [process]\nseries-limit: 1\n");
    await run("rt-old", "rt-new");
    assert.deepEqual([await execs("rt-old"), await execs("rt-new")], [2, 0]);
    assert((await execs("~other")) > 0);
    assert.equal(sum(await agent.scrape(), "ringtap_series_limit", {}), 1);
    await agent.reload("signals: [process]\nseries-limit: 1000\n");
    await run("rt-new");
    assert.equal(await execs("rt-new"), 1);
  });

  it("keep the processes that are tracked, and count those that come as ~other", async (t) => {
    const { agent, run, execs } = await countExecs(t);
    await agent.reload("signals: [process]\nidentity-limit: 1\n");
    await run("rt-new");
    assert.equal(await execs("rt-new"), 0);
    assert((await execs("~other")) > 0);
    const samples = await agent.scrape();
    assert.equal(sum(samples, "ringtap_identities_limit", {}), 1);
    assert(sum(samples, "ringtap_identities", {}) > 1);
    await agent.reload("signals: [process]\n");
    await run("rt-new");
    assert.equal(await execs("rt-new"), 1);
  });
});

describe("what cannot change", () => {
  it("is named in one warning, and the rest is taken over", async (t) => {
    const agent = await startConfigured(t, "signals: [process]\n");
    // The address is the command line's, which goes before the file.
    const frozen = "signals: [process, tcp]\nring.size: 8MiB\nweb.listen-address: 127.0.0.1:1\n";
    await agent.reload(
      `${frozen}syscall: { mode: stream, names: [read] }\nseries-limit: 77\n`,
      'level=warn msg="a change of these needs a restart" flags=--signals,--ring.size,--syscall.mode,--syscall.names\n',
    );
    const samples = await agent.scrape();
    assert.equal(sum(samples, "ringtap_series_limit", {}), 77);
    assert.equal(sum(samples, successful, {}), 1);
    assert.equal(sum(samples, "ringtap_signal_up", { signal: "tcp" }), 0);
  });
});

it("the log's level follows the file", async (t) => {
  const agent = await startConfigured(t, "signals: [process]\n");
  const at = sum(await agent.scrape(), succeededAt, {});
  agent.write("signals: [process]\nlog.level: error\n");
  await eventually(async () => {
    assert(sum(await agent.scrape(), succeededAt, {}) > at);
  });
  assert.doesNotMatch(agent.stderr, /reloaded/);
  await agent.reload("signals: [process]\nlog.level: info\n", "changed=--log.level");
});

describe("SIGHUP", () => {
  it("does not end an agent that starts", async (t) => {
    const path = join(mkdtempSync(scratch("reload-")), "ringtap.yaml");
    writeFileSync(path, "signals: [process]\nweb.listen-address: 127.0.0.1:0\n");
    const agent = startRingtap(t, ["run", `--config.file=${path}`]);
    await eventually(() => {
      assert(heldBy(agent.pid).size > 0);
    });
    process.kill(agent.pid, "SIGHUP");
    await agent.said(/serving metrics[^]*configuration reloaded.*changed=nothing/);
    assert.deepEqual(await agent.stop(), { status: 0, signal: null });
  });

  it("has the web configuration reread, too, with no other file", async (t) => {
    const web = join(mkdtempSync(scratch("reload-")), "web.yml");
    writeFileSync(web, "http_server_config: { headers: { X-Frame-Options: deny } }\n");
    // A pipe, as <(…) of a shell is: it is read once, so that SIGHUP finds nothing new in it.
    const config = join(dirname(web), "ringtap.yaml");
    execFileSync("mkfifo", [config]);
    const writer = spawn("sh", ["-c", 'echo "signals: process" >"$0"', config]);
    t.after(() => writer.kill());
    const agent = await startAgent(t, [`--config.file=${config}`, `--web.config.file=${web}`]);
    assert.deepEqual(
      [...select(await agent.scrape(), "ringtap_signal_up", {}).keys()],
      ['ringtap_signal_up{signal="process"}'],
    );
    writeFileSync(web, "http_server_config: { headers: { X-Frame-Options: sameorigin } }\n");
    process.kill(agent.pid, "SIGHUP");
    await agent.said(/configuration reloaded.*changed=nothing[^]*read once, at the start.*ringtap.yaml/);
    assert.equal((await agent.get("/")).headers.get("X-Frame-Options"), "sameorigin");
    writeFileSync(web, "nonsense: 1\n");
    process.kill(agent.pid, "SIGHUP");
    await agent.said(/web configuration not reloaded.*unknown key/);
    assert.equal((await agent.get("/")).headers.get("X-Frame-Options"), "sameorigin");
  });
});

it("Kubernetes's swap of a ConfigMap is followed without a signal", async (t) => {
  const folder = mkdtempSync(scratch("config-"));
  const publish = (version: string, text: string): void => {
    mkdirSync(join(folder, version));
    writeFileSync(join(folder, version, "ringtap.yaml"), text);
    symlinkSync(version, join(folder, "..data_tmp"));
    renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
  };
  publish("..1", "signals: [process]\nseries-limit: 100\n");
  symlinkSync("..data/ringtap.yaml", join(folder, "ringtap.yaml"));
  const agent = await startAgent(t, [`--config.file=${join(folder, "ringtap.yaml")}`]);
  publish("..2", "signals: [process]\nseries-limit: 200\n");
  await agent.said(/configuration reloaded.*changed=--series-limit/);
  assert.equal(sum(await agent.scrape(), "ringtap_series_limit", {}), 200);
});
