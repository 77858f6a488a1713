/** `ringtap trace` against what a program is known to do. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";

import { eventually, slowness } from "../support/eventually.js";
import { networkNamespace } from "../support/network.js";
import { compileProgram, runProgram } from "../support/program.js";
import { mainScript, startRingtap } from "../support/ringtap.js";
import { startTrace, type Trace, type TracedEvent } from "../support/trace.js";
import { startWaiting } from "../support/waiting.js";

const promptly = 1000 * slowness;

/** Waits until a trace has printed `count` events, gives it time to print one too many, and returns them. */
async function receivedEvents(trace: Trace, count: number): Promise<TracedEvent[]> {
  await eventually(() => {
    assert(trace.lines().length >= count, `${trace.lines().length} of ${count} lines:\n${trace.stdout}`);
  });
  await setTimeout(100 * slowness);
  assert.equal(trace.lines().length, count, trace.stdout);
  return trace.events();
}

/** Some fields of an event. */
function pick(event: TracedEvent | undefined, ...names: readonly string[]): unknown[] {
  return names.map((name) => event?.[name]);
}

const caller = compileProgram(
  "trace-caller",
  `#include <stdlib.h>
  #include <unistd.h>
  int main(int argc, char **argv) { for (long i = atol(argv[1]); i > 0; i--) getppid(); return argc - 2; }`,
);

/** Says that it is ready, waits for the end of its input, and makes 100 calls of getppid. */
const waitingCaller = `#include <unistd.h>
int main(void) {
  char end;
  if (write(1, "ready\\n", 6) != 6) return 1;
  while (read(0, &end, 1) > 0);
  for (int i = 0; i < 100; i++) getppid();
}`;

/** Makes so many calls of getppid. */
function callGetppid(times: number): Promise<{ pid: number }> {
  return runProgram(caller, [String(times)]);
}

const getppidOnly = ["syscall", "--comm=trace-caller", "--syscall.names=getppid"];

describe("what a line tells", () => {
  test("process: fork, exec, exit", async (t) => {
    const trace = await startTrace(t, ["process", "--output=json", "--comm=trace-caller"]);
    const started = Date.now();
    const { pid } = await callGetppid(0);
    const [exec, exit] = await receivedEvents(trace, 2);
    const names = ["signal", "event", "pid", "tid", "comm", "thread_comm", "ppid"];
    const whose = [pid, pid, "trace-caller", "trace-caller", process.pid];
    assert.deepEqual(pick(exec, ...names, "path"), ["process", "exec", ...whose, caller]);
    assert.deepEqual(pick(exit, ...names, "reason", "exit_code"), ["process", "exit", ...whose, "ok", 0]);
    assert(Number(exit?.duration_seconds) > 0);
    for (const event of [exec, exit]) {
      assert.match(String(event?.time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
      const time = Date.parse(String(event?.time));
      assert(time > started - 20 && time < Date.now() + 20, String(event?.time));
    }
  });

  test("process: a rename has the new name, as that of the thread too", async (t) => {
    const program = compileProgram(
      "trace-before",
      `#include <sys/prctl.h>
      int main(void) { return prctl(PR_SET_NAME, "trace-after"); }`,
    );
    const trace = await startTrace(t, ["process", "--output=json", "--comm=trace-after"]);
    const { pid } = await runProgram(program);
    const [rename, exit] = await receivedEvents(trace, 2);
    for (const [event, kind] of [
      [rename, "rename"],
      [exit, "exit"],
    ] as const) {
      assert.deepEqual(pick(event, "event", "pid", "comm", "thread_comm"), [kind, pid, "trace-after", "trace-after"]);
    }
  });

  test("tcp: addresses, ports, outcome, bytes", async (t) => {
    const network = networkNamespace(t);
    const program = compileProgram(
      "trace-tcp",
      `#include <arpa/inet.h>
      #include <stdio.h>
      #include <unistd.h>
      int main(void) {
        struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(4321), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t length = sizeof(to);
        int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0), server;
        char bytes[1000] = "";
        if (bind(listener, (void *)&to, length) || listen(listener, 1) || connect(client, (void *)&to, length)) return 1;
        server = accept(listener, 0, 0);
        if (write(client, bytes, 1000) != 1000 || read(server, bytes, 1000) != 1000) return 1;
        getsockname(client, (void *)&to, &length);
        printf("%d", ntohs(to.sin_port));
        close(client);
        close(server);
        close(listener);
        to.sin_port = htons(4321);
        return connect(socket(AF_INET, SOCK_STREAM, 0), (void *)&to, length) == 0;
      }`,
    );
    const trace = await startTrace(t, ["tcp", "--output=json", "--comm=trace-tcp"]);
    const port = Number(network.run(program));
    const events = await receivedEvents(trace, 6);
    const find = (event: string, role: string): TracedEvent[] =>
      events.filter((candidate) => candidate.event === event && candidate.role === role);
    const ends = ["local_address", "local_port", "remote_address", "remote_port"];

    const [established, refused] = find("connect", "client");
    assert.deepEqual(pick(established, "result", "error", "family"), ["established", undefined, "ipv4"]);
    assert.deepEqual(pick(established, ...ends), ["127.0.0.1", port, "127.0.0.1", 4321]);
    assert(Number(established?.duration_seconds) > 0);
    assert.deepEqual(pick(refused, "result", "error", "remote_port"), ["refused", "ECONNREFUSED", 4321]);
    assert.equal(find("reset_received", "client").length, 1);

    const [accepted] = find("accept", "server");
    assert.deepEqual(pick(accepted, ...ends), ["127.0.0.1", 4321, "127.0.0.1", port]);
    const [closedClient] = find("close", "client");
    assert.deepEqual(pick(closedClient, "sent_bytes", "received_bytes", "retransmits"), [1000, 0, 0]);
    const [closedServer] = find("close", "server");
    assert.deepEqual(pick(closedServer, "sent_bytes", "received_bytes"), [0, 1000]);
  });

  test("file: outcome, flags, and a path that is visibly cut", async (t) => {
    const program = compileProgram(
      "trace-file",
      `#include <fcntl.h>
      #include <string.h>
      int main(void) {
        char path[1001] = "/";
        open("/etc/passwd", O_RDONLY);
        open("relative/not there", O_WRONLY | O_CREAT, 0600);
        memset(path + 1, 'x', 999);
        return open(path, O_RDONLY) >= 0;
      }`,
      ["-static"],
    );
    const args = ["file", "--comm=trace-file"];
    const [json, table] = await Promise.all([startTrace(t, [...args, "--output=json"]), startTrace(t, args)]);
    await runProgram(program);
    const events = await receivedEvents(json, 3);
    assert.deepEqual(
      events.map((event) => pick(event, "result", "flags", "path_truncated")),
      [
        ["ok", "O_RDONLY", undefined],
        ["ENOENT", "O_WRONLY|O_CREAT", undefined],
        ["ENAMETOOLONG", "O_RDONLY", true],
      ],
    );
    const cut = `/${"x".repeat(254)}`;
    assert.deepEqual(
      events.map((event) => event.path),
      ["/etc/passwd", "relative/not there", cut],
    );
    await eventually(() => {
      assert(table.lines().at(-1)?.endsWith(` ${cut}…`), table.stdout);
    });
  });

  test("syscall: name, result, duration, and none that the filter leaves out", async (t) => {
    const trace = await startTrace(t, [...getppidOnly, "--output=json"]);
    const { pid } = await callGetppid(1000);
    for (const event of await receivedEvents(trace, 1000)) {
      assert.deepEqual(pick(event, "syscall", "pid", "ret", "error"), ["getppid", pid, process.pid, undefined]);
      assert(Number(event.duration_seconds) > 0);
    }
  });

  test("syscall, in a pid namespace: not the tracer's own, but those of the process with the number that it has there", async (t) => {
    const caller = await startWaiting(t, compileProgram("trace-waits", waitingCaller));
    // The tracer is the next process of its namespace, where it gets the caller's number.
    const command = `echo ${caller.pid - 1} > /proc/sys/kernel/ns_last_pid; "$@" & wait $!`;
    const prefix = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", command, "sh"];
    const trace = startRingtap(t, ["trace", "syscall", "--output=json", "--syscall.names=getppid,write"], { prefix });
    await trace.said(/msg"?[=:]"?tracing/);
    const childrenOf = (pid: string): string[] =>
      readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
    const [shell = ""] = childrenOf(String(trace.pid));
    const [tracer = ""] = childrenOf(shell);
    await caller.go();
    const events = (pid: string): TracedEvent[] =>
      trace.stdout
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line) as TracedEvent)
        .filter((event) => String(event.pid) === pid);
    await eventually(() => {
      assert.equal(events(String(caller.pid)).length, 100);
    });
    await setTimeout(100 * slowness);
    assert.deepEqual(events(tracer), []);
  });

  test("--pid leaves one process", async (t) => {
    const sleeper = spawn("sleep", ["1000"]);
    const { pid } = sleeper;
    const trace = await startTrace(t, ["process", "--output=json", `--pid=${pid}`]);
    await callGetppid(0);
    sleeper.kill("SIGTERM");
    const [exit] = await receivedEvents(trace, 1);
    assert.deepEqual(pick(exit, "pid", "comm", "event", "reason", "exit_signal"), [pid, "sleep", "exit", "signal", 15]);
  });
});

describe("the end", () => {
  test("after --count lines, exactly", async (t) => {
    const trace = await startTrace(t, [...getppidOnly, "--count=7"]);
    await callGetppid(1000);
    assert.deepEqual(await trace.exited, { status: 0, signal: null });
    const [heading = "", ...lines] = trace.lines();
    assert.match(heading, /^TIME +PID +TID +COMM +SYSCALL /);
    assert.equal(lines.length, 7);
  });

  test("after --duration", async (t) => {
    const trace = await startTrace(t, [...getppidOnly, "--duration=0.3"]);
    const started = Date.now();
    assert.deepEqual(await trace.exited, { status: 0, signal: null });
    assert(Date.now() - started < promptly);
  });

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    test(`at ${signal}, with what came until then`, async (t) => {
      const trace = await startTrace(t, [...getppidOnly, "--output=json"]);
      await callGetppid(100);
      const asked = Date.now();
      assert.deepEqual(await trace.stop(signal), { status: 0, signal: null });
      assert(Date.now() - asked < promptly);
      assert.equal(trace.events().length, 100);
      const [, ...summary] = trace.stderr.trimEnd().split("\n");
      assert.deepEqual(
        summary.map((line) => line.split(/ +/).slice(0, 4).join(" ")),
        ["100 events, 100 shown", "SYSCALL ERROR EVENTS SHOWN", "getppid - 100 100"],
      );
    });
  }

  test("quietly when the reader has gone", async (t) => {
    const command = 'ringtap() { exec "$@"; }; set -o pipefail; (ringtap "$@") | head -n 2';
    const prefix = ["bash", "-c", command, "bash"];
    const trace = startRingtap(t, ["trace", ...getppidOnly], { prefix });
    await trace.said(/msg=tracing/);
    const calls = setInterval(() => void callGetppid(100), 100);
    t.after(() => {
      clearInterval(calls);
    });
    assert.deepEqual(await trace.exited, { status: 0, signal: null }, trace.stderr);
    assert.equal(trace.stderr.trimEnd().split("\n").length, 1, trace.stderr);
  });
});

test("a reader that stalls costs lines, every one of them counted, and does not hold up the end", async (t) => {
  const calls = 200_000;
  const args = [mainScript, "trace", ...getppidOnly, "--ring.size=64MiB"];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  t.after(() => child.kill("SIGKILL"));
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  await eventually(() => {
    assert.match(stderr, /msg=tracing/);
  });
  await callGetppid(calls);
  await eventually(() => {
    assert.match(stderr, /dropped: the reader is too slow" lines=\d+/);
  });
  await setTimeout(500 * slowness);

  const asked = Date.now();
  child.kill("SIGINT");
  let stdout = "";
  child.once("exit", () => {
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
  });
  assert.deepEqual(await once(child, "exit"), [0, null], stderr);
  assert(Date.now() - asked < promptly, `it took ${Date.now() - asked} ms to end`);
  await once(child, "close");

  const printed = stdout.split("\n").length - 2;
  const [, dropped = "0"] = /msg="events lost" reader_too_slow=(\d+)\n/.exec(stderr) ?? [];
  // Of one write the system may have taken a part: its lines are there, and count as dropped as well.
  const excess = printed + Number(dropped) - calls;
  assert(excess >= 0 && excess < 400, `${calls} calls, ${printed} lines, ${dropped} dropped:\n${stderr}`);
});
