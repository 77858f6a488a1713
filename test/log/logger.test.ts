import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";

import { logfmtLine } from "../../src/log/logger-text.js";
import { runModule } from "../cli/child.js";

/** What a program that logs by `statements` leaves on stderr. */
function logged(level: string, format: string, statements: string): string[] {
  const source = `import { createLogger } from "src/log/logger.js";
    const log = createLogger("${level}", "${format}");
    ${statements}`;
  const { status, stderr } = runModule(source);
  assert.equal(status, 0, stderr);
  assert.ok(stderr === "" || stderr.endsWith("\n"));
  return stderr.split("\n").slice(0, -1);
}

describe("logfmt", () => {
  test("a record is one line: time, level, message, then the rest", () => {
    const [line = "", ...rest] = logged(
      "info",
      "logfmt",
      'log.info({ address: "[::1]:80", series: 3 }, "serving metrics");',
    );
    assert.match(
      line,
      /^ts=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=info msg="serving metrics" address=\[::1\]:80 series=3$/,
    );
    assert.deepEqual(rest, []);
  });

  test("hostile text stays on its line and within its value", () => {
    const lines = logged(
      "info",
      "logfmt",
      String.raw`log.info({ comm: 'a"\nlevel=error\u001b[2J\u009b\u202e' }, "x");`,
    );
    assert.equal(lines.length, 1);
    assert.ok(lines[0]?.endsWith(String.raw` msg=x comm="a\"\nlevel=error\u001b[2J\u009b\u202e"`), lines[0]);
  });

  test("an error is told with its causes", () => {
    const [line = ""] = logged(
      "info",
      "logfmt",
      'log.error({ err: new Error("a b", { cause: new Error("c") }) }, "failed");',
    );
    assert.ok(line.endsWith(' level=error msg=failed err="a b: c"'), line);
  });

  test("values of all kinds", () => {
    assert.equal(
      logfmtLine({ a: "", b: "x=y", c: ["tcp", "file"], d: { e: 1 }, f: null, g: true, h: "back\\slash", "i j\n": 1 }),
      String.raw`a="" b="x=y" c=tcp,file d="{\"e\":1}" f=null g=true h="back\\slash" i_j_n=1`,
    );
  });
});

describe("JSON", () => {
  test("a record is one line of JSON", () => {
    const [line = ""] = logged("info", "json", 'log.warn({ series: 3, err: new Error("no") }, "careful");');
    const { time, ...rest } = JSON.parse(line) as Record<string, unknown>;
    assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.deepEqual(rest, { level: "warn", series: 3, err: "no", msg: "careful" });
  });

  test("hostile text comes back whole, and the line holds no control character", () => {
    const lines = logged("info", "json", String.raw`log.info({ comm: "a\n\u001b\u007f\u009b\u202e" }, "x");`);
    assert.equal(lines.length, 1);
    // eslint-disable-next-line no-control-regex -- controls are what it looks for
    assert.doesNotMatch(lines[0] ?? "", /[\u0000-\u001f\u007f-\u009f\u202e]/);
    assert.equal((JSON.parse(lines[0] ?? "") as { comm: string }).comm, "a\n\u001b\u007f\u009b\u202e");
  });
});

test("the level holds back what is less severe", () => {
  const statements = 'for (const level of ["debug", "info", "warn", "error"]) log[level](level);';
  for (const [level, expected] of [
    ["debug", 4],
    ["info", 3],
    ["warn", 2],
    ["error", 1],
  ] as const) {
    assert.equal(logged(level, "logfmt", statements).length, expected, level);
  }
});

test("nothing is lost when the program exits at once", () => {
  const lines = logged("info", "logfmt", 'for (let i = 0; i < 20_000; i++) log.info({ i }, "m"); process.exit(0);');
  assert.equal(lines.length, 20_000);
  assert.ok(lines.at(-1)?.endsWith(" i=19999"));
});

test("a reader of stderr that goes away does not end the program", async () => {
  const logger = new URL("../../src/log/logger.js", import.meta.url).href;
  const source = `import { createLogger } from "${logger}";
    const log = createLogger("info", "logfmt");
    for await (const chunk of process.stdin) void chunk;
    for (let i = 0; i < 100; i++) log.info("into the void");
    setTimeout(() => process.exit(7), 50);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", source], { stdio: ["pipe", "ignore", "pipe"] });
  child.stderr.destroy();
  await once(child.stderr, "close");
  child.stdin.end();
  assert.deepEqual(await once(child, "exit"), [7, null]);
});

test("lines that a full disk refuses are left out, and counted once it has room again", () => {
  const logger = new URL("../../src/log/logger.js", import.meta.url).href;
  const folder = mkdtempSync(join(tmpdir(), "ringtap-log-"));
  const path = join(folder, "log");
  const source = `import { truncateSync } from "node:fs";
    import { createLogger } from "${logger}";
    const log = createLogger("info", "logfmt");
    for (let i = 0; i < 100; i++) log.info("first");
    truncateSync("${path}");
    log.info("second");
    log.info("third");`;
  // A file may not grow beyond 512 bytes, which ends in the middle of a line.
  const limited = `ulimit -f 1; exec "$@" 2>>${path}`;
  const { status } = spawnSync("sh", ["-c", limited, "sh", process.execPath, "--input-type=module", "-e", source]);
  const lines = readFileSync(path, "utf8").split("\n");
  rmSync(folder, { recursive: true });
  assert.equal(status, 0);
  const written = Math.floor(512 / (lines[1] ?? "").replace("second", "first\n").length);
  assert.deepEqual(
    lines.map((line) => line.replace(/^ts=\S+ /, "")),
    [
      "",
      "level=info msg=second",
      `level=warn msg="lines of the log were dropped: stderr could not be written" lines=${100 - written}`,
      "level=info msg=third",
      "",
    ],
  );
});

test("a reader of stderr that stalls holds the program up for a moment, not for good", async () => {
  const logger = new URL("../../src/log/logger.js", import.meta.url).href;
  const source = `import { createLogger } from "${logger}";
    const log = createLogger("info", "logfmt");
    for (let i = 0; i < 8_000; i++) log.info({ i }, "m");
    console.log("done");`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", source], { stdio: ["ignore", "pipe", "pipe"] });
  await once(child.stdout, "data");
  child.kill("SIGKILL");
});
