/** The object of a signal: its program, its maps and constants, and the types of its records. */
import { kernelReads } from "../binding/kernel-reads.js";
import { constants } from "./helpers.js";
import { mapTypes, objectBytes, type ObjectConstant, type ObjectMap } from "./object.js";
import type { Group, Plan } from "./plan.js";
import { compileProgram } from "./program.js";
import { writeRecord } from "./records.js";
import { TypesWriter } from "./types-writer.js";

/** Words of 8 bytes that an entry of a map has. */
function wordsOf({ hasCount, sums, histogram }: Group): number {
  return Number(hasCount) + sums.length + (histogram === undefined ? 0 : 1 + histogram.slots);
}

/** Bytes of a ring; the loader sets its size and those of the other maps. */
const ringBytes = 2 ** 20;

/** What is built for a tracepoint. */
export interface Built {
  readonly tracepoint: string;
  readonly plan: Plan;
  /** The id of a struct that begins with 8 bytes of a number, in the kernel's BTF; undefined where it has none. */
  readonly word: number | undefined;
}

/** The object of a signal. Several may share one where no two have a map, a record or a tracepoint in common but the ring. */
export function objectOf(all: readonly Built[]): Uint8Array {
  const groups = all.flatMap(({ plan }) => plan.groups);
  const records = all.flatMap(({ plan }) => plan.record ?? []);
  const types = new TypesWriter();
  const [u32, u64] = [types.int("u32", 4), types.int("u64", 8)];
  const bytes = types.int("u8", 1);
  const maps: ObjectMap[] = groups.map((group) => ({
    name: group.map,
    type: mapTypes.hash,
    entries: 1,
    key: types.array(u32, group.key.end / 4),
    value: types.array(u64, wordsOf(group)),
  }));
  maps.push({ name: "account", type: mapTypes.perCpuArray, entries: 1, key: u32, value: types.array(u64, 4) });
  const longestKey = Math.max(8, ...groups.map(({ key }) => key.end));
  const longestValue = Math.max(8, ...groups.map((group) => 8 * wordsOf(group)));
  const blank: ObjectConstant[] = [
    { name: constants.zeros, type: types.array(bytes, longestValue), bytes: new Uint8Array(longestValue) },
    { name: constants.overflow, type: types.array(bytes, longestKey), bytes: new Uint8Array(longestKey).fill(0xff) },
  ];
  if (records.length > 0) {
    maps.push({ name: "events", type: mapTypes.ring, entries: ringBytes });
    blank.push(
      { name: constants.wakeup, type: u64, bytes: new Uint8Array(8) },
      { name: constants.cgroups, type: u32, bytes: new Uint8Array(4) },
    );
    for (const record of records) {
      writeRecord(types, record);
    }
  }
  const byCast = kernelReads() === "by cast";
  const programs = all.map(({ tracepoint, plan, word }) => ({
    name: plan.name,
    section: `tp_btf/${tracepoint}`,
    code: compileProgram(plan, byCast ? word : undefined),
  }));
  return objectBytes(programs, types, maps, blank);
}
