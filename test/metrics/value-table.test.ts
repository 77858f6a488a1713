import assert from "node:assert/strict";
import { test } from "node:test";
import { Dimension } from "../../src/metrics/dimension.js";
import { ValueTable } from "../../src/metrics/value-table.js";
import { seededRandom } from "./random.js";

const help = "Help.";

/** A table of `limit` rows, labelled by comm and result, with `count` subjects interned. */
function makeTable(type: "counter" | "gauge", limit: number, count: number) {
  const subject = new Dimension(["comm"]);
  const detail = new Dimension(["result"]);
  const name = type === "counter" ? "x_total" : "x";
  const table = new ValueTable(type, { name, help, subject, detail }, { limit });
  const subjects = Array.from({ length: count }, (_, index) => subject.intern(`comm${index}`));
  return { table, subject, detail, subjects };
}

/** All rows as a Map, which fails when a key occurs twice. */
function contents(table: ValueTable): Map<string, number> {
  const rows = new Map<string, number>();
  for (let row = 0; row < table.size; row++) {
    const key = `${table.subjectAt(row)}/${table.detailAt(row)}`;
    assert.ok(!rows.has(key), `two rows for ${key}`);
    rows.set(key, table.values[row] as number);
  }
  return rows;
}

for (const { seed, limit, subjectCount } of [
  { seed: 1, limit: Infinity, subjectCount: 400 },
  { seed: 2, limit: 200, subjectCount: 400 },
  { seed: 3, limit: 1, subjectCount: 20 },
  { seed: 4, limit: Infinity, subjectCount: 5_000 },
]) {
  test(`agrees with a Map through 60,000 random updates and removals, limit ${limit}, ${subjectCount} subjects`, () => {
    const random = seededRandom(seed);
    const { table, subject, subjects } = makeTable("counter", limit, subjectCount);
    const model = new Map<string, number>();
    let limited = 0;
    let folded = 0;
    let removed = 0;
    let added = 0;
    for (let step = 0; step < 60_000; step++) {
      const id = subjects[random(subjects.length)] as number;
      if (random(20) > 0) {
        const detail = random(6);
        const n = random(1000);
        let key = `${id}/${detail}`;
        if (!model.has(key) && limited >= limit) {
          key = `${subject.other}/${detail}`;
          folded++;
        } else if (!model.has(key)) {
          limited++;
        }
        model.set(key, (model.get(key) ?? 0) + n);
        table.add(id, detail, n);
        added += n;
      } else {
        let gone = 0;
        for (const [key, value] of model) {
          if (key.startsWith(`${id}/`)) {
            model.delete(key);
            removed += value;
            gone++;
          }
        }
        limited -= gone;
        assert.equal(table.removeSubject(id), gone);
      }
      assert.equal(table.size, model.size);
      if (step % 1000 === 0) {
        assert.deepEqual(contents(table), new Map([...contents(table).keys()].map((key) => [key, model.get(key)])));
        assert.equal(table.total(), added - removed);
      }
    }
    assert.equal(table.total(), added - removed);
    assert.equal(table.folded, folded);
    assert.ok(limit === Infinity ? folded === 0 : folded > 1000);
    for (const [key, value] of model) {
      const [id, detail] = key.split("/").map(Number) as [number, number];
      assert.equal(table.value(id, detail), value);
    }
  });
}

test("a fold keeps its detail, is counted, and does not count towards the limit", () => {
  const { table, subject, detail, subjects } = makeTable("counter", 2, 4);
  const [ok, refused] = [detail.intern("ok"), detail.intern("refused")];
  const [first, second, third, fourth] = subjects as [number, number, number, number];
  table.add(first, ok, 1);
  table.add(second, ok, 2);
  table.add(third, ok, 3);
  table.add(fourth, refused, 4);
  table.add(first, ok, 10);
  assert.equal(table.size, 4);
  assert.equal(table.value(first, ok), 11);
  assert.equal(table.value(third, ok), 0);
  assert.equal(table.value(subject.other, ok), 3);
  assert.equal(table.value(subject.other, refused), 4);
  assert.equal(table.folded, 2);

  table.removeSubject(second);
  table.add(third, ok, 5);
  assert.equal(table.value(third, ok), 5);
  assert.equal(table.folded, 2);
  assert.equal(table.total(), 23);
});

test("the rows of other are never removed", () => {
  const { table, subject } = makeTable("counter", 1, 0);
  table.add(subject.other, 0, 7);
  assert.equal(table.removeSubject(subject.other), 0);
  assert.equal(table.value(subject.other), 7);
  assert.equal(table.folded, 0);
});

test("a removed row starts from 0 when it comes back", () => {
  const { table, subjects } = makeTable("counter", Infinity, 40);
  for (const id of subjects) {
    table.add(id, 1, 5);
  }
  for (const id of subjects.slice(3)) {
    table.removeSubject(id);
  }
  for (const id of subjects) {
    table.add(id, 1, 1);
  }
  assert.deepEqual(
    subjects.map((id) => table.value(id, 1)),
    subjects.map((_, index) => (index < 3 ? 6 : 1)),
  );
});

test("a gauge is set, zeroed with its rows kept, and sums what shares the fold row", () => {
  const { table, subject, subjects } = makeTable("gauge", 1, 3);
  for (const round of [1, 2]) {
    table.zero();
    for (const [index, id] of subjects.entries()) {
      table.set(id, 0, round * (index + 1));
    }
    assert.equal(table.value(subjects[0] as number), round);
    assert.equal(table.value(subject.other), round * 5);
    assert.equal(table.size, 2);
  }
  table.set(subjects[0] as number, 0, 9);
  assert.equal(table.value(subjects[0] as number), 9);
  table.zero();
  assert.equal(table.total(), 0);
  assert.equal(table.size, 2);
});

test("a counter is set only when it is bounded, and never zeroed", () => {
  const subject = new Dimension(["signal"]);
  const limited = new ValueTable("counter", { name: "a_total", help, subject }, { limit: 10 });
  assert.throws(() => {
    limited.set(1, 0, 5);
  }, /metric a_total: a counter with a series limit cannot be set/);
  assert.throws(() => {
    limited.zero();
  }, /metric a_total: a counter cannot be zeroed/);

  const bounded = new ValueTable("counter", { name: "b_total", help, subject, bounded: true }, { limit: 1 });
  for (const signal of ["tcp", "file", "process"]) {
    bounded.set(subject.intern(signal), 0, 5);
    bounded.set(subject.intern(signal), 0, 6);
  }
  assert.equal(bounded.total(), 18);
  assert.equal(bounded.folded, 0);
});

test("a definition that Prometheus would not take is refused", () => {
  const subject = new Dimension(["comm"]);
  const make = (extra: object) => () =>
    new ValueTable("counter", { name: "a_total", help, subject, ...extra }, { limit: 1 });
  assert.throws(make({ help: "" }), /metric "a_total": no help text/);
  assert.throws(make({ detail: new Dimension(["comm"]) }), /label "comm": named twice/);
  assert.throws(make({ name: "a" }), /must end in _total/);
});

test("removing 10,000 subjects does not scan the table for each", () => {
  const { table, subjects } = makeTable("counter", Infinity, 20_000);
  for (const id of subjects) {
    for (let detail = 0; detail < 15; detail++) {
      table.add(id, detail, 1);
    }
  }
  const start = performance.now();
  for (const id of subjects.slice(0, 10_000)) {
    assert.equal(table.removeSubject(id), 15);
  }
  const milliseconds = performance.now() - start;
  assert.equal(table.size, 150_000);
  // A scan of 150,000 to 300,000 rows for each would be over two thousand million steps.
  assert.ok(milliseconds < 1000, `${milliseconds} ms`);
});
