import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { test } from "node:test";

import { LineOutput } from "../../src/cli/trace-output.js";
import { createPrinter } from "../../src/cli/trace-printer.js";
import { ProcessKind } from "../../src/generated/process.js";
import { processRecord } from "./trace-records.js";

const records = [
  processRecord({ kind: ProcessKind.fork, tgid: 1, comm: "one" }),
  processRecord({ kind: ProcessKind.fork, tgid: 2, tid: 3, comm: "two", threadComm: "one" }),
  processRecord({ kind: ProcessKind.fork, tgid: 3, comm: "one" }),
];

/** The pids printed when every record comes once. */
function printed(options: Parameters<typeof createPrinter>[0]): { pids: number[]; enough: Promise<void> } {
  const pids: number[] = [];
  const output = new LineOutput(new Writable());
  const { print, enough } = createPrinter(options, output, (record) => {
    pids.push(record.tgid);
    return "\n";
  });
  records.forEach(print);
  return { pids, enough };
}

test("without filters everything is printed", () => {
  assert.deepEqual(printed({ pids: [], comms: [], count: undefined }).pids, [1, 2, 3]);
});

test("filters go by the process, not its thread, and all must hold", () => {
  assert.deepEqual(printed({ pids: [1, 2], comms: [], count: undefined }).pids, [1, 2]);
  assert.deepEqual(printed({ pids: [], comms: ["one"], count: undefined }).pids, [1, 3]);
  assert.deepEqual(printed({ pids: [2, 3], comms: ["one"], count: undefined }).pids, [3]);
  assert.deepEqual(printed({ pids: [4], comms: [], count: undefined }).pids, []);
});

test("the count is exact, of those that are wanted", async () => {
  const { pids, enough } = printed({ pids: [], comms: ["one"], count: 1 });
  assert.deepEqual(pids, [1]);
  await enough;
});
