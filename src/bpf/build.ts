/** The object of a signal: its programs, its maps and constants, and the types of its records. */
import { kernelReads } from "../binding/kernel-reads.js";
import { constants } from "./helpers.js";
import { type Group, wordsOf } from "./group-plan.js";
import { mapTypes, objectBytes, type ObjectConstant, type ObjectMap } from "./object.js";
import type { MarkPlan, Plan } from "./plan.js";
import { compileProgram, limitMap } from "./program.js";
import { writeRecord } from "./records.js";
import { compileMark, unmatchedMap, unmatchedReasons } from "./start-code.js";
import { TypesWriter } from "./types-writer.js";

/** Bytes of a ring; the loader sets its size and those of the other maps. */
const ringBytes = 2 ** 20;

/** The maps of counts and of starts. */
function mapsOf(types: TypesWriter, groups: readonly Group[], marks: readonly MarkPlan[]): ObjectMap[] {
  const [u32, u64] = [types.int("u32", 4), types.int("u64", 8)];
  const hash = (name: string, keyBytes: number, words: number): ObjectMap => ({
    name,
    type: mapTypes.hash,
    entries: 1,
    key: types.array(u32, keyBytes / 4),
    value: types.array(u64, words),
  });
  const perCpu = (name: string, entries: number, words: number): ObjectMap => ({
    name,
    type: mapTypes.perCpuArray,
    entries,
    key: u32,
    value: types.array(u64, words),
  });
  return [
    ...groups.map((group) => hash(group.map, group.key.end, wordsOf(group))),
    ...marks.map(({ map, key, value }) => hash(map, key.end, value.end / 8)),
    ...(marks.length === 0 ? [] : [perCpu(unmatchedMap, marks.length, unmatchedReasons.length)]),
    perCpu("account", 1, 4),
  ];
}

/**
 * The object of a signal. Several may share one where no two have a map, a record or a tracepoint in common but the ring. `word`: the id
 * of a struct that begins with 8 bytes of a number, in the kernel's BTF; undefined where it has none.
 */
export function objectOf(plans: readonly Plan[], word: number | undefined): Uint8Array {
  const groups = plans.flatMap((plan) => plan.groups);
  const marks = plans.flatMap((plan) => plan.marks);
  const records = plans.flatMap(({ record }) => record ?? []);
  const events = plans.flatMap((plan) => plan.events);
  const types = new TypesWriter();
  const [u32, u64] = [types.int("u32", 4), types.int("u64", 8)];
  const bytes = types.int("u8", 1);
  const maps = mapsOf(types, groups, marks);
  const longestKey = Math.max(8, ...groups.map(({ key }) => key.end));
  const longestValue = Math.max(8, ...groups.map((group) => 8 * wordsOf(group)));
  const blank: ObjectConstant[] = [
    { name: constants.zeros, type: types.array(bytes, longestValue), bytes: new Uint8Array(longestValue) },
    { name: constants.overflow, type: types.array(bytes, longestKey), bytes: new Uint8Array(longestKey).fill(0xff) },
  ];
  if (events.some(({ record }) => record?.limit !== undefined)) {
    maps.push({ name: limitMap, type: mapTypes.array, entries: 1, key: u32, value: types.array(u64, 2) });
  }
  if (records.length > 0) {
    maps.push({ name: "events", type: mapTypes.ring, entries: ringBytes });
    blank.push({ name: constants.wakeup, type: u64, bytes: new Uint8Array(8) });
    for (const record of records) {
      writeRecord(types, record);
    }
  }
  blank.push({ name: constants.cgroups, type: u32, bytes: new Uint8Array(4) });
  const readBy = kernelReads() === "by cast" ? word : undefined;
  const programs = [
    ...events.map((event) => ({ ...event, code: compileProgram(event, readBy) })),
    ...marks.map((mark) => ({ ...mark, code: compileMark(mark, readBy) })),
  ];
  return objectBytes(
    programs.map(({ program, tracepoint, code }) => ({ name: program, section: `tp_btf/${tracepoint}`, code })),
    types,
    maps,
    blank,
  );
}
