/** Paths whose routes the kernel knows: after so many records, and never more than there may be. */
import assert from "node:assert/strict";
import { it } from "node:test";

import type { BpfMap } from "ringtap/signal";

import { KnownPaths } from "../../../src/signals/l7/routes/known-paths.js";

/** What the map has, by keys in hexadecimal. */
function fakeMap(): { readonly entries: Map<string, number>; readonly map: BpfMap } {
  const entries = new Map<string, number>();
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
  const map: Pick<BpfMap, "set" | "deleteKeys"> = {
    set(key, value) {
      entries.set(hex(key), Buffer.from(value).readUInt32LE());
    },
    deleteKeys(keys, count) {
      return Array.from({ length: count }, (_, n) => entries.delete(hex(keys.subarray(8 * n, 8 * n + 8)))).filter(
        Boolean,
      ).length;
    },
  };
  return { entries, map: map as BpfMap };
}

const record = (low: number, high: number) => ({ pathId: (index: number) => (index === 0 ? low : high) });

function meet(paths: KnownPaths, times: number, low: number, high: number, route: number): void {
  for (let n = 0; n < times; n++) {
    paths.meet(record(low, high), route);
  }
}

it("a path is known when it has had eight records, and then no more is written", () => {
  const { entries, map } = fakeMap();
  const paths = new KnownPaths(map);
  meet(paths, 7, 0x01020304, 0xf5060708, 9);
  assert.equal(entries.size, 0);
  meet(paths, 1, 0x01020304, 0xf5060708, 9);
  assert.deepEqual([...entries], [["04030201080706f5", 9]]);
  entries.clear();
  meet(paths, 20, 0x01020304, 0xf5060708, 9);
  assert.equal(entries.size, 0);
});

it("records without a path are none of a path", () => {
  const { entries, map } = fakeMap();
  meet(new KnownPaths(map), 20, 0, 0, 9);
  assert.equal(entries.size, 0);
});

it("paths that come once each between those of another one do not keep it from being known for long", () => {
  const { entries, map } = fakeMap();
  const paths = new KnownPaths(map);
  for (let n = 1; n <= 9; n++) {
    meet(paths, 1, 7, 7, 3);
    meet(paths, 1, 100_000 + n, n, 4);
  }
  assert.deepEqual([...entries.values()], [3]);
});

it("there are never more than the map has space for, and what is still met is known again", () => {
  const { entries, map } = fakeMap();
  const paths = new KnownPaths(map, 2);
  meet(paths, 8, 1, 1, 11);
  meet(paths, 8, 2, 1, 12);
  meet(paths, 8, 3, 1, 13);
  assert.deepEqual([...entries.values()], [13]);
  meet(paths, 8, 1, 1, 11);
  assert.deepEqual([...entries.values()], [13, 11]);
});
