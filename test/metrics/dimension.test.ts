import assert from "node:assert/strict";
import { test } from "node:test";
import { Dimension } from "../../src/metrics/dimension.js";
import { seededRandom } from "./random.js";

test("the same values are the same id, others are not", () => {
  const process = new Dimension(["pid", "comm"]);
  const init = process.intern("1", "init");
  assert.equal(process.intern("1", "init"), init);
  assert.notEqual(process.intern("1", "bash"), init);
  assert.deepEqual(process.values(init), ["1", "init"]);
  assert.equal(process.text(init), 'pid="1",comm="init"');
  assert.equal(process.size, 3);
});

test("values cannot run into each other", () => {
  const pair = new Dimension(["a", "b"]);
  const tuples = [
    ["x", "yz"],
    ["xy", "z"],
    ["x,y", "z"],
    ['x","y', "z"],
    ["x\0y", "z"],
    ["x", "y\0z"],
    ["", "xyz"],
    ["xyz", ""],
  ] as const;
  assert.equal(new Set(tuples.map(([a, b]) => pair.intern(a, b))).size, tuples.length);
});

test("hostile values come out escaped", () => {
  const comm = new Dimension(["comm"]);
  const cases: [string, string][] = [
    ['a"b', String.raw`a\"b`],
    ["a\\b", String.raw`a\\b`],
    ["a\nb", String.raw`a\nb`],
    ["\\n", String.raw`\\n`],
    ['\\"', String.raw`\\\"`],
    ["a\r\tb", "a\r\tb"],
    ["a\0b", "a\0b"],
    ["漢字🦀", "漢字🦀"],
    ["a\ud800b", "a\ufffdb"],
    ["\udc00\ud800", "\ufffd\ufffd"],
    ["}{,= #", "}{,= #"],
  ];
  for (const [value, text] of cases) {
    assert.equal(comm.text(comm.intern(value)), `comm="${text}"`);
  }
});

test("values that differ only in what UTF-8 cannot carry are one tuple", () => {
  const comm = new Dimension(["comm"]);
  assert.equal(comm.intern("\ud800"), comm.intern("\udfff"));
  assert.deepEqual(comm.values(comm.intern("\ud800")), ["\ufffd"]);
});

test("an empty value is no label", () => {
  const process = new Dimension(["pid", "comm", "container"]);
  assert.equal(process.text(process.intern("", "sh", "")), 'comm="sh"');
  assert.equal(process.text(process.intern("", "", "")), "");
});

test("no labels at all make one tuple", () => {
  const none = new Dimension([]);
  assert.equal(none.intern(), none.other);
  assert.equal(none.text(none.other), "");
  assert.equal(none.size, 1);
});

test("other is there from the start and stays", () => {
  const process = new Dimension(["pid", "comm"]);
  assert.equal(process.text(process.other), 'pid="~other",comm="~other"');
  process.release(process.other);
  assert.equal(process.intern("~other", "~other"), process.other);
  assert.ok(process.has(process.other));
});

test("a released id is forgotten and given out again", () => {
  const comm = new Dimension(["comm"]);
  const bash = comm.intern("bash");
  comm.release(bash);
  assert.equal(comm.has(bash), false);
  assert.equal(comm.text(bash), "");
  assert.equal(comm.size, 1);
  assert.throws(() => comm.values(bash), /labels comm: no tuple has the id/);
  assert.throws(() => {
    comm.release(bash);
  }, RangeError);
  assert.equal(comm.intern("zsh"), bash);
  assert.equal(comm.text(bash), 'comm="zsh"');
});

test("a wrong number of values throws", () => {
  const process = new Dimension(["pid", "comm"]);
  assert.throws(() => process.intern("1"), /labels pid,comm: got 1 values/);
});

test("ids stay dense and agree with a Map through 20,000 random operations", () => {
  const random = seededRandom(7);
  const dimension = new Dimension(["a", "b"]);
  const model = new Map<string, number>();
  let most = 0;
  for (let step = 0; step < 20_000; step++) {
    const values: [string, string] = [`${random(30)}`, `${random(30)}`];
    const key = values.join();
    const known = model.get(key);
    if (random(3) > 0) {
      const id = dimension.intern(...values);
      if (known === undefined) {
        assert.ok(![...model.values()].includes(id), "an id in use was given out");
        model.set(key, id);
      } else {
        assert.equal(id, known);
      }
      most = Math.max(most, model.size);
      assert.ok(id <= most, "ids grow beyond what was ever in use");
    } else if (known !== undefined) {
      dimension.release(known);
      model.delete(key);
    }
    assert.equal(dimension.size, model.size + 1);
  }
  for (const [key, id] of model) {
    assert.equal(dimension.values(id).join(), key);
  }
});
