import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";

import { configFile, runOptions } from "../run/run-options.js";

function optionsOf(t: TestContext, text: string): ReturnType<typeof runOptions> {
  return runOptions(["--config.file", configFile(t, text)]);
}

describe("keys and values", () => {
  test("nested and dotted keys are the same", (t) => {
    const nested = optionsOf(t, "web:\n  listen-address: [':1', ':2']\n  telemetry-path: /m\n");
    const dotted = optionsOf(t, "web.listen-address: [':1', ':2']\nweb.telemetry-path: /m\n");
    assert.deepEqual(nested.listenAddresses, [":1", ":2"]);
    assert.equal(nested.telemetryPath, "/m");
    assert.deepEqual(dotted, nested);
  });

  test("numbers, booleans and lists", (t) => {
    const options = optionsOf(
      t,
      "series-limit: 12\nbpf: {stats: true}\nsyscall: {mode: stream, pids: [1, 2], names: read, errors-only: false}\n",
    );
    assert.equal(options.seriesLimit, 12);
    assert.equal(options.bpfStats, true);
    assert.deepEqual(options["syscall.pids"], [1, 2]);
    assert.deepEqual(options["syscall.names"], ["read"]);
    assert.equal(options["syscall.errorsOnly"], false);
  });

  test("a plain value is split at its commas, an item of a list is not", (t) => {
    assert.deepEqual(optionsOf(t, "signals: tcp, file\n").signals, ["tcp", "file"]);
    assert.deepEqual(optionsOf(t, "syscall: {mode: stream, comms: ['a,b', c]}\n")["syscall.comms"], ["a,b", "c"]);
  });

  test("an empty list means all where all is the default", (t) => {
    assert.deepEqual(optionsOf(t, "syscall: {mode: stream, pids: []}\n")["syscall.pids"], []);
  });

  test("an empty file, and one of comments, change nothing", (t) => {
    assert.deepEqual(optionsOf(t, ""), runOptions([]));
    assert.deepEqual(optionsOf(t, "# series-limit: 1\n"), runOptions([]));
  });

  test("named by the environment", (t) => {
    const path = configFile(t, "series-limit: 12\n");
    assert.equal(runOptions([], { RINGTAP_CONFIG_FILE: path }).seriesLimit, 12);
  });
});

test("a switch is written as YAML 1.2 has it, and an alias stands for the value above it", (t) => {
  for (const [text, value] of [
    ["True", true],
    ["TRUE", true],
    ["1", true],
    ["False", false],
    ["0", false],
    ["&x true\nbpf.stats: *x", true],
  ] as const) {
    const options = optionsOf(t, `strict: ${text}\n`);
    assert.equal(options.strict, value, text);
  }
});

test("a pipe is read once, however often it is asked for", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "ringtap-config-"));
  t.after(() => {
    rmSync(folder, { recursive: true });
  });
  const path = join(folder, "fifo");
  execFileSync("mkfifo", [path]);
  const writer = spawn("sh", ["-c", 'echo "series-limit: 12" > "$0"', path]);
  t.after(() => writer.kill());
  for (let time = 0; time < 3; time++) {
    assert.equal(runOptions(["--config.file", path]).seriesLimit, 12);
  }
});

test("a file that has become a pipe is refused, and not waited for", (t) => {
  const path = configFile(t, "series-limit: 12\n");
  assert.equal(runOptions(["--config.file", path]).seriesLimit, 12);
  rmSync(path);
  execFileSync("mkfifo", [path]);
  const message = `--config.file "${path}": no longer a regular file`;
  assert.throws(() => runOptions(["--config.file", path]), { name: "UsageError", message });
});

describe("refusals of a value tell file and line", () => {
  for (const [text, line, problem] of [
    ["log:\n  level: loud\n", 2, '--log.level "loud": expected one of debug, info, warn, error'],
    ["\nseries-limit: 010x\n", 2, '--series-limit "010x": expected a whole number from 1 to 10000000'],
    ["series-limit: 1.5\n", 1, '--series-limit "1.5": expected a whole number from 1 to 10000000'],
    ["bpf.stats: yes\n", 1, '--bpf.stats "yes": expected true or false'],
    ["signals: []\n", 1, "--signals []: expected at least one value"],
  ] as const) {
    test(JSON.stringify(text), (t) => {
      const path = configFile(t, text);
      const message = `${problem} (from ${path}:${line})`;
      assert.throws(() => runOptions(["--config.file", path]), { name: "UsageError", message });
    });
  }
});

describe("refusals of a key", () => {
  for (const [text, line, problem] of [
    ["web:\n  listen-adress: x\n", 2, 'unknown key "web.listen-adress" (did you mean "web.listen-address"?)'],
    ["frobnicate: 1\n", 1, 'unknown key "frobnicate"'],
    ["config.file: other.yaml\n", 1, 'unknown key "config.file"'],
    ["signals: {tcp: true}\n", 1, 'unknown key "signals.tcp"'],
    ["log.level: [info]\n", 1, "log.level: expected one value, not a list"],
  ] as const) {
    test(JSON.stringify(text), (t) => {
      const path = configFile(t, text);
      const message = `--config.file "${path}": line ${line}: ${problem}`;
      assert.throws(() => runOptions(["--config.file", path]), { name: "UsageError", message });
    });
  }
});

describe("refusals of the file", () => {
  for (const [text, problem] of [
    ["- tcp\n", "line 1: expected keys with values, such as series-limit: 20000"],
    ["tcp", "line 1: expected keys with values, such as series-limit: 20000"],
    ["log.level: info\nlog: {level: warn}\n", "line 2: log.level: set in line 1 already"],
    ["signals:\n", "line 1: signals: expected a value or a list of values"],
    ["a: 1\nsignals: [[tcp]]\n", "line 2: signals: expected a value or a list of values"],
    ["? [a, b]\n: c\n", "line 1: expected a key of plain text"],
    ["log.level: info\nlog.level: warn\n", "line 2: log.level: set in line 1 already"],
  ] as const) {
    test(JSON.stringify(text), (t) => {
      const path = configFile(t, text);
      const message = `--config.file "${path}": ${problem}`;
      assert.throws(() => runOptions(["--config.file", path]), { name: "UsageError", message });
    });
  }

  test("not YAML: the line and what is wrong with it", (t) => {
    const path = configFile(t, "log:\n  level: info\n format: json\n");
    assert.throws(
      () => runOptions(["--config.file", path]),
      (error: Error) => error.message.startsWith(`--config.file "${path}": line 3: `) && !error.message.includes("\n"),
    );
  });

  test("missing", () => {
    const message = '--config.file "/nowhere/r.yaml": no such file or directory';
    assert.throws(() => runOptions(["--config.file", "/nowhere/r.yaml"]), { name: "UsageError", message });
  });

  test("missing, named by the environment", () => {
    const message =
      '--config.file "/nowhere": no such file or directory (from environment variable RINGTAP_CONFIG_FILE)';
    assert.throws(() => runOptions([], { RINGTAP_CONFIG_FILE: "/nowhere" }), { name: "UsageError", message });
  });

  test("a folder", (t) => {
    const folder = mkdtempSync(join(tmpdir(), "ringtap-config-"));
    t.after(() => {
      rmdirSync(folder);
    });
    const message = `--config.file "${folder}": illegal operation on a directory`;
    assert.throws(() => runOptions(["--config.file", folder]), { name: "UsageError", message });
  });
});
