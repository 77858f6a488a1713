/** The agent on a machine that is suspended and wakes up again: a guest that is woken after five seconds (scripts/vm/test-suspend). */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import type { Readable } from "node:stream";
import { before, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";

import { signals } from "../../src/signals/index.js";
import { type Agent, startAgent } from "../kernel/support/agent.js";
import { eventually } from "../kernel/support/eventually.js";
import { type Ringtap, startRingtap } from "../kernel/support/ringtap.js";
import { type Samples, sum } from "../kernel/support/samples.js";
import { suiteScope } from "../kernel/support/scope.js";

/** Processes that are started before it, and again after it. */
const started = 10;

/** In a guest that has nobody else, any is free. */
const port = 7;

/** Bytes that a connection carries before it, and again after it. */
const sent = 1000;

/** Seconds that a process sleeps meanwhile, by CLOCK_MONOTONIC. */
const sleepFor = 6;

/** Seconds. */
interface Times {
  /** CLOCK_MONOTONIC, which stands still while the machine is suspended. */
  readonly monotonic: number;
  /** CLOCK_BOOTTIME, which does not. */
  readonly boot: number;
}

function times(): Times {
  return { monotonic: performance.now() / 1000, boot: parseFloat(readFileSync("/proc/uptime", "utf8")) };
}

/**
 * Suspends the machine: everything up to the firmware's part, instead of which the kernel waits for five seconds before it goes back
 * (TEST_CORE, Documentation/power/basic-pm-debugging.rst). Returns for how long it was, in seconds.
 */
function suspend(): number {
  const from = times();
  writeFileSync("/sys/power/pm_test", "core");
  writeFileSync("/sys/power/state", "mem");
  const to = times();
  return to.boot - from.boot - (to.monotonic - from.monotonic);
}

function startProcesses(): void {
  for (let each = 0; each < started; each++) {
    execFileSync("/bin/true");
  }
}

/** Has a connection carry {@link sent} bytes to a peer, which writes out what it reads. */
async function send(client: Socket, peer: Readable): Promise<void> {
  client.write(Buffer.alloc(sent));
  for (let left = sent; left > 0;) {
    const [chunk] = (await once(peer, "data")) as [Buffer];
    left -= chunk.length;
  }
}

/** Connects to the port, once somebody listens there. */
function connected(): Promise<Socket> {
  return eventually(async () => {
    const client = connect(port, "127.0.0.1");
    await once(client, "connect");
    return client;
  });
}

describe("suspend and resume", () => {
  const scope = suiteScope();
  let agent: Agent;
  let trace: Ringtap;
  let suspended: number;
  let samples: Samples;

  before(async () => {
    agent = await startAgent(scope, ["--syscall.timing=all"]);
    trace = startRingtap(scope, ["trace", "process", "--where=comm=true", "--output=json"]);
    await trace.said(/tracing/);
    const server = spawn("/bin/nc", ["-l", "-p", port.toString()], { stdio: ["pipe", "pipe", "inherit"] });
    scope.after(() => server.kill());
    const client = await connected();
    scope.after(() => client.destroy());
    await send(client, server.stdout);
    startProcesses();
    const sleeper = once(spawn("/bin/sleep", [sleepFor.toString()]), "exit");
    await setTimeout(1000);

    suspended = suspend();

    startProcesses();
    await send(client, server.stdout);
    await sleeper;
    samples = await agent.scrape();
  });

  it("has been one: time has gone on without CLOCK_MONOTONIC", () => {
    // The real-time clock, which tells the kernel for how long it was, counts in whole seconds.
    assert.ok(suspended > 3, `${suspended} s`);
  });

  it("leaves every signal up, and its books balanced", () => {
    for (const { name } of signals) {
      const events = (kind: string): number => sum(samples, `ringtap_events_${kind}_total`, { signal: name });
      assert.equal(sum(samples, "ringtap_signal_up", { signal: name }), 1, name);
      assert.equal(events("consumed") + events("dropped"), events("produced"), name);
      assert.equal(events("dropped"), 0, name);
    }
  });

  it("costs no event and counts none twice", () => {
    assert.equal(sum(samples, "ringtap_process_execs_total", { comm: "true" }), 2 * started);
    assert.equal(sum(samples, "ringtap_process_exits_total", { comm: "true", reason: "ok" }), 2 * started);
  });

  it("leaves open connections what they are", () => {
    assert.equal(sum(samples, "ringtap_tcp_connections", { comm: "nc", role: "server" }), 1);
    assert.equal(sum(samples, "ringtap_tcp_received_bytes_total", { comm: "nc" }), 2 * sent);
  });

  it("leaves its time out of durations, and processes that it interrupts who they were", () => {
    const slept = sum(samples, "ringtap_syscall_seconds_total", { comm: "sleep", syscall: "clock_nanosleep" });
    assert.ok(slept >= sleepFor && slept < sleepFor + 1, `${slept} s`);
    assert.equal(sum(samples, "ringtap_process_exits_total", { comm: "sleep", reason: "ok" }), 1);
  });

  it("has trace show times too early by its length", async () => {
    const lines = await eventually(() => {
      const written = trace.stdout.trim().split("\n");
      assert.equal(written.length, 2 * 2 * started);
      return written;
    });
    const { time } = JSON.parse(lines.at(-1) ?? "") as { time: string };
    const behind = (Date.now() - Date.parse(time)) / 1000;
    assert.ok(behind > suspended, `${behind} s`);
  });
});
