import assert from "node:assert/strict";
import { test } from "node:test";
import { Dimension } from "../../src/metrics/dimension.js";
import { HistogramTable, type HistogramDefinition } from "../../src/metrics/histogram-table.js";
import { secondsPower } from "../../src/metrics/log2.js";
import { seededRandom } from "./random.js";

function makeTable(extra: Partial<HistogramDefinition> = {}, limit = Infinity) {
  const subject = new Dimension(["comm"]);
  const table = new HistogramTable({ name: "x_seconds", help: "Help.", subject, ...extra }, { limit });
  return { subject, table };
}

/** The counts of one row, not cumulative. */
function bucketsOf(table: HistogramTable, row: number): number[] {
  return [...table.buckets.subarray(row * table.slots, (row + 1) * table.slots)];
}

test("by default the buckets go from 2^-22 s (238 ns) to 64 s and +Inf", () => {
  const { table } = makeTable();
  assert.equal(table.slots, 30);
  assert.equal(table.bounds[0], 1 / 4_194_304);
  assert.equal(table.bounds.at(-1), 64);
});

test("the last nanosecond up to a bound falls below it, the next one above it", () => {
  const { subject, table } = makeTable();
  const id = subject.intern("a");
  for (const [slot, bound] of table.bounds.entries()) {
    const edge = Math.floor(bound * 1e9);
    assert.ok(edge / 1e9 <= bound && (edge + 1) / 1e9 > bound);
    const row = table.row(id);
    const before = bucketsOf(table, row);
    table.observe(id, 0, edge);
    table.observe(id, 0, edge + 1);
    before[slot] = (before[slot] as number) + 1;
    before[slot + 1] = (before[slot + 1] as number) + 1;
    assert.deepEqual(bucketsOf(table, row), before);
  }
  table.observe(id, 0, 0);
  table.observe(id, 0, 1);
  assert.equal(table.buckets[0], 3);
  table.observe(id, 0, 2 ** 53);
  assert.equal(table.buckets[table.slots - 1], 2);
});

test("agrees with a plain model through 30,000 random observations, folds and removals", () => {
  const random = seededRandom(5);
  const { subject, table } = makeTable({}, 50 * 32 + 31);
  const ids = Array.from({ length: 100 }, (_, index) => subject.intern(`c${index}`));
  const model = new Map<number, { counts: number[]; sum: number }>();
  const limited = () => [...model.keys()].filter((id) => id !== subject.other).length;
  for (let step = 0; step < 30_000; step++) {
    const id = ids[random(ids.length)] as number;
    if (random(50) === 0) {
      model.delete(id);
      table.removeSubject(id);
      continue;
    }
    const nanoseconds = Math.floor(2 ** (random(420) / 10));
    const key = model.has(id) || limited() < 50 ? id : subject.other;
    const entry = model.get(key) ?? { counts: Array<number>(30).fill(0), sum: 0 };
    const slot = [...table.bounds, Infinity].findIndex((bound) => nanoseconds / 1e9 <= bound);
    entry.counts[slot] = (entry.counts[slot] as number) + 1;
    entry.sum += nanoseconds;
    model.set(key, entry);
    table.observe(id, 0, nanoseconds);
  }
  assert.equal(table.size, model.size);
  for (let row = 0; row < table.size; row++) {
    const expected = model.get(table.subjectAt(row));
    assert.deepEqual(bucketsOf(table, row), expected?.counts);
    assert.equal(table.sums[row], expected?.sum);
  }
  assert.ok(table.folded > 1000);
});

test("adding slots counted elsewhere is the same as observing", () => {
  const { subject, table } = makeTable({ firstPower: -20, lastPower: -10 });
  const random = seededRandom(6);
  const observed = subject.intern("observed");
  const added = subject.intern("added");
  const slots = new Float64Array(65);
  let sum = 0;
  for (let step = 0; step < 1000; step++) {
    const nanoseconds = Math.floor(2 ** (random(300) / 10));
    table.observe(observed, 0, nanoseconds);
    const slot = secondsPower(nanoseconds) + 30;
    slots[slot] = (slots[slot] as number) + 1;
    sum += nanoseconds;
  }
  assert.equal(table.addSlots(table.row(added), -30, slots, sum), 1000);
  const [first, second] = [table.row(observed), table.row(added)];
  assert.deepEqual(bucketsOf(table, second), bucketsOf(table, first));
  assert.equal(table.sums[second], table.sums[first]);
  assert.equal(table.total(), 2000);
  assert.ok((table.buckets[0] as number) > 0 && (table.buckets[table.slots - 1] as number) > 0, "both ends were used");
});

test("bytes and numbers are counted by their own powers of two, and exposed as they are", () => {
  const { subject, table } = makeTable({ name: "x_bytes", unit: "bytes", lastPower: 12 });
  const id = subject.intern("a");
  assert.deepEqual([table.bounds[0], table.bounds.at(-1), table.scale], [1, 4096, 1]);
  for (const bytes of [0, 1, 2, 3, 4, 4096, 4097]) {
    table.observe(id, 0, bytes);
  }
  const counts = [2, 1, 2, ...Array<number>(9).fill(0), 1, 1];
  const row = table.row(id, 0);
  assert.deepEqual(bucketsOf(table, row), counts);
  assert.equal(table.addSlots(row, 0, [2, 1, 2], 10), 5);
  assert.deepEqual(bucketsOf(table, row).slice(0, 3), [4, 2, 4]);
  assert.equal(table.sums[row], 8203 + 10);
  assert.deepEqual(makeTable({ name: "x", unit: "number" }).table.bounds.at(-1), 2 ** 30);
});

test("the unit and the name of a histogram agree", () => {
  assert.throws(
    () => makeTable({ name: "x_bytes", unit: "seconds" }),
    /"x_bytes": the name of a histogram of seconds must end in _seconds/,
  );
  assert.throws(() => makeTable({ unit: "bytes" }), /"x_seconds": the name of a histogram of bytes must end in _bytes/);
  assert.throws(() => makeTable({ name: "x_bytes", unit: "bytes", firstPower: -1 }), /want 0 ≤ first ≤ last ≤ 53/);
});

test("buckets that cannot be are refused", () => {
  for (const [firstPower, lastPower] of [
    [-31, 10],
    [10, 9],
    [8, 23],
    [8.5, 10],
  ] as const) {
    assert.throws(() => makeTable({ firstPower, lastPower }), /want -30 ≤ first ≤ last ≤ 22/);
  }
  assert.throws(() => makeTable({ subject: new Dimension(["le"]) }), /a histogram's own label is le/);
});

test("bounds that are given hold what took at most so long", () => {
  const subject = new Dimension(["comm"]);
  const bounds = [0.001, 0.0025, 5];
  const table = new HistogramTable({ name: "took_seconds", help: "Took.", subject, bounds }, { limit: 12 });
  assert.deepEqual([table.seriesPerRow, table.most, table.isNative], [6, 2, false]);
  for (const nanoseconds of [0, 1_000_000, 1_000_001, 2_500_000, 2_500_000.5, 5_000_000_000, 5_000_000_001]) {
    table.observe(1, 0, nanoseconds);
  }
  assert.deepEqual([...table.buckets.subarray(0, table.slots)], [2, 2, 2, 1]);
  assert.throws(() => table.addSlots(0, -30, [1], 1), /not powers of two/);
});

for (const bounds of [[], [0, 1], [1, 1], [2, 1], [1, Infinity], [NaN]]) {
  test(`bounds ${JSON.stringify(bounds)} are refused`, () => {
    const definition = { name: "took_seconds", help: "Took.", subject: new Dimension([]), bounds };
    assert.throws(() => new HistogramTable(definition, { limit: 12 }), RangeError);
  });
}
