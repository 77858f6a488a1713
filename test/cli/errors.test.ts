import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { describeError } from "../../src/log/error-text.js";
import { UsageError } from "../../src/cli/errors.js";
import { runModule } from "./child.js";

describe("an error as text", () => {
  test("its message and those of its causes", () => {
    const cause = new Error("EPERM", { cause: "lockdown" });
    assert.equal(describeError(new Error("loading tcp", { cause })), "loading tcp: EPERM: lockdown");
  });

  test("a cause that the message tells already is not repeated", () => {
    assert.equal(describeError(new Error("loading tcp: EPERM", { cause: new Error("EPERM") })), "loading tcp: EPERM");
  });

  test("one line, whatever a file is called", () => {
    assert.equal(describeError(new Error("opening a\nb\u001b[2J")), String.raw`opening a\nb\u001b[2J`);
  });

  test("a defect keeps its stack", () => {
    const lines = describeError(new TypeError("x is not a function")).split("\n");
    assert.equal(lines[0], "TypeError: x is not a function");
    assert.match(lines[1] ?? "", /^ +at .*errors\.test/);
  });

  test("thrown text", () => {
    assert.equal(describeError("no"), "no");
    assert.equal(describeError(undefined), "undefined");
  });
});

describe("exit status and stderr", () => {
  const program = `
    import { Command } from ${JSON.stringify(import.meta.resolve("commander"))};
    import { reportFailure, throwErrors, UsageError } from "src/cli/errors.js";
    const program = throwErrors(new Command("ringtap")).version("1.2.3");
    program.command("run").option("--signals <name>").action(() => undefined);
    program.command("misuse").action(() => { throw new UsageError("--signals \\"x\\": expected tcp"); });
    program.command("fail").action(() => { throw new Error("loading tcp: EPERM"); });
    try {
      await program.parseAsync(process.argv.slice(1), { from: "user" });
    } catch (error) {
      process.exitCode = reportFailure(error);
    }`;

  for (const [args, status, stderr] of [
    [["run"], 0, ""],
    [["misuse"], 2, 'ringtap: --signals "x": expected tcp\n'],
    [["fail"], 1, "ringtap: loading tcp: EPERM\n"],
    [["run", "--sinals", "x"], 2, "ringtap: unknown option '--sinals' (Did you mean --signals?)\n"],
    [["run", "--signals"], 2, "ringtap: option '--signals <name>' argument missing\n"],
    [["rum"], 2, "ringtap: unknown command 'rum' (Did you mean run?)\n"],
    [["--version"], 0, ""],
    [["run", "--help"], 0, ""],
  ] as const) {
    test(`ringtap ${args.join(" ")}`, () => {
      assert.deepEqual(runModule(program, args), { status, stderr });
    });
  }

  test("without a subcommand: the help", () => {
    const { status, stderr } = runModule(program);
    assert.equal(status, 2);
    assert.match(stderr, /^Usage: ringtap/);
    assert.doesNotMatch(stderr, /outputHelp/);
  });
});

test("a UsageError is an Error by another name", () => {
  assert.equal(String(new UsageError("x")), "UsageError: x");
});
