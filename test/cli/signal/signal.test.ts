/** `ringtap signal new` and `build`: what they write, and what they say when they cannot. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { eventually } from "../../kernel/support/eventually.js";
import { build, edit, outsideFolder } from "../../kernel/support/signal-folder.js";
import { mainScript, runRingtap, startRingtap } from "../../kernel/support/ringtap.js";
import { suiteScope } from "../../kernel/support/scope.js";

const compiler = fileURLToPath(new URL("../../../../node_modules/typescript/bin/tsc", import.meta.url));

describe("ringtap signal", () => {
  const scope = suiteScope();
  let folder = "";

  before(async () => {
    folder = join(outsideFolder(scope), "two_words");
    const { status, stdout, stderr } = await runRingtap(scope, ["signal", "new", "two_words", folder]);
    assert.deepEqual([status, stderr], [0, ""]);
    assert.match(stdout, /next: ringtap signal build/);
    await build(scope, folder);
  });

  /** What a command says that fails: the compilers' own words may come before the last line. */
  async function fails(status: number, reason: RegExp, args: readonly string[], environment = {}): Promise<string> {
    const child = startRingtap(scope, ["signal", ...args], { environment });
    const exit = await child.exited;
    assert.match(child.stderr.trimEnd().split("\n").at(-1) ?? "", reason);
    assert.equal(exit.status, status);
    assert.doesNotMatch(child.stderr, /^\s+at /m);
    return child.stderr;
  }

  it("new writes what builds, and an editor finds the types", () => {
    const built = readdirSync(join(folder, "dist"), { recursive: true, encoding: "utf8" }).sort();
    assert.deepEqual(built, [
      "arm64",
      "arm64/two_words.bpf.o",
      "records.d.ts",
      "records.js",
      "signal.d.ts",
      "signal.js",
      "x64",
      "x64/two_words.bpf.o",
    ]);
    assert.match(readFileSync(join(folder, "records.ts"), "utf8"), /export class TwoWordsEvent extends RecordView/);
    execFileSync(process.execPath, [compiler, "--project", folder, "--noEmit"], { stdio: "inherit" });
  });

  it("new refuses names that cannot be, and folders that are not empty", async () => {
    await fails(2, /^ringtap: signal new "Two": expected a lower-case letter/, ["new", "Two"]);
    await fails(2, /^ringtap: signal new: the folder ".*two_words" is not empty: choose another path$/, [
      "new",
      "two",
      folder,
    ]);
    await fails(
      2,
      /^ringtap: signal new "tcp": the built-in signals are called cgroup, process, tcp, syscall, file, l7, block, drop, udp, sched, kill, memory$/,
      ["new", "tcp"],
    );
    await fails(2, /^ringtap: missing required argument 'name'$/, ["new"]);
  });

  it("new says what is in the way, and leaves nothing", async () => {
    const scratch = outsideFolder(scope);
    writeFileSync(join(scratch, "file"), "");
    await fails(2, /^ringtap: signal new: ".*\/file" is no folder: choose another path$/, [
      "new",
      "two",
      join(scratch, "file"),
    ]);
    await fails(1, /^ringtap: signal new ".*\/sub": ENOTDIR: .*: remove the file that is in the place of a folder/, [
      "new",
      "two",
      join(scratch, "file/sub"),
    ]);
    // Node's own mkdir with `recursive` does not return here.
    await fails(1, /^ringtap: signal new "\/proc\/two": ENOENT: .*: choose a path in a folder in which/, [
      "new",
      "two",
      "/proc/two",
    ]);
    assert.deepEqual(readdirSync(scratch), ["file"]);
  });

  it("new and build show paths as they are typed, in one line each", async () => {
    const odd = join(outsideFolder(scope), "two words\nand 'a line'");
    const { status, stdout } = await runRingtap(scope, ["signal", "new", "two", odd]);
    assert.equal(status, 0);
    const lines = stdout.trimEnd().split("\n");
    assert.equal(lines.length, 8);
    const next = lines.at(-1)?.replace("next: ringtap", `exec "${process.execPath}" "${mainScript}"`) ?? "";
    const built = execFileSync("bash", ["-c", next], { encoding: "utf8" }).trimEnd().split("\n");
    const name = /two words\\nand 'a line'\/(.*)$/;
    assert.deepEqual(
      built.map((line) => name.exec(line)?.[1]),
      [
        "records.ts",
        "dist/arm64/two.bpf.o",
        "dist/records.d.ts",
        "dist/records.js",
        "dist/signal.d.ts",
        "dist/signal.js",
        "dist/x64/two.bpf.o",
      ],
    );
  });

  it("build reads nothing but files, and says what is in the way of its own", async () => {
    const odd = join(outsideFolder(scope), "two");
    cpSync(folder, odd, { recursive: true });
    rmSync(join(odd, "dist"), { recursive: true });
    writeFileSync(join(odd, "dist"), "");
    await fails(1, /^ringtap: building .*: ENOTDIR: .*: remove the file that is in the place of a folder/, [
      "build",
      odd,
    ]);
    for (const file of ["package.json", "signal.ts", "records.ts", "two_words.bpf.c"]) {
      rmSync(join(odd, file));
      execFileSync("mkfifo", [join(odd, file)]);
      await fails(2, new RegExp(`^ringtap: signal build ".*": expected .*/${file} to be a file$`), ["build", odd]);
      rmSync(join(odd, file));
      cpSync(join(folder, file), join(odd, file));
    }
  });

  it("build says what is missing", async () => {
    const empty = outsideFolder(scope);
    await fails(
      2,
      /^ringtap: signal build ".*": expected signal\.ts in it, and of a signal in C one file <name>\.bpf\.c; /,
      ["build", empty],
    );
    await fails(2, /^ringtap: signal build ".*nothing": expected a folder$/, ["build", join(empty, "nothing")]);
    writeFileSync(join(empty, "x.bpf.c"), "");
    await fails(1, /^ringtap: building .*: package\.json: expected "type": "module" in it$/, ["build", empty]);
    await fails(
      1,
      /^ringtap: .* no clang in PATH: install the package clang, or name one by \$CLANG$/,
      ["build", folder],
      {
        PATH: "/nonexistent",
      },
    );
    const lacking = outsideFolder(scope);
    writeFileSync(join(lacking, "package.json"), '{"type":"module"}');
    writeFileSync(join(lacking, "x.bpf.c"), "#include <bpf/no_such_header.h>\n");
    const said = await fails(1, /^ringtap: building .*x\.bpf\.c: .* has refused it: install the package libbpf-dev$/, [
      "build",
      lacking,
    ]);
    assert.match(said, /x\.bpf\.c:1:10: fatal error/);
  });

  it("build takes modules without C, however they import, and whatever a tsconfig.json says of what is written", async () => {
    const plain = outsideFolder(scope);
    const write = (file: string, text: string): void => {
      writeFileSync(join(plain, file), text);
    };
    write("package.json", '{"type":"module"}');
    write("signal.ts", 'export { default } from "./other.ts";\n');
    write(
      "other.ts",
      `import { tracepoint } from 'ringtap/bpf';
export default tracepoint("task_rename", () => ({ name: "plain", count: {} }));
`,
    );
    const options = {
      noEmit: true,
      composite: true,
      noLib: true,
      declarationDir: "types",
      allowImportingTsExtensions: true,
    };
    write("tsconfig.json", JSON.stringify({ compilerOptions: options, include: ["nothing"] }));
    await build(scope, plain);
    assert.deepEqual(readdirSync(join(plain, "dist")).sort(), ["other.d.ts", "other.js", "signal.d.ts", "signal.js"]);
    write("tsconfig.json", '{ "extends": "./nowhere.json" }');
    const said = await fails(1, /^ringtap: building .*signal\.ts: TypeScript has found 1 error$/, ["build", plain]);
    assert.match(said, /^error TS\d+: .*nowhere\.json/m);
  });

  it("build leaves nothing behind when it is interrupted", async (t) => {
    const waiting = join(outsideFolder(t), "clang");
    writeFileSync(waiting, '#!/bin/sh\necho $$ > "$0.pid"\nexec sleep 60\n', { mode: 0o755 });
    const child = startRingtap(t, ["signal", "build", folder], { environment: { CLANG: waiting } });
    const sleeper = await eventually(() =>
      Number(readFileSync(`${waiting}.pid`, "utf8").trim() || assert.fail("empty")),
    );
    const parts = (): string[] => readdirSync(folder).filter((name) => name.startsWith(".build-"));
    assert.equal(parts().length, 1);
    // Ctrl-C goes to both.
    process.kill(child.pid, "SIGINT");
    process.kill(sleeper, "SIGINT");
    assert.deepEqual(await child.exited, { status: null, signal: "SIGINT" });
    assert.deepEqual(parts(), []);
  });

  it("build shows the compilers' words, and leaves what was built", async () => {
    const object = join(folder, `dist/${process.arch}/two_words.bpf.o`);
    const earlier = readFileSync(object);
    edit(join(folder, "two_words.bpf.c"), "event->error = -ret;", "event->error = nothing;");
    assert.match(
      await fails(1, /two_words\.bpf\.c: clang.* has refused it$/, ["build", folder]),
      /use of undeclared identifier/,
    );
    edit(join(folder, "two_words.bpf.c"), "event->error = nothing;", "event->error = -ret;");
    edit(join(folder, "signal.ts"), "record.error", "record.errors");
    const said = await fails(1, /^ringtap: building .*signal\.ts: TypeScript has found \d errors$/, ["build", folder]);
    assert.match(said, /signal\.ts\(\d+,\d+\): error TS\d+: Property 'errors' does not exist on type 'TwoWordsEvent'/);
    assert.deepEqual(readFileSync(object), earlier);
    assert(readdirSync(folder).every((name) => !name.startsWith(".build-")));
    rmSync(join(folder, "signal.ts"));
    await fails(1, /there is no signal\.ts$/, ["build", folder]);
    assert(existsSync(object));
  });
});
