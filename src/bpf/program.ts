/** The program of a signal: its filter, its counts in maps, its records. What is lost is counted as bpf/include/ringtap/ does it. */
import type { Label, Variable } from "./assembler.js";
import { Compiler } from "./compiler.js";
import { type Code, encode } from "./encoder.js";
import { writeFields } from "./fields.js";
import { constants, helpers } from "./helpers.js";
import * as nodes from "./nodes.js";
import type { ActorNodes, Node } from "./nodes.js";
import { type Group, type GaugePlan, type HistogramPlan } from "./group-plan.js";
import type { EventPlan, RecordPlan } from "./plan.js";
import { takeStart } from "./start-code.js";

/** BPF_NOEXIST, and the flags of bpf_ringbuf_submit() and bpf_ringbuf_query(): include/uapi/linux/bpf.h. */
const onlyNew = 1;
const noWakeup = 1;
const forceWakeup = 2;
const waitingBytes = 0;

/** The map of the second that records were sent in last, and how many. */
export const limitMap = "record_limit";

/** Where the members of `struct account` are (bpf/include/ringtap/account.h). */
const account = { produced: 0, ringFull: 8, mapFull: 16, sampled: 24 };

/** The program of a tracepoint's events. Throws where it cannot be one. `word`: see {@link Compiler}. */
export function compileProgram(event: EventPlan, word?: number): Code {
  const compiler = new Compiler(event.tracepoint, word);
  const { assembler } = compiler;
  const end = assembler.label();
  for (const condition of event.before) {
    compiler.unless(condition, end);
  }
  for (const start of event.starts) {
    takeStart(compiler, start, end);
  }
  for (const condition of event.after) {
    compiler.unless(condition, end);
  }
  for (const group of event.groups) {
    countInMap(compiler, group);
  }
  if (event.record !== undefined) {
    sendRecord(compiler, event.record);
  }
  assembler.place(end);
  assembler.exit();
  return encode(assembler);
}

/** Adds an event to its entry of a map, which is made if need be; to the overflow entry when the map is full. */
function countInMap(compiler: Compiler, group: Group): void {
  const { assembler } = compiler;
  const key = assembler.frame(group.key.end);
  writeFields(compiler, group.key, undefined, key);
  const found = assembler.label();
  const end = assembler.label();
  const map = { map: group.map };
  const value = assembler.call(helpers.mapLookup, map, { frame: key });
  assembler.jump("ne", value, { number: 0 }, found);
  const zeros = { constant: constants.zeros, offset: 0 };
  // Should another CPU add it first, that one stays.
  assembler.perform(helpers.mapUpdate, map, { frame: key }, zeros, { number: onlyNew });
  assembler.move(value, assembler.call(helpers.mapLookup, map, { frame: key }));
  assembler.jump("ne", value, { number: 0 }, found);
  assembler.move(value, assembler.call(helpers.mapLookup, map, { constant: constants.overflow, offset: 0 }));
  assembler.jump("ne", value, { number: 0 }, found);
  // The entry for the overflow is made before the program is attached, and never deleted.
  countMapFull(compiler);
  assembler.goto(end);
  assembler.place(found);
  compiler.branch(() => {
    addToEntry(compiler, group, value);
  });
  assembler.place(end);
}

function addToEntry(compiler: Compiler, group: Group, value: Variable): void {
  const { assembler } = compiler;
  let word = 0;
  if (group.hasCount) {
    assembler.addAtomically(value, 0, assembler.number(1));
    word++;
  }
  for (const sum of group.sums) {
    assembler.addAtomically(value, 8 * word++, atLeastZero(compiler, sum.node, sum.signed));
  }
  if (group.gauge !== undefined) {
    word += setGauge(compiler, group.gauge, value, 8 * word);
  }
  if (group.histogram !== undefined) {
    observe(compiler, group.histogram, value, 8 * word);
  }
}

/** Returns how many words a gauge has. */
function setGauge(compiler: Compiler, gauge: GaugePlan, value: Variable, at: number): number {
  const { assembler } = compiler;
  if (gauge.isLast) {
    assembler.store(value, at, 8, atLeastZero(compiler, gauge.node, gauge.signed));
    return 1;
  }
  assembler.addAtomically(value, at, atLeastZero(compiler, gauge.node, gauge.signed));
  if (gauge.signed) {
    const negative = nodes.binary("sub", nodes.constant(0n), gauge.node);
    assembler.addAtomically(value, at + 8, atLeastZero(compiler, negative, true));
  }
  return 2;
}

function observe(compiler: Compiler, histogram: HistogramPlan, value: Variable, at: number): void {
  const { assembler } = compiler;
  const { buckets, slots } = histogram;
  const observed = atLeastZero(compiler, histogram.node, histogram.signed);
  assembler.addAtomically(value, at, observed);
  const slot =
    buckets.are === "linear"
      ? linearSlot(compiler, observed, buckets, slots)
      : slotOf(
          compiler,
          histogram.isTime ? ceilLog2Seconds(compiler, observed) : ceilLog2(compiler, observed),
          buckets.firstSlot,
          slots,
        );
  assembler.alu("shl", slot, { number: 3 });
  assembler.alu("add", slot, value);
  assembler.addAtomically(slot, at + 8, assembler.number(1));
}

function atLeastZero(compiler: Compiler, node: Node, signed: boolean): Variable {
  const number = compiler.number(node);
  if (!signed) {
    return number;
  }
  const { assembler } = compiler;
  const positive = assembler.copy(number);
  assembler.alu("shrSigned", positive, { number: 63 });
  assembler.alu("xor", positive, { number: -1 });
  assembler.alu("and", positive, number);
  return positive;
}

/** ceil_log2() of bpf/include/ringtap/log2.h: the smallest k with value ≤ 2^k. Without branches, which the verifier would follow. */
function ceilLog2(compiler: Compiler, value: Variable): Variable {
  const { assembler } = compiler;
  // value - 1, but 0 for 0: the highest bit of value | -value says whether there is any.
  const some = assembler.copy(value);
  assembler.alu("neg", some, { number: 0 });
  assembler.alu("or", some, value);
  assembler.alu("shr", some, { number: 63 });
  const rest = assembler.copy(value);
  assembler.alu("sub", rest, some);
  const bits = assembler.number(0);
  for (const shift of [5, 4, 3, 2, 1]) {
    // 1 where anything is left above the lower half, shifted to the number of bits that are skipped then.
    const step = assembler.copy(rest);
    assembler.alu("shr", step, { number: 2 ** shift });
    assembler.alu("neg", step, { number: 0 });
    assembler.alu("shr", step, { number: 63 });
    assembler.alu("shl", step, { number: shift });
    assembler.alu("or", bits, step);
    assembler.alu("shr", rest, step);
  }
  // Two bits are left: 0, 1, 2 or 3 stand for 0, 1, 2 and 2 of them, here as a table.
  assembler.alu("and", rest, { number: 3 });
  assembler.alu("shl", rest, { number: 1 });
  const last = assembler.number(0xa4);
  assembler.alu("shr", last, rest);
  assembler.alu("and", last, { number: 3 });
  assembler.alu("add", bits, last);
  return bits;
}

/** ceil_log2_seconds(): the smallest k with a duration in nanoseconds ≤ 2^(k - 30) seconds. */
function ceilLog2Seconds(compiler: Compiler, duration: Variable): Variable {
  const { assembler } = compiler;
  const power = ceilLog2(compiler, duration);
  const bound = assembler.number(1_953_125);
  const shift = assembler.copy(power);
  assembler.alu("and", shift, { number: 63 });
  assembler.alu("shl", bound, shift);
  assembler.alu("shr", bound, { number: 21 });
  assembler.alu("sub", bound, duration);
  assembler.alu("shr", bound, { number: 63 });
  assembler.alu("add", power, bound);
  return power;
}

/** The slot of a power: the first has all below it, the last all above. */
function slotOf(compiler: Compiler, power: Variable, first: number, slots: number): Variable {
  const { assembler } = compiler;
  const slot = assembler.copy(power);
  const [low, high] = [assembler.label(), assembler.label()];
  assembler.jump("ge", slot, { number: first }, low);
  assembler.set(slot, first);
  assembler.place(low);
  assembler.alu("sub", slot, { number: first });
  assembler.jump("lt", slot, { number: slots }, high);
  assembler.set(slot, slots - 1);
  assembler.place(high);
  return slot;
}

/** The bucket of equal width: the first has all up to `first`, the last all above. */
function linearSlot(
  compiler: Compiler,
  observed: Variable,
  { first, step }: { readonly first: number; readonly step: number },
  slots: number,
): Variable {
  const { assembler } = compiler;
  const slot = assembler.number(0);
  const end = assembler.label();
  const bound = assembler.number(first);
  assembler.jump("le", observed, bound, end);
  assembler.move(slot, observed);
  assembler.alu("sub", slot, bound);
  assembler.alu("sub", slot, { number: 1 });
  assembler.alu("div", slot, assembler.number(step));
  assembler.alu("add", slot, { number: 1 });
  assembler.jump("lt", slot, { number: slots }, end);
  assembler.set(slot, slots - 1);
  assembler.place(end);
  return slot;
}

/** The account of this CPU; 0 where there is none, which is never so. */
function accountOf(compiler: Compiler): Variable {
  const { assembler } = compiler;
  const key = assembler.frame(8);
  assembler.store(undefined, key, 4, { number: 0 });
  return assembler.call(helpers.mapLookup, { map: "account" }, { frame: key });
}

function countMapFull(compiler: Compiler): void {
  const { assembler } = compiler;
  const none = assembler.label();
  const counts = accountOf(compiler);
  assembler.jump("eq", counts, { number: 0 }, none);
  const one = assembler.number(1);
  assembler.addAtomically(counts, account.produced, one);
  assembler.addAtomically(counts, account.mapFull, one);
  assembler.place(none);
}

/**
 * Reserves a record, counts it, fills it and hands it over. The place is tested once: Linux 5.10 knows of no second test how it
 * ends.
 */
function sendRecord(compiler: Compiler, record: RecordPlan): void {
  const { assembler } = compiler;
  const [counted, full, end] = [assembler.label(), assembler.label(), assembler.label()];
  const sampled = assembler.label();
  const counts = accountOf(compiler);
  assembler.jump("eq", counts, { number: 0 }, counted);
  assembler.addAtomically(counts, account.produced, assembler.number(1));
  assembler.place(counted);
  if (record.sample !== undefined) {
    sampleOne(compiler, record.sample, sampled);
  }
  if (record.limit !== undefined) {
    limitRate(compiler, record.limit, sampled);
  }
  const place = assembler.call(helpers.ringReserve, { map: "events" }, { number: record.fields.end }, { number: 0 });
  assembler.jump("eq", place, { number: 0 }, full);
  compiler.branch(() => {
    assembler.store(place, 0, 8, compiler.number(nodes.helper(helpers.time)));
    if (record.actor !== undefined) {
      writeActor(compiler, record.actor, place);
    }
    writeFields(compiler, record.fields, place, 0);
    submit(compiler, place);
  });
  assembler.goto(end);
  assembler.place(full);
  assembler.jump("eq", counts, { number: 0 }, end);
  assembler.addAtomically(counts, account.ringFull, assembler.number(1));
  if (record.sample !== undefined || record.limit !== undefined) {
    assembler.goto(end);
    assembler.place(sampled);
    assembler.jump("eq", counts, { number: 0 }, end);
    assembler.addAtomically(counts, account.sampled, assembler.number(1));
  }
  assembler.place(end);
}

/** Goes to the label for all but one in so many, at random. */
function sampleOne(compiler: Compiler, sample: number, sampled: Label): void {
  const { assembler } = compiler;
  const random = assembler.call(helpers.random);
  assembler.zeroExtend(random);
  assembler.alu("mod", random, { number: sample });
  assembler.jump("ne", random, { number: 0 }, sampled);
}

const nanosecondsPerSecond = 1_000_000_000;

/** Goes to the label when a second has had so many. CPUs that get here at once may each be let through. */
function limitRate(compiler: Compiler, limit: number, sampled: Label): void {
  const { assembler } = compiler;
  const [same, past] = [assembler.label(), assembler.label()];
  const key = assembler.frame(8);
  assembler.store(undefined, key, 4, { number: 0 });
  const second = assembler.copy(compiler.number(nodes.helper(helpers.time)));
  assembler.alu("div", second, { number: nanosecondsPerSecond });
  const window = assembler.call(helpers.mapLookup, { map: limitMap }, { frame: key });
  assembler.jump("eq", window, { number: 0 }, past);
  const current = assembler.variable();
  assembler.load(current, window, 0, 8);
  assembler.jump("eq", current, second, same);
  assembler.store(window, 0, 8, second);
  assembler.store(window, 8, 8, { number: 0 });
  assembler.place(same);
  const sent = assembler.variable();
  assembler.load(sent, window, 8, 8);
  assembler.jump("ge", sent, { number: limit }, sampled);
  assembler.addAtomically(window, 8, assembler.number(1));
  assembler.place(past);
}

/** Writes a `struct actor` (bpf/include/ringtap/task.h) behind the time. */
function writeActor(compiler: Compiler, actor: ActorNodes, place: Variable): void {
  const { assembler } = compiler;
  assembler.store(place, 8, 4, compiler.number(actor.tgid));
  assembler.store(place, 12, 4, compiler.number(actor.tid));
  compiler.text(actor.comm, { base: place, offset: 16 });
  compiler.text(actor.threadComm, { base: place, offset: 32 });
  assembler.store(place, 48, 8, compiler.number(actor.cgroup));
}

/** submit() of bpf/include/ringtap/ring.h: userspace is woken each time that as many bytes have come to wait. */
function submit(compiler: Compiler, place: Variable): void {
  const { assembler } = compiler;
  const later = assembler.label();
  const waiting = assembler.call(helpers.ringQuery, { map: "events" }, { number: waitingBytes });
  const wakeup = assembler.variable();
  assembler.load(wakeup, assembler.address({ constant: constants.wakeup, offset: 0 }), 0, 8);
  const flags = assembler.number(noWakeup);
  assembler.jump("lt", waiting, wakeup, later);
  const above = assembler.copy(wakeup);
  assembler.alu("sub", above, { number: 1 });
  assembler.alu("and", above, waiting);
  assembler.alu("shr", wakeup, { number: 4 });
  assembler.jump("ge", above, wakeup, later);
  assembler.set(flags, forceWakeup);
  assembler.place(later);
  assembler.perform(helpers.ringSubmit, { variable: place }, { variable: flags });
}
