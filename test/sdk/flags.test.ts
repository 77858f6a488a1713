/** The flags that a signal declares: their values, their defaults, and what goes together. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { Command } from "commander";

import { KnownSignals } from "../../src/cli/flags/own-signals.js";
import { throwErrors } from "../../src/cli/errors.js";
import { valuesBySignal, valuesOf } from "../../src/cli/flags/signals.js";
import { addRunFlags, readRunOptions, type RunOptions } from "../../src/cli/run/options.js";
import { addTraceFlags, readTraceOptions } from "../../src/cli/trace/options.js";
import {
  type AnySignal,
  atMost,
  defaultValues,
  defineSignal,
  duration,
  FlagError,
  inTrace,
  onlyInTrace,
  list,
  oneOf,
  optional,
  single,
  toggle,
  wholeNumber,
} from "../../src/sdk/index.js";
import { configFile } from "../cli/run/run-options.js";

const flags = {
  queueLimit: single("queue-limit", "<n>", "most queues", "16", wholeNumber(1, 100)),
  minWait: inTrace(single("min-wait", "<duration>", "only waits that took as long", "1ms", duration)),
  device: optional("device", "<name>", "one device", oneOf(["sda", "sdb"])),
  kinds: atMost(2, list("kinds", "<kind,...>", "kinds of requests", "read,write", oneOf(["read", "write", "flush"]))),
  exact: toggle("exact", "count every request", "true"),
  sectors: onlyInTrace(toggle("sectors", "show sectors")),
};

const disk = defineSignal({
  api: 1,
  name: "disk",
  summary: "requests of disks",
  object: new Uint8Array(),
  flags,
  validate: ({ exact, minWait }) =>
    exact && minWait > 1e9
      ? { flag: "minWait", problem: "leaves no request to count: add --no-disk.exact" }
      : undefined,
  start: () => ({}),
});
const plain = defineSignal({ api: 1, name: "plain", summary: "nothing", object: new Uint8Array(), start: () => ({}) });
const signals: readonly AnySignal[] = [disk, plain];

function runOptions(args: readonly string[], environment: NodeJS.ProcessEnv = {}): RunOptions {
  const command = throwErrors(new Command("run"));
  addRunFlags(command, new KnownSignals(signals));
  command.parse(args, { from: "user" });
  return readRunOptions(command, new KnownSignals(signals), environment);
}

const defaults = {
  queueLimit: 16,
  minWait: 1e6,
  device: undefined,
  kinds: ["read", "write"],
  exact: true,
  sectors: false,
};

test("flags have their defaults where no source gives a value", () => {
  assert.deepEqual(defaultValues(flags), defaults);
  assert.deepEqual(valuesBySignal(signals, runOptions([])), { disk: defaults, plain: {} });
  assert.deepEqual(valuesOf(disk, {}), defaults);
});

describe("declared flags become values", () => {
  const values = { queueLimit: 3, minWait: 250_000, device: "sdb", kinds: ["flush"], exact: false, sectors: false };

  test("of the command line", () => {
    const args = ["--disk.queue-limit=3", "--disk.min-wait=250us", "--disk.device=sdb", "--disk.kinds=flush"];
    assert.deepEqual(valuesOf(disk, runOptions([...args, "--no-disk.exact"])), values);
  });

  test("of the environment", () => {
    const environment = {
      RINGTAP_DISK_QUEUE_LIMIT: "3",
      RINGTAP_DISK_MIN_WAIT: "250us",
      RINGTAP_DISK_DEVICE: "sdb",
      RINGTAP_DISK_KINDS: "flush",
      RINGTAP_DISK_EXACT: "false",
    };
    assert.deepEqual(valuesOf(disk, runOptions([], environment)), values);
  });

  test("of the configuration file, nested", (context) => {
    const text = "disk: {queue-limit: 3, min-wait: 250us, device: sdb, kinds: [flush], exact: false}\n";
    assert.deepEqual(valuesOf(disk, runOptions(["--config.file", configFile(context, text)])), values);
  });

  test("of trace, for those that are for it; the others have their defaults", () => {
    const command = throwErrors(new Command("trace"));
    addTraceFlags(command, signals);
    command.parse(["--disk.min-wait=2ms", "--disk.sectors"], { from: "user" });
    const expected = { ...defaults, minWait: 2e6, sectors: true };
    assert.deepEqual(readTraceOptions(command, disk, signals, {}).ofSignal, expected);
    assert.throws(() => runOptions(["--disk.sectors"]), { code: "commander.unknownOption" });
    assert.throws(() => readTraceOptions(command, plain, signals, {}), {
      name: "UsageError",
      message: "--disk.min-wait belongs to the signal disk: it goes with trace disk, not trace plain",
    });
    assert.throws(() => command.parse(["--disk.queue-limit=3"], { from: "user" }), { code: "commander.unknownOption" });
  });
});

test("the help has a line of each flag, with its default", () => {
  const command = throwErrors(new Command("run"));
  addRunFlags(command, new KnownSignals(signals));
  const help = command.helpInformation().replace(/\s+/g, " ");
  assert.match(help, /--disk\.queue-limit <n> most queues \(default: 16\)/);
  assert.match(help, /--disk\.device <name> one device \(choices: "sda", "sdb"\)/);
  assert.match(help, /--disk\.exact count every request \(default: true\)/);
});

describe("refused, by the flag as the user writes it", () => {
  for (const [args, message] of [
    [["--disk.queue-limit=101"], '--disk.queue-limit "101": expected a whole number from 1 to 100'],
    [["--disk.device=sdc"], '--disk.device "sdc": expected one of sda, sdb (did you mean "sda"?)'],
    [["--disk.kinds=read,write,flush"], "--disk.kinds has 3 values: expected at most 2"],
    [["--disk.min-wait=2s"], "--disk.min-wait leaves no request to count: add --no-disk.exact"],
  ] as const) {
    test(args.join(" "), () => {
      assert.throws(() => runOptions(args), { name: "UsageError", message });
    });
  }

  test("where flags do not go together, with the source", () => {
    const message =
      "--disk.min-wait leaves no request to count: add --no-disk.exact (from environment variable RINGTAP_DISK_MIN_WAIT)";
    assert.throws(() => runOptions([], { RINGTAP_DISK_MIN_WAIT: "2s" }), { name: "UsageError", message });
    assert.equal(runOptions(["--no-disk.exact", "--disk.min-wait=2s"])["disk.minWait"], 2e9);
  });

  test("an empty list, where there is a default", () => {
    assert.throws(() => flags.kinds.read([]), FlagError);
    assert.deepEqual(list("any", "<n,...>", "any", "", wholeNumber(1, 2)).read([]), []);
  });
});
