/** Faults around the agent: clocks that jump, file systems that are not there, a full disk, too few descriptors, a standstill. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { before, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";

import { type Agent, startAgent } from "../support/agent.js";
import { eventually, slowness } from "../support/eventually.js";
import { compileProgram, runProgram, scratch } from "../support/program.js";
import { runRingtap, startRingtap } from "../support/ringtap.js";
import { parseSamples, sum } from "../support/samples.js";

const execs = "ringtap_process_execs_total";
const comm = "rt-faults";

let program = "";

before(() => {
  program = compileProgram(comm, "int main(void) { return 0; }");
});

/** A prefix: a mount namespace of its own, changed by a shell command. */
function withMounts(command: string): string[] {
  return ["unshare", "--mount", "sh", "-c", `${command} && exec "$@"`, "sh"];
}

/** Every signal is up, and what a program does is counted. */
async function works(agent: Agent): Promise<void> {
  const ready = await agent.get("/readyz");
  assert.equal(ready.status, 200, await ready.text());
  const counted = sum(await agent.scrape(), execs, { comm });
  await runProgram(program);
  assert.equal(sum(await agent.scrape(), execs, { comm }), counted + 1);
}

describe("a file system that is not as usual", () => {
  for (const [name, command] of [
    ["/proc shows nobody else's processes", "mount -t proc -o hidepid=2 proc /proc"],
    ["no tracefs", "umount --recursive /sys/kernel/tracing && ! ls /sys/kernel/tracing/events 2>/dev/null"],
    ["no bpffs", "while umount --lazy /sys/fs/bpf 2>/dev/null; do :; done; ! grep -q ' /sys/fs/bpf bpf ' /proc/mounts"],
    ["no control groups", "umount --recursive --lazy /sys/fs/cgroup && ! grep -q ' /sys/fs/cgroup' /proc/mounts"],
  ] as const) {
    it(`${name}: nothing is missing`, async (t) => {
      await works(await startAgent(t, [], { prefix: withMounts(command) }));
    });
  }
});

describe("a step of the system's time", () => {
  const hour = 3_600_000;

  it("forward takes no series away, and back keeps none", async (t) => {
    const step = scratch("step");
    writeFileSync(step, "+0");
    // A series with a pid: others stay when their process has ended.
    const agent = await startAgent(t, ["--signals=process,file"], {
      environment: {
        LD_PRELOAD: "/usr/$LIB/faketime/libfaketime.so.1",
        FAKETIME_TIMESTAMP_FILE: step,
        FAKETIME_NO_CACHE: "1",
        FAKETIME_DONT_FAKE_MONOTONIC: "1",
      },
    });
    /** Sets the agent's clock so far from the real one, and waits until it shows. */
    const stepTo = async (offset: number): Promise<void> => {
      writeFileSync(step, `${offset < 0 ? "" : "+"}${offset / 1000}`);
      await eventually(async () => {
        const { headers } = await agent.get("/healthz");
        const off = Date.parse(headers.get("date") ?? "") - Date.now() - offset;
        assert(Math.abs(off) < 60_000, `${off} ms off`);
      });
    };
    await runProgram(program);
    const series = async (): Promise<number> => sum(await agent.scrape(), "ringtap_file_opens_total", { comm });
    const opened = await series();
    assert(opened > 0);
    await stepTo(hour);
    // The upkeep that removes series comes every second.
    await setTimeout(2_500);
    assert.equal(await series(), opened);
    await stepTo(-hour);
    const deadline = performance.now() + 40_000 * slowness;
    while ((await series()) > 0) {
      assert(performance.now() < deadline, "the series stays");
      await setTimeout(1_000);
    }
  });
});

describe("a log that cannot be written", () => {
  it("does not keep the agent from counting and serving", async (t) => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    server.close();
    const full = ["sh", "-c", 'exec "$@" 2>/dev/full', "sh"];
    const agent = startRingtap(t, ["run", `--web.listen-address=127.0.0.1:${port}`], { prefix: full });
    const scrape = async (): Promise<number> => {
      const response = await fetch(`http://127.0.0.1:${port}/metrics`);
      return sum(parseSamples(await response.text()), execs, { comm });
    };
    const counted = await eventually(scrape);
    await runProgram(program);
    assert.equal(await scrape(), counted + 1);
    assert.deepEqual(await agent.stop("SIGTERM"), { status: 0, signal: null });
  });

  it("leaves bad input its exit status", async (t) => {
    const full = ["sh", "-c", 'exec "$@" 2>/dev/full', "sh"];
    const { status } = await runRingtap(t, ["run", "--signals=tpc"], { prefix: full });
    assert.equal(status, 2);
  });
});

for (const command of [
  ["top", "--once", "--interval=100ms"],
  ["trace", "file", "--duration=0.1"],
]) {
  it(`${command.join(" ")}: a full disk`, async (t) => {
    const prefix = ["sh", "-c", 'exec "$@" >/dev/full', "sh"];
    const { status, stderr } = await runRingtap(t, command, { prefix });
    assert.match(stderr, /^ringtap: writing to stdout: ENOSPC: no space left on device, write$/m);
    assert.equal(status, 1);
  });
}

describe("too few file descriptors", () => {
  it("for the last signal: the others run and can be scraped, and /readyz tells; --strict ends", async (t) => {
    const whole = await startAgent(t);
    const descriptors = readdirSync(`/proc/${whole.pid}/fd`).length;
    await whole.stop();
    // 128 connections to one address, the listening socket, and 32 for the work between scrapes.
    const kept = 128 + 1 + 32;
    const prefix = ["prlimit", `--nofile=${descriptors - 8 + kept}`];
    const agent = await startAgent(t, [], { prefix });
    const ready = await agent.get("/readyz");
    const text = await ready.text();
    assert.equal(ready.status, 503);
    assert.match(text, /^\w+: down \((?:loading|attaching) signal \w+: tp_btf: .*\(EMFILE\)\)$/m);
    assert.equal([...text.matchAll(/: up \(tp_btf\)$/gm)].length, text.trimEnd().split("\n").length - 1, text);
    await runProgram(program);
    const clients = Array.from({ length: 120 }, () => connect(Number(new URL(agent.origin).port), "127.0.0.1"));
    await Promise.all(clients.map((client) => once(client, "connect")));
    assert.equal(sum(await agent.scrape(), execs, { comm }), 1);
    for (const client of clients) {
      client.destroy();
    }

    const { status, stdout, stderr } = await runRingtap(t, ["run", "--strict"], { prefix });
    assert.deepEqual([status, stdout], [1, ""]);
    assert.match(stderr, /^ringtap: (?:loading|attaching) signal \w+: tp_btf: [^\n]*\(EMFILE\)\n$/);
  });

  it("for clients: told before anything is attached", async (t) => {
    const { status, stderr } = await runRingtap(t, ["run"], { prefix: ["prlimit", "--nofile=128"] });
    assert.equal(status, 1);
    assert.match(
      stderr,
      /^ringtap: too few file descriptors: 161 are needed for serving; raise the limit \(ulimit -n, [^\n]+\n$/,
    );
  });
});

describe("an agent that stands still", () => {
  it("accounts for every event, forgets who ended meanwhile and goes on", async (t) => {
    const agent = await startAgent(t, ["--ring.size=64KiB"]);
    const processes = 1_000;
    const lines = async (): Promise<number> =>
      sum(await agent.scrape(), "ringtap_map_entries", { map: "syscall_calls" });
    process.kill(agent.pid, "SIGSTOP");
    await runProgram("/bin/sh", ["-c", `for each in $(seq ${processes}); do ${program}; done`]);
    process.kill(agent.pid, "SIGCONT");
    // Others' processes come and go: the event counts agree when none does between the last read of the ring and that of the counts.
    await eventually(async () => {
      const samples = await agent.scrape();
      const events = (kind: string, labels = {}): number =>
        sum(samples, `ringtap_events_${kind}_total`, { signal: "process", ...labels });
      assert.equal(events("consumed") + events("dropped"), events("produced"));
      assert.equal(events("dropped"), events("dropped", { reason: "ring_full" }));
      assert(events("dropped") > 0, "the ring was never full");
      assert(events("produced") >= 3 * processes);
    });
    // No record is left of most of them, but in the kernel each has had a line for each of some ten calls.
    await eventually(async () => {
      assert((await lines()) < processes);
    });
    await works(agent);
  });
});
