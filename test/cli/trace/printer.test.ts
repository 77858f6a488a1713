import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { test } from "node:test";

import { fieldReader, fieldTypes } from "../../../src/cli/trace/fields.js";
import { LineOutput } from "../../../src/cli/trace/output.js";
import { createPrinter } from "../../../src/cli/trace/printer.js";
import type { TraceSummary } from "../../../src/cli/trace/summary.js";
import { compileWhere, condition } from "../../../src/cli/trace/where.js";
import { ProcessKind } from "../../../src/signals/process/records.js";
import { Cgroups } from "../../../src/identity/cgroups.js";
import { process as processSignal } from "../../../src/signals/process/signal.js";
import { type EventRecord, hasActor } from "../../../src/sdk/signal.js";
import { processRecord } from "./records.js";

const forks = [
  processRecord({ kind: ProcessKind.fork, tgid: 1, comm: "one" }),
  processRecord({ kind: ProcessKind.fork, tgid: 2, tid: 3, comm: "two", threadComm: "one" }),
  processRecord({ kind: ProcessKind.fork, tgid: 3, comm: "one" }),
];

/** An exit after so many milliseconds. */
function exit(tgid: number, milliseconds: number, status = 0): EventRecord {
  return processRecord({ kind: ProcessKind.exit, tgid, time: milliseconds * 1e6, status });
}

interface Asked {
  readonly pids?: readonly number[];
  readonly comms?: readonly string[];
  readonly count?: number;
  readonly sample?: number;
  readonly slow?: number;
  readonly where?: readonly string[];
}

/** What is printed when every record comes once. */
function printed(
  { where = [], ...options }: Asked,
  records: readonly EventRecord[] = forks,
): { pids: number[]; enough: Promise<void>; summary: TraceSummary } {
  const pids: number[] = [];
  const { print, enough, summary } = createPrinter(
    { pids: [], comms: [], count: undefined, sample: 1, slow: undefined, ...options },
    {
      signal: processSignal,
      output: new LineOutput(new Writable()),
      read: fieldReader(processSignal, new Cgroups()),
      where: compileWhere(where.map(condition), fieldTypes(processSignal), processSignal),
      line({ record }) {
        assert(hasActor(record));
        pids.push(record.tgid);
        return "\n";
      },
    },
  );
  records.forEach(print);
  return { pids, enough, summary };
}

test("without filters everything is printed", () => {
  assert.deepEqual(printed({}).pids, [1, 2, 3]);
});

test("filters go by the process, not its thread, and all must hold", () => {
  assert.deepEqual(printed({ pids: [1, 2] }).pids, [1, 2]);
  assert.deepEqual(printed({ comms: ["one"] }).pids, [1, 3]);
  assert.deepEqual(printed({ pids: [2, 3], comms: ["one"] }).pids, [3]);
  assert.deepEqual(printed({ pids: [4] }).pids, []);
  assert.deepEqual(printed({ comms: ["one"], where: ["pid>1"] }).pids, [3]);
});

test("the count is exact, of those that are wanted", async () => {
  const { pids, enough } = printed({ comms: ["one"], count: 1 });
  assert.deepEqual(pids, [1]);
  await enough;
});

test("failures and what is slow are never sampled; of the rest, one in N is shown", () => {
  const records = Array.from({ length: 100 }, (_, index) => {
    const failed = index % 10 === 3;
    return exit(index + 1, index % 10 === 7 ? 50 : 1, failed ? 1 << 8 : 0);
  });
  const { pids, summary } = printed({ sample: 20, slow: 10e6 }, records);
  const shown = (rest: number): number => pids.filter((pid) => (pid - 1) % 10 === rest).length;
  assert.deepEqual([shown(3), shown(7)], [10, 10]);
  assert.equal(pids.length, 10 + 10 + 80 / 20);
  assert.deepEqual(summary.totals, { shown: 24, sampled_out: 76, dropped: 0 });
});

test("the summary counts every event that the filters let through, sampled or not", () => {
  const records = Array.from({ length: 1000 }, (_, index) => exit(index + 1, index + 1, index % 4 === 0 ? 9 : 0));
  const { summary } = printed({ sample: 10, where: ["pid<=800"] }, records);
  const [ok, signal] = summary.outcomes();
  assert.deepEqual([ok?.event, ok?.reason, ok?.events, ok?.shown], ["exit", "ok", 600, 60]);
  assert.deepEqual([signal?.reason, signal?.events, signal?.shown], ["signal", 200, 200]);
  assert.equal(ok?.max, 0.8);
  for (const [name, expected] of [
    ["p50", 0.4],
    ["p90", 0.72],
    ["p99", 0.792],
  ] as const) {
    const value = Number(ok[name]);
    assert(Math.abs(value / expected - 1) < 1 / 64, `${name} ${value}, expected about ${expected}`);
  }
  const [heading, first] = summary.table();
  assert.match(heading ?? "", /^EVENT +REASON +EVENTS +SHOWN +P50 +P90 +P99 +MAX$/);
  assert.match(first ?? "", /^exit +ok +600 +60 +\d{3}ms +\d{3}ms +\d{3}ms +800ms$/);
});
