import assert from "node:assert/strict";
import { test } from "node:test";

import type { Frame, ProcessTotals, SignalViews } from "../../src/views/protocol.js";
import { quantity, rate } from "../../web/format.js";
import { Grouping } from "../../web/grouping.js";
import { Model, type RatedProcess } from "../../web/model.js";
import { madeUpViews } from "../views/made-up-signal.js";

function processRow(id: number, comm: string, totals: ProcessTotals["totals"] = {}): ProcessTotals {
  return { id, labels: { pid: `${id}`, comm }, totals };
}

function rated(id: number, comm: string): RatedProcess {
  return { row: processRow(id, comm), rates: {} };
}

function frame(rows: readonly ProcessTotals[], more: Partial<Frame> = {}): Frame {
  return {
    whole: false,
    processes: { rows, gone: [] },
    links: { rows: [], gone: [] },
    health: { cpuSeconds: 0, consumed: 0, signals: [] },
    ...more,
  } as unknown as Frame;
}

test("an id that is given out again is another process", () => {
  const model = new Model();
  const nginx = rated(1, "nginx");
  assert.equal(model.isAnother(nginx), false);
  model.apply(frame([processRow(1, "nginx")]));
  assert.equal(model.isAnother(nginx), false);
  model.apply(frame([processRow(1, "curl")]));
  assert.equal(model.isAnother(nginx), true);
});

test("columns are those that a frame declares: with a heading, levels as they are, until others are declared", () => {
  const model = new Model();
  const views: SignalViews[] = [{ signal: "tea", isFrequent: false, ...madeUpViews }];
  model.apply(frame([processRow(7, "kettle", { brews: 1, pots: 5 })], { at: 10, whole: true, views }));
  model.apply(frame([processRow(7, "kettle", { brews: 5, pots: 3 })], { at: 12 }));
  assert.deepEqual(
    model.columns.map(({ key }) => key),
    ["brews", "spills", "pots", "steeping"],
  );
  assert.deepEqual(model.processes[0]?.rates, { brews: 2, pots: 3 });
  model.apply(frame([], { at: 13, views: [] }));
  assert.deepEqual(model.columns, []);
});

test("numbers are written as their column's unit says", () => {
  assert.deepEqual(
    [quantity({ unit: "bytes" })(2048), quantity({ unit: "seconds" })(0.25), quantity({ unit: "count" })(12_345)],
    ["2.00K", "250ms", "12.3k"],
  );
  assert.deepEqual(
    [rate({ unit: "seconds" })(0.25), rate({ unit: "seconds", isLevel: true })(0.25), rate({ unit: "count" })(0)],
    ["25%", "250ms", "·"],
  );
});

test("a group keeps its id while it is there, and no two have the same", () => {
  const grouping = new Grouping();
  const ids = (...comms: string[]) =>
    grouping
      .by(
        "comm",
        comms.map((comm, index) => rated(index, comm)),
      )
      .map(({ row }) => row.id);
  const [a, b] = ids("a", "b");
  assert.deepEqual(ids("b", "a", "b"), [b, a]);
  const [c] = ids("c");
  const [aAgain] = ids("a", "c");
  assert.equal(new Set([a, b, c, aAgain]).size, 4);
  assert(ids("a", "b", "c").every((id) => id < 0));
});

test("what the programs of a signal cost is known once they have been timed twice", () => {
  const model = new Model();
  const timed = (at: number, tea?: number, cup?: number): Frame => {
    const signals = [
      { name: "tea", programSeconds: tea },
      { name: "cup", programSeconds: cup },
    ];
    return frame([], { at, health: { cpuSeconds: 0, consumed: 0, signals } as unknown as Frame["health"] });
  };
  model.apply(timed(10, 1));
  assert.deepEqual([...model.programShares], []);
  model.apply(timed(12, 1.5, 4));
  assert.deepEqual([...model.programShares], [["tea", 0.25]]);
  model.apply(timed(13, 1.5, 4.5));
  assert.deepEqual(
    [...model.programShares],
    [
      ["tea", 0],
      ["cup", 0.5],
    ],
  );
});
