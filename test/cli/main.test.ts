/** The command as a shell runs it: readers that leave, disks that are full, a Node that is too old. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));

/** Runs a script of bash in which `ringtap` is this build. */
function shell(script: string): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(
    "bash",
    ["-c", `set -o pipefail; ringtap() { "$NODE" "$MAIN" "$@"; }; ${script}`],
    { encoding: "utf8", env: { ...process.env, NODE: process.execPath, MAIN: main } },
  );
  return { status, stdout, stderr };
}

describe("standard output", () => {
  for (const command of ["run --help", "completion bash", "--version"]) {
    // The reader has gone before anything is written.
    test(`${command}: a reader that has gone`, () => {
      assert.deepEqual(shell(`{ sleep 0.1; ringtap ${command}; } | true`), { status: 0, stdout: "", stderr: "" });
    });

    test(`${command}: a full disk`, () => {
      const stderr = "ringtap: writing to stdout: ENOSPC: no space left on device, write\n";
      assert.deepEqual(shell(`ringtap ${command} >/dev/full`), { status: 1, stdout: "", stderr });
    });
  }

  test("a reader that has gone from stderr", () => {
    assert.deepEqual(shell("{ sleep 0.1; ringtap 2>&1; } | true"), { status: 2, stdout: "", stderr: "" });
  });

  test("a pipe that is full and was made non-blocking is written to its end", () => {
    // Node makes the pipe of a child's stdout non-blocking on its own side only; here both ends are one file description.
    const script = `
      perl -e '
        use Fcntl; pipe(R, W); fcntl(W, F_SETFL, O_NONBLOCK); fcntl(W, 1031, 4096);
        unless (fork) { close R; open STDOUT, ">&W"; exec @ARGV; }
        close W; select(undef, undef, undef, 0.5); print while <R>; wait; exit $? >> 8;
      ' "$NODE" "$MAIN" completion bash | md5sum | cut -d" " -f1; ringtap completion bash | md5sum | cut -d" " -f1`;
    const { status, stdout, stderr } = shell(script);
    assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
    const [full, whole] = stdout.split("\n");
    assert.equal(full, whole);
  });
});

test("no debugger opens its port at SIGUSR1", () => {
  // A pipe is opened for reading when the configuration is read, which waits for what is written.
  const script = `
    folder=$(mktemp -d); mkfifo "$folder/pipe"; "$NODE" "$MAIN" run --config.file "$folder/pipe" & agent=$!
    exec 3> "$folder/pipe"; kill -USR1 $agent; sleep 0.2; echo "sinals: tcp" >&3; exec 3>&-
    wait $agent; status=$?; rm -r "$folder"; exit $status`;
  const { status, stderr } = shell(script);
  assert.match(stderr, /^ringtap: --config\.file "[^\n]*\/pipe": line 1: unknown key "sinals"[^\n]*\n$/);
  assert.equal(status, 2);
});

test("too few file descriptors to load the program: one line", () => {
  for (const descriptors of [20, 24, 28]) {
    const { status, stderr } = shell(`ulimit -n ${descriptors}; ringtap run`);
    assert.match(stderr, /^ringtap: (loading the program: )?EMFILE: [^\n]*\n$/);
    assert.equal(status, 1);
  }
});

describe("Node", () => {
  for (const [version, isOld] of [
    ["18.20.4", true],
    ["20.11.1", true],
    ["20.12.0", false],
    ["22.0.0", false],
  ] as const) {
    test(`${version} is ${isOld ? "refused by every command" : "accepted"}`, () => {
      const fake = `data:text/javascript,Object.defineProperty(process.versions,"node",{value:"${version}"})`;
      for (const command of ["--version", "check --help", "top --once"].slice(0, isOld ? 3 : 2)) {
        const { status, stderr } = spawnSync(process.execPath, ["--import", fake, main, ...command.split(" ")], {
          encoding: "utf8",
        });
        assert.equal(status, isOld ? 1 : 0);
        assert.equal(
          stderr,
          isOld
            ? `ringtap: Node ${version} (${process.execPath}) is too old: install 20.12 or newer, or put it first in PATH\n`
            : "",
        );
      }
    });
  }
});

for (const command of ["version", "-v"]) {
  test(`ringtap ${command} hints at --version`, () => {
    const { status, stderr } = shell(`ringtap ${command}`);
    assert.equal(status, 2);
    assert.match(stderr, /^ringtap: unknown .*\(Did you mean ringtap --version\?\)\n$/);
  });
}
