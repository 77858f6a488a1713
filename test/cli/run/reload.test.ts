import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { describe, test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { Command } from "commander";

import { throwErrors } from "../../../src/cli/errors.js";
import { type LiveOption, takeOver } from "../../../src/cli/run/live-options.js";
import { addRunFlags, flagsOf, type RunOptions } from "../../../src/cli/run/options.js";
import { openRunOptions, type OptionsSource } from "../../../src/cli/run/reload.js";
import { configFile, runOptions } from "./run-options.js";

/** The options of a configuration file, arguments and variables; `write` changes the file. */
function opened(context: TestContext, text: string, args: readonly string[] = [], environment = {}) {
  const path = configFile(context, text);
  const command = throwErrors(new Command("run"));
  addRunFlags(command, ["tcp", "syscall"]);
  command.parse(["--config.file", path, ...args], { from: "user" });
  const source: OptionsSource = openRunOptions(command, ["tcp", "syscall"], environment);
  const write = (changed: string): void => {
    writeFileSync(path, changed);
  };
  return { source, path, write };
}

describe("options that are read again", () => {
  test("keep their precedence", (context) => {
    const environment = { RINGTAP_LOG_LEVEL: "warn" };
    const { source, write } = opened(context, "series-limit: 10\n", ["--identity-limit=7"], environment);
    assert.equal(source.initial.seriesLimit, 10);
    write("series-limit: 20\nlog.level: error\nidentity-limit: 8\nsyscall.mode: stream\n");
    const next = source.reread(source.initial);
    assert.deepEqual(
      [next.seriesLimit, next.logLevel, next.identityLimit, next.syscallMode],
      [20, "warn", 7, "stream"],
    );
    write("");
    assert.equal(source.reread(next).seriesLimit, 100_000);
  });

  test("are refused with the reason, once for each change of their file", async (context) => {
    const { source, path, write } = opened(context, "series-limit: 10\n");
    for (const [text, message] of [
      ["series-limit: many\n", `--series-limit "many": expected a whole number from 1 to 10000000 (from ${path}:1)`],
      ["serie-limit: 7\n", `--config.file "${path}": line 1: unknown key "serie-limit" (did you mean "series-limit"?)`],
    ] as const) {
      write(text);
      await sleep(250);
      assert.equal(source.hasChanged(), true);
      assert.throws(() => source.reread(source.initial), { name: "UsageError", message });
      assert.equal(source.hasChanged(), false);
    }
    rmSync(path);
    assert.equal(source.hasChanged(), true);
    const message = `--config.file "${path}": no such file or directory`;
    assert.throws(() => source.reread(source.initial), { name: "UsageError", message });
    assert.equal(source.hasChanged(), false);
    write("series-limit: 30\n");
    await sleep(250);
    assert.equal(source.hasChanged(), true);
    assert.equal(source.reread(source.initial).seriesLimit, 30);
  });

  test("leave the web configuration to itself, even when its file is bad", (context) => {
    const web = configFile(context, "basic_auth_users: {}\n");
    const { source, write } = opened(context, `web.config.file: ${web}\n`);
    writeFileSync(web, "nonsense\n");
    write(`series-limit: 5\nweb.config.file: ${web}\n`);
    const next = source.reread(source.initial);
    assert.equal(next.webConfig, source.initial.webConfig);
    const other = configFile(context, "basic_auth_users: {}\n");
    write(`web.config.file: ${other}\n`);
    assert.equal(source.reread(source.initial).webConfig?.path, other);
    rmSync(other);
    assert.throws(() => source.reread(source.initial), /--web.config.file .*: no such file or directory/);
  });
});

describe("taking options over", () => {
  const stream = ["--syscall.mode=stream"];

  /** Live options that note what they were given. */
  function noting() {
    const applied: RunOptions[] = [];
    const apply = (options: RunOptions): void => {
      applied.push(options);
    };
    const live: readonly LiveOption[] = [
      { names: ["syscallNames", "syscallErrorsOnly"], within: "syscallMode", apply },
      { names: ["seriesLimit"], apply },
      { names: ["logLevel"], apply },
    ];
    return { live, applied };
  }

  test("applies what has changed, and nothing else", () => {
    const { live, applied } = noting();
    const before = runOptions(stream);
    const next = runOptions([...stream, "--syscall.names=read", "--series-limit=7"]);
    const { options, changed, waiting } = takeOver(before, next, live);
    assert.deepEqual(changed, ["syscallNames", "seriesLimit"]);
    assert.deepEqual(waiting, []);
    assert.deepEqual(options, next);
    assert.deepEqual(applied, [next, next]);
    assert.deepEqual(takeOver(options, next, live), { options, changed: [], waiting: [] });
    assert.equal(applied.length, 2);
  });

  test("names what has to wait for a restart, each time", () => {
    const { live } = noting();
    const before = runOptions([]);
    const next = runOptions(["--ring.size=1MiB", "--signals=tcp", "--log.level=warn"]);
    for (const inForce of [before, takeOver(before, next, live).options]) {
      const { options, waiting } = takeOver(inForce, next, live);
      assert.deepEqual(options, { ...before, logLevel: "warn" });
      assert.deepEqual(flagsOf(waiting), ["--signals", "--ring.size"]);
    }
  });

  test("leaves the filters of one mode alone when the file asks for another", () => {
    const { live, applied } = noting();
    const before = runOptions([...stream, "--syscall.names=read", "--syscall.errors-only"]);
    const { options, changed, waiting } = takeOver(before, runOptions([]), live);
    assert.deepEqual(options, before);
    assert.deepEqual(changed, []);
    assert.deepEqual(flagsOf(waiting), ["--syscall.mode", "--syscall.errors-only", "--syscall.names"]);
    assert.deepEqual(applied, []);
  });
});
