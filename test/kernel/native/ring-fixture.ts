/** The ring of ring.bpf.c, running: each {@link call} makes one numbered record. */
import assert from "node:assert/strict";

import { native, type BpfObject, type BpfRing } from "../../../src/binding/native.js";
import { compile, entries, getppid } from "./fixture.js";

const fixture = compile("ring");

/** As ring.bpf.c has them. */
const discardEvery = 4;
export const recordMax = 136;

interface Counters {
  readonly calls: number;
  readonly output: number;
  readonly discarded: number;
  readonly dropped: number;
}

export interface Running {
  readonly object: BpfObject;
  readonly ring: BpfRing;
  readonly counters: () => Counters;
}

/** Loads and attaches the fixture; each {@link call} makes a record, each fourth a discarded one. */
export function start(bytes = 4096, silent = false): Running {
  const object = native.open(fixture);
  object.setConstant("target_pid", process.pid);
  object.setConstant("target_nr", getppid);
  object.setConstant("silent", silent ? 1 : 0);
  object.setMaxEntries("events", bytes);
  object.load();
  const ring = object.ring("events");
  object.attach("on_enter");
  const map = object.map("counters");
  return {
    object,
    ring,
    counters: () => {
      const at = entries(map);
      const [calls, output, discarded, dropped] = [0, 1, 2, 3].map((key) => at.get(key)?.[0]);
      assert(calls !== undefined && output !== undefined && discarded !== undefined && dropped !== undefined);
      return { calls, output, discarded, dropped };
    },
  };
}

/** Checks every byte of a record; returns its number. */
export function numberOf(record: Uint8Array): number {
  const number = Number(new DataView(record.buffer).getBigUint64(0, true));
  assert.equal(record.length, 8 + ((number * 7) & 127), `length of record ${number}`);
  assert(
    record.subarray(8).every((byte) => byte === (number & 0xff)),
    `content of record ${number}`,
  );
  return number;
}

/** The numbers of the undiscarded records from `from` on, `count` calls long. */
export function expected(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => from + i).filter((n) => n % discardEvery !== discardEvery - 1);
}
