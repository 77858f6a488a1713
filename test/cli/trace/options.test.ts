import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { Command } from "commander";

import { throwErrors } from "../../../src/cli/errors.js";
import { addTraceFlags, readTraceOptions, type TraceOptions } from "../../../src/cli/trace/options.js";
import { signals } from "../../../src/signals/index.js";

/** What `ringtap trace <name> <args>` would be told. */
function traceOptions(name: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): TraceOptions {
  const command = throwErrors(new Command("trace"));
  addTraceFlags(command, signals);
  command.parse(args, { from: "user" });
  const signal = signals.find((candidate) => candidate.name === name);
  assert(signal !== undefined, name);
  return readTraceOptions(command, signal, signals, environment);
}

/** 1,2,3 and so on: so many of them. */
function numbers(count: number): string {
  return Array.from({ length: count }, (_, index) => index + 1).join(",");
}

test("the defaults", () => {
  assert.deepEqual(traceOptions("tcp", []), {
    pids: [],
    comms: [],
    output: "table",
    where: [],
    sample: 1,
    slow: undefined,
    color: "auto",
    signalsPath: [],
    count: undefined,
    duration: undefined,
    cgroupHierarchy: "auto",
    kubernetes: "auto",
    kubernetesNode: undefined,
    kubernetesUrl: undefined,
    kubernetesTokenFile: undefined,
    kubernetesCaFile: undefined,
    ringSize: undefined,
    logLevel: "info",
    logFormat: "logfmt",
    dropCapabilities: true,
    ofSignal: { connectionsLimit: 262_144, countsLimit: 4096 },
  });
});

test("filters may be repeated", () => {
  const { pids, comms } = traceOptions("file", ["--pid", "1,2", "--pid", "3", "--comm", "cat", "--comm", "my prog"]);
  assert.deepEqual(pids, [1, 2, 3]);
  assert.deepEqual(comms, ["cat", "my prog"]);
});

test("conditions are separated by blanks, not commas, wherever they stand", () => {
  const fields = (options: TraceOptions): string[] => options.where.map(({ field, value }) => `${field}:${value}`);
  const where = ['comm="my prog" pid>1', "path~^/etc/{1,2}"];
  assert.deepEqual(fields(traceOptions("file", ["--where", where[0] ?? "", "--where", where[1] ?? ""])), [
    "comm:my prog",
    "pid:1",
    "path:^/etc/{1,2}",
  ]);
  assert.deepEqual(fields(traceOptions("file", [], { RINGTAP_WHERE: "pid=1,2 tid=3" })), ["pid:1,2", "tid:3"]);
});

test("a duration without a unit is seconds", () => {
  const durations = ["5", "0.5", "5ms", "2m"].map((text) => traceOptions("tcp", ["--duration", text]).duration);
  assert.deepEqual(durations, [5e9, 0.5e9, 5e6, 120e9]);
});

test("the flags of a signal are read with it; those that trace does not have keep their defaults", () => {
  const args = ["--syscall.names", "read,write", "--syscall.min-duration", "1ms", "--syscall.errors-only"];
  assert.deepEqual(traceOptions("syscall", args, { RINGTAP_SYSCALL_MODE: "stream" }).ofSignal, {
    mode: "aggregate",
    timing: "sampled",
    minDuration: 1_000_000,
    errorsOnly: true,
    names: ["read", "write"],
    pids: [],
    comms: [],
    countsLimit: 32_768,
    threadsLimit: 65_536,
  });
  for (const flag of ["--syscall.mode", "--syscall.pids", "--tcp.connections-limit"]) {
    assert.throws(() => traceOptions("syscall", [flag, "1"]), { code: "commander.unknownOption" });
  }
});

test("the environment is read", () => {
  assert.equal(traceOptions("tcp", [], { RINGTAP_OUTPUT: "json" }).output, "json");
});

describe("refused", () => {
  for (const [args, message] of [
    [["--count", "0"], '--count "0": expected a whole number from 1 to 1000000000'],
    [["--pid", "self"], '--pid "self": expected a whole number from 1 to 4194303'],
    [["--output", "xml"], '--output "xml": expected one of table, json'],
    [["--sample", "0"], '--sample "0": expected a whole number from 1 to 1000000'],
    [["--color", "alwyas"], '--color "alwyas": expected one of auto, always, never (did you mean "always"?)'],
    [
      ["--where", "comm"],
      '--where "comm": expected a field, one of != >= <= !~ = > < ~ and a value, such as comm=nginx',
    ],
    [["--duration", "soon"], '--duration "soon": expected a number with a unit (ns, us, ms, s, m), at most 60m'],
    [
      ["--syscall.errors-only"],
      "--syscall.errors-only belongs to the signal syscall: it goes with trace syscall, not trace tcp",
    ],
    [
      ["--syscall.names", "read"],
      "--syscall.names belongs to the signal syscall: it goes with trace syscall, not trace tcp",
    ],
    [["--pid", numbers(1025)], "--pid has 1025 values: expected at most 1024"],
    [["--comm", numbers(1025)], "--comm has 1025 values: expected at most 1024"],
  ] as const) {
    test(args.join(" ").slice(0, 80), () => {
      assert.throws(() => traceOptions("tcp", args), { name: "UsageError", message });
    });
  }

  test("filters of system calls in the environment, which may be the agent's, are not", () => {
    assert.equal(traceOptions("tcp", [], { RINGTAP_SYSCALL_NAMES: "read" }).output, "table");
  });
});

describe("refused of l7", () => {
  for (const [flag, values, problem] of [
    [
      "--l7.ports",
      ["0-5", "65536", "90-80", "http", ""],
      "expected a port, or a range such as 8000-8999, from 1 to 65535",
    ],
    [
      "--l7.http.routes",
      ["cart", "/a?b", "/a/*/b", "/{a}b", "/{a b}", "/1/2/3/4/5/6/7/8/9"],
      "expected a path such as /cart/{id} or /static/*, of at most 8 segments and 80 characters",
    ],
  ] as const) {
    for (const value of values) {
      test(`${flag} ${JSON.stringify(value)}`, () => {
        const message = `${flag} ${JSON.stringify(value)}: ${problem}`;
        assert.throws(() => traceOptions("l7", [flag, value]), { name: "UsageError", message });
      });
    }
  }
});
