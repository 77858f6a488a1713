import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { describe, test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { Command } from "commander";

import { KnownSignals } from "../../../src/cli/flags/own-signals.js";
import { throwErrors } from "../../../src/cli/errors.js";
import { type LiveOption, liveOptions, applyOptions } from "../../../src/cli/run/live-options.js";
import { addRunFlags, flagsOf, type RunOptions } from "../../../src/cli/run/options.js";
import { openRunOptions, type OptionsSource } from "../../../src/cli/run/reload.js";
import { valuesOf } from "../../../src/cli/flags/signals.js";
import { setupOf } from "../../../src/engine/load.js";
import { canFollow } from "../../../src/engine/setup-changes.js";
import { defaultHost } from "../../../src/sdk/host.js";
import { Identity } from "../../../src/identity/identity.js";
import { createLogger } from "../../../src/log/logger.js";
import { Catalog } from "../../../src/metrics/catalog.js";
import type { FlagChange } from "../../../src/engine/running.js";
import type { AnySignal, Setup } from "../../../src/sdk/signal.js";
import { syscall } from "../../../src/signals/syscall/signal.js";
import { tcp } from "../../../src/signals/tcp/signal.js";
import { configFile, runOptions } from "./run-options.js";

const signals: readonly AnySignal[] = [tcp, syscall];

/** The options of a configuration file, arguments and variables; `write` changes the file. */
function opened(context: TestContext, text: string, args: readonly string[] = [], environment = {}) {
  const path = configFile(context, text);
  const command = throwErrors(new Command("run"));
  const known = new KnownSignals(signals);
  addRunFlags(command, known);
  command.parse(["--config.file", path, ...args], { from: "user" });
  const source: OptionsSource = openRunOptions(command, known, environment);
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
      [next.seriesLimit, next.logLevel, next.identityLimit, next["syscall.mode"]],
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

  /** Live options that note what they were given; those of the signal syscall follow as far as its setup lets them. */
  function noting() {
    const applied: RunOptions[] = [];
    const noted = (options: RunOptions): FlagChange => ({
      commit: () => {
        applied.push(options);
      },
      cancel: () => assert.fail("nothing is cancelled"),
      revert: () => assert.fail("nothing is reverted"),
    });
    const setup = (options: RunOptions): Setup => setupOf(syscall, valuesOf(syscall, options), defaultHost);
    const live: readonly LiveOption[] = [
      {
        names: Object.keys(syscall.flags).map((key) => `syscall.${key}` as const),
        prepare: (options, current) => (canFollow(setup(current), setup(options)) ? noted(options) : undefined),
      },
      { names: ["seriesLimit"], prepare: noted },
      { names: ["logLevel"], prepare: noted },
    ];
    return { live, applied };
  }

  test("applies what has changed, and nothing else", () => {
    const { live, applied } = noting();
    const before = runOptions(stream);
    const next = runOptions([...stream, "--syscall.names=read", "--series-limit=7"]);
    const { options, changed, needsRestart } = applyOptions(before, next, live);
    assert.deepEqual(changed, ["syscall.names", "seriesLimit"]);
    assert.deepEqual(needsRestart, []);
    assert.deepEqual(options, next);
    assert.deepEqual(applied, [{ ...next, seriesLimit: before.seriesLimit }, next]);
    assert.deepEqual(applyOptions(options, next, live), { options, changed: [], needsRestart: [] });
    assert.equal(applied.length, 2);
  });

  test("names what has to wait for a restart, each time", () => {
    const { live } = noting();
    const before = runOptions([]);
    const next = runOptions(["--ring.size=1MiB", "--signals=tcp", "--log.level=warn"]);
    for (const current of [before, applyOptions(before, next, live).options]) {
      const { options, needsRestart } = applyOptions(current, next, live);
      assert.deepEqual(options, { ...before, logLevel: "warn" });
      assert.deepEqual(flagsOf(needsRestart, new KnownSignals(signals)), ["--signals", "--ring.size"]);
    }
  });

  test("leaves the filters of one mode alone when the file asks for another", () => {
    const { live, applied } = noting();
    const before = runOptions([...stream, "--syscall.names=read", "--syscall.errors-only"]);
    const { options, changed, needsRestart } = applyOptions(before, runOptions([]), live);
    assert.deepEqual(options, before);
    assert.deepEqual(changed, []);
    assert.deepEqual(flagsOf(needsRestart, new KnownSignals(signals)), [
      "--syscall.mode",
      "--syscall.errors-only",
      "--syscall.names",
    ]);
    assert.deepEqual(applied, []);
  });

  /** A change that notes what becomes of it. */
  function noted(name: string, calls: string[], commit: () => void = () => undefined): FlagChange {
    return {
      commit: () => {
        calls.push(`commit ${name}`);
        commit();
      },
      cancel: () => {
        calls.push(`cancel ${name}`);
      },
      revert: () => {
        calls.push(`revert ${name}`);
      },
    };
  }

  const refuse = (): never => {
    throw new Error("refused");
  };
  const next = ["--labels=comm", "--series-limit=7", "--identity-limit=9"];

  test("takes back what was prepared when a later option refuses", () => {
    const calls: string[] = [];
    const live: readonly LiveOption[] = [
      { names: ["labels"], prepare: () => noted("labels", calls) },
      { names: ["seriesLimit"], prepare: refuse },
    ];
    assert.throws(() => applyOptions(runOptions([]), runOptions(next), live), /refused/);
    assert.deepEqual(calls, ["cancel labels"]);
  });

  test("takes back what was committed when a later commit fails, and cancels the rest", () => {
    const calls: string[] = [];
    const live: readonly LiveOption[] = [
      { names: ["labels"], prepare: () => noted("labels", calls) },
      { names: ["seriesLimit"], prepare: () => noted("series", calls, refuse) },
      { names: ["identityLimit"], prepare: () => noted("identity", calls) },
    ];
    assert.throws(() => applyOptions(runOptions([]), runOptions(next), live), /refused/);
    assert.deepEqual(calls, ["commit labels", "commit series", "revert labels", "cancel series", "cancel identity"]);
  });

  test("leaves the agent as it was, each time that a reload fails", () => {
    const current = runOptions(["--series-limit=100"]);
    const catalog = new Catalog({ seriesLimit: 100 });
    const identity = new Identity(catalog, ["pid", "comm"]);
    const log = createLogger("error", "logfmt");
    const kubernetes = { followPodsFor: () => undefined };
    const live: readonly LiveOption[] = [
      ...liveOptions({ catalog, identity, statuses: [], host: defaultHost }, kubernetes, log),
      { names: ["ringSize"], prepare: () => noted("ring", [], refuse) },
    ];
    for (const limit of [7, 9]) {
      const wanted = runOptions([`--series-limit=${limit}`, "--ring.size=1MiB"]);
      assert.throws(() => applyOptions(current, wanted, live), /refused/);
      assert.equal(catalog.seriesLimit, 100);
    }
    const { options, changed } = applyOptions(current, runOptions(["--series-limit=9"]), live);
    assert.deepEqual([changed, options.seriesLimit, catalog.seriesLimit], [["seriesLimit"], 9, 9]);
  });

  test("labels of control groups need a restart where records do not have them", () => {
    const catalog = new Catalog();
    const identity = new Identity(catalog, ["pid", "comm"]);
    const log = createLogger("error", "logfmt");
    const followed: (readonly string[])[] = [];
    const kubernetes = { followPodsFor: (labels: readonly string[]) => void followed.push(labels) };
    const takeLabels = (inRecords: boolean) => {
      const host = { ...defaultHost, cgroups: { ...defaultHost.cgroups, inRecords } };
      const live = liveOptions({ catalog, identity, statuses: [], host }, kubernetes, log);
      const { changed, needsRestart } = applyOptions(runOptions([]), runOptions(["--labels=comm,unit"]), live);
      return { changed, needsRestart };
    };
    assert.deepEqual(takeLabels(false), { changed: [], needsRestart: ["labels"] });
    assert.deepEqual(followed, []);
    assert.deepEqual(takeLabels(true), { changed: ["labels"], needsRestart: [] });
    assert.deepEqual(followed, [["comm", "unit"]]);
  });
});
