/** `ringtap top` against programs that know what they do, and on a terminal. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { before, describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";

import { slowness } from "../support/eventually.js";
import { loopDevice } from "../support/loop-device.js";
import { type NetworkNamespace, networkNamespace } from "../support/network.js";
import { compileProgram, runProgram } from "../support/program.js";
import { mainScript, runRingtap, startRingtap } from "../support/ringtap.js";
import { type Scope, suiteScope } from "../support/scope.js";
import { openTerminal, type TmuxTerminal } from "../support/terminal.js";

/** Connects 7 times, 100 bytes each, and 3 times in vain; opens 40 files and 10 that are not there. Then again, if told. */
const traffic = compileProgram(
  "rt-top",
  `#include <arpa/inet.h>
  #include <fcntl.h>
  #include <unistd.h>
  static struct sockaddr_in to = { .sin_family = AF_INET };
  static int attempt(int port) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    to.sin_port = htons(port);
    return connect(fd, (void *)&to, sizeof(to)) ? (close(fd), -1) : fd;
  }
  int main(int argc, char **argv) {
    char bytes[100] = "";
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(4321);
    if (bind(listener, (void *)&to, sizeof(to)) || listen(listener, 10)) return 1;
    do {
      for (int i = 0; i < 7; i++) {
        int client = attempt(4321), server = accept(listener, 0, 0);
        if (write(client, bytes, 100) != 100 || read(server, bytes, 100) != 100) return 2;
        close(client);
        close(server);
      }
      for (int i = 0; i < 3; i++) if (attempt(4322) >= 0) return 3;
      for (int i = 0; i < 50; i++) close(open(i < 40 ? "/etc/passwd" : "/etc/nothing", O_RDONLY));
    } while (argc > 1 && usleep(20000) == 0);
    return 0;
  }`,
  ["-static"],
);

/** Waits for a byte, makes exactly 1,000 system calls that return, and waits for ever. */
const caller = compileProgram(
  "rt-top-calls",
  `#include <unistd.h>
  int main(void) {
    char byte;
    if (write(1, "ready", 5) != 5 || read(0, &byte, 1) != 1) return 1;
    for (int i = 0; i < 1000; i++) getppid();
    for (;;) pause();
  }`,
  ["-static"],
);

interface TopObject {
  readonly seconds: number;
  readonly dropped: number;
  readonly down: readonly string[];
  readonly processes: readonly Readonly<Record<string, string | number | undefined>>[];
}

test("--once --output json: counts are exact", async (t) => {
  const network = networkNamespace(t);
  const child = spawn(caller, { stdio: ["pipe", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  await once(child.stdout, "data");
  const top = startRingtap(t, ["top", "--once", `--interval=${3 * slowness}s`, "--output=json", "--sort=connects"]);
  await top.said(/msg=counting/);
  const [began] = [Date.now()];
  child.stdin.write("x");
  network.run(traffic);
  assert(Date.now() - began < 2500 * slowness, "the machine is too slow for this test");
  assert.deepEqual(await top.exited, { status: 0, signal: null });
  const { seconds, dropped, down, processes } = JSON.parse(top.stdout) as TopObject;
  assert(seconds > 2.9 * slowness && seconds < 5 * slowness, String(seconds));
  assert.deepEqual([dropped, down], [0, []]);

  const [ours] = processes.filter(({ comm }) => comm === "rt-top");
  const names = [
    "connects",
    "connect_failures",
    "accepts",
    "sent_bytes",
    "received_bytes",
    "file_opens",
    "file_open_failures",
  ];
  assert.deepEqual(
    names.map((name) => ours?.[name]),
    [10, 3, 7, 700, 700, 50, 10],
  );
  const calls = processes.find(({ pid }) => pid === child.pid);
  // The read began before anything was attached, and does not count.
  assert.deepEqual([calls?.comm, calls?.syscalls, calls?.syscall_errors], ["rt-top-calls", 1000, 0]);
  const connects = processes.map((process) => Number(process.connects));
  assert.deepEqual(
    connects,
    connects.toSorted((a, b) => b - a),
  );
});

test("--signals: what a signal shows that does not run by default", async (t) => {
  const disk = loopDevice(t, 16 << 20);
  const options = ["--signals=+block", "--once", `--interval=${2 * slowness}s`, "--output=json", "--sort=disk"];
  const top = startRingtap(t, ["top", ...options]);
  await top.said(/msg=counting/);
  // Its program is in memory then: what is read of it counts, too.
  spawnSync("dd", ["--version"]);
  const dd = spawnSync("dd", ["if=/dev/zero", `of=${disk.path}`, "bs=1M", "count=3", "oflag=direct", "status=none"]);
  assert.equal(dd.status, 0);
  assert.deepEqual(await top.exited, { status: 0, signal: null });
  const { down, processes } = JSON.parse(top.stdout) as TopObject;
  assert.deepEqual(down, []);
  assert.equal(processes.find(({ pid }) => pid === dd.pid)?.block_bytes, 3 << 20);
});

test("without a terminal: a table for each interval, no colours, until it is ended", async (t) => {
  const top = startRingtap(t, ["top", "--interval=0.2", "--limit=3"]);
  await top.said(/msg=counting/);
  await setTimeout(1000 * slowness);
  assert.deepEqual(await top.stop("SIGINT"), { status: 0, signal: null });
  const headings = top.stdout.split("\n").filter((line) => /^ +PID COMM +CALLS\/S +ERR\/S/.test(line));
  assert(headings.length >= 2, top.stdout);
  assert(top.stdout.split("\n").length <= headings.length * 5 + 1, top.stdout);
  assert(!top.stdout.includes("\u001b"), "escapes");
});

test("a flag that is not valid is refused", async (t) => {
  for (const [args, message] of [
    [["--sort=conects"], /^ringtap: --sort "conects": expected one of .* \(did you mean "connects"\?\)\n$/],
    [["--interval=10ms"], /^ringtap: --interval "10ms": expected 100ms or longer\n$/],
    [["--limit=0"], /^ringtap: --limit "0": expected a whole number from 1 to 1000000\n$/],
  ] as const) {
    const { status, stderr } = await runRingtap(t, ["top", ...args]);
    assert.equal(status, 2);
    assert.match(stderr, message);
  }
});

describe("on a terminal", () => {
  const scope = suiteScope();
  let network: NetworkNamespace;

  before(() => {
    network = networkNamespace(scope);
    const [file, ...args] = [...network.prefix, traffic, "again"] as const;
    const child = spawn(file, args);
    scope.after(async () => {
      child.kill("SIGKILL");
      await once(child, "close");
    });
  });

  /** Runs `ringtap top` between two words that must still be there afterwards. */
  function openTop(test: Scope, ...args: readonly string[]): TmuxTerminal {
    const command = ["exec", process.execPath, mainScript, "top", "--interval=0.3", ...args].join(" ");
    return openTerminal(test, `echo BEFORE; (${command}); echo "AFTER $?"; sleep 1000`);
  }

  test("shows processes, leads to their breakdowns and peers and back, and leaves the terminal as it was", async (t) => {
    const terminal = openTop(t, "--filter=rt-top");
    const shown = await terminal.shows(/^ +\d+ rt-top .*\n(.*\n)*\? help/m);
    assert.match(shown[0] ?? "", /^ringtap top \d\d:\d\d:\d\d {2}every 300ms .* events\/s .* own cpu \d/);
    assert.match(
      shown[1] ?? "",
      /^1 process, by syscalls {2}filter: rt-top {2}all: [\d.]+[kM]? system calls\/s, [\d.]+k? TCP connects\/s$/,
    );
    terminal.press("Enter");
    const details = await terminal.shows(
      /^CALLS \(TIME ESTIMATED\) +COUNT +TIME +EACH +FAILURES\n(.*\n)*openat .*ENOENT \d+/m,
    );
    assert(details.some((line) => /^connect .* ECONNREFUSED \d+$/.test(line)));
    await terminal.shows(/^PEER +CONNECTS +FAILURES .*\n(.*\n)*to 127.0.0.1 port 4322 +- +\d+/m);
    terminal.press("?");
    await terminal.shows(/^ {2}q, ctrl-c +leave$/m);
    terminal.press("?");
    await terminal.shows(/1 process, by syscalls/);
    terminal.press("q");
    const left = await terminal.shows(/AFTER 0/);
    assert.deepEqual(left.slice(0, 2), ["BEFORE", "AFTER 0"]);
  });

  test("sorts, filters and pauses as keys say", async (t) => {
    const terminal = openTop(t);
    await terminal.shows(/processes, by syscalls/);
    await terminal.shows(/^ringtap top .* programs [\d.]+% \((syscall|tcp) [\d.]+%, /);
    terminal.press(">");
    await terminal.shows(/processes, by errors/);
    terminal.press("<", "<", "r");
    await terminal.shows(/processes, by comm, reversed/);
    terminal.press("/", "r", "t", "-", "t", "o", "p");
    await terminal.shows(/^1 process, .* filter: rt-top_ {2}all: /m);
    terminal.press("Enter");
    await terminal.shows(/ filter: rt-top {2}all: /m);
    terminal.press("p");
    const paused = await terminal.shows(/ PAUSED/);
    await setTimeout(1000);
    assert.deepEqual(terminal.lines(), paused);
    terminal.press("p");
    await terminal.shows(/^ringtap top(?!.*PAUSED)/);
    terminal.press("/", "Escape");
    await terminal.shows(/^\d\d+ processes, by comm, reversed {2}all: /m);
  });

  test("follows the terminal's size", async (t) => {
    const terminal = openTop(t, "--filter=rt-top");
    await terminal.shows(/rt-top .*\n(.*\n)*\? help/);
    terminal.resize(50, 8);
    const small = await terminal.shows(
      /^ringtap top .*…\n1 process, .*\n +PID COMM .*…\n +\d+ rt-top .*\n\n\n\n\? help/,
    );
    assert.equal(small.length, 8);
    assert(small.every((line) => line.length <= 50));
    terminal.resize(140, 30);
    await terminal.shows(/RECV\/S CONTAINER\n(.*\n){26}\? help/);
  });

  test("ctrl-z gives the terminal to the shell, and fg gives it back", async (t) => {
    const terminal = openTerminal(t, "env PS1='SHELL$ ' bash --norc --noprofile");
    await terminal.shows(/^SHELL\$$/m);
    terminal.press(`${process.execPath} ${mainScript} top --interval=0.3 --filter=rt-top`, "Enter");
    await terminal.shows(/^1 process, by syscalls/m);
    for (let stop = 0; stop < 2; stop++) {
      terminal.press("C-z");
      await terminal.shows(/Stopped .*\n(.*\n)*SHELL\$$/m);
      terminal.press("echo typed", "Enter");
      await terminal.shows(/^SHELL\$ echo typed\ntyped$/m);
      terminal.press("fg", "Enter");
      const shown = await terminal.shows(/^1 process, by syscalls/m);
      assert.doesNotMatch(shown.join("\n"), /SHELL/);
      await terminal.shows(/^ +\d+ rt-top /m);
    }
    terminal.press("q");
    await terminal.shows(/^SHELL\$$/m);
  });

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    test(`${signal} gives the terminal back`, async (t) => {
      const terminal = openTop(t, "--filter=rt-top");
      await terminal.shows(/ rt-top /);
      const pids = Number(
        (await runProgram("/bin/ps", ["-o", "pid=", "--ppid", String(terminal.pid)])).stdout.trim().split("\n")[0],
      );
      process.kill(pids, signal);
      const left = await terminal.shows(/AFTER 0/);
      assert.deepEqual(left.slice(0, 2), ["BEFORE", "AFTER 0"]);
    });
  }
});
