/** Which slots want which calls, as the dispatch programs read it. */
import assert from "node:assert/strict";
import { test } from "node:test";

import type { BpfObject } from "../../../src/binding/native.js";
import { CallTable } from "../../../src/engine/dispatch/call-table.js";
import { indexCount } from "../../../src/sdk/syscall-names.js";

/** An object that keeps each table that it is given. */
function keeper() {
  const written: Uint8Array[] = [];
  const object = {
    setVariable(name: string, value: Uint8Array) {
      assert.equal(name, "dispatch_table");
      written.push(value.slice());
    },
  } as unknown as BpfObject;
  return { object, written };
}

/** What slots_of() of bpf/include/ringtap/dispatch.h makes of a number of the native (0), 32-bit (1) or x32 (2) table. */
function slotsOf(bytes: Uint8Array, hook: "enter" | "exit", table: number, number: number): number {
  const words = new Uint16Array(bytes.buffer).subarray(hook === "enter" ? 0 : indexCount);
  const native = words[number] as number;
  const slots = native >> 8 === 0 ? native : (words[number + table * (indexCount / 3)] as number);
  return slots & 0xff;
}

test("a call of one table is told from those of the others", () => {
  const { object, written } = keeper();
  const table = new CallTable();
  table.add(object, "exit", 2, [42, 1024 + 362, 2 * 1024 + 42, 7, 1024 + 7, 2 * 1024 + 7]);
  table.add(
    object,
    "exit",
    0,
    Array.from({ length: indexCount }, (_, index) => index),
  );
  const bytes = written.at(-1) as Uint8Array;
  const inTables = (number: number) => [0, 1, 2].map((each) => slotsOf(bytes, "exit", each, number));
  assert.deepEqual(inTables(42), [5, 1, 5]);
  assert.deepEqual(inTables(362), [1, 5, 1]);
  assert.deepEqual(inTables(7), [5, 5, 5]);
  assert.deepEqual(inTables(1023), [1, 1, 1]);
  assert.equal(slotsOf(bytes, "enter", 0, 42), 0);
  table.remove(object, "exit", 2);
  assert.deepEqual(
    [0, 1, 2].map((each) => slotsOf(written.at(-1) as Uint8Array, "exit", each, 42)),
    [1, 1, 1],
  );
});

test("at no moment does a slot get a call that it does not want", () => {
  const { object, written } = keeper();
  const table = new CallTable();
  table.add(object, "enter", 1, [42]);
  table.remove(object, "enter", 1);
  assert.ok(written.length > 2);
  for (const bytes of written) {
    assert.deepEqual(
      [1, 2].map((each) => slotsOf(bytes, "enter", each, 42)),
      [0, 0],
    );
  }
});
