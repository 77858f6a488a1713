import assert from "node:assert/strict";
import { test } from "node:test";

import type { Frame, ProcessTotals } from "../../src/views/protocol.js";
import { Grouping } from "../../web/grouping.js";
import { Model, type RatedProcess } from "../../web/model.js";

const numbers = {} as Record<string, number>;

function processRow(id: number, comm: string): ProcessTotals {
  return { id, labels: { pid: `${id}`, comm }, totals: numbers };
}

function rated(id: number, comm: string): RatedProcess {
  return { row: processRow(id, comm), rates: numbers };
}

test("an id that is given out again is another process", () => {
  const frame = (...rows: ProcessTotals[]) =>
    ({
      whole: false,
      processes: { rows, gone: [] },
      links: { rows: [], gone: [] },
      health: { cpuSeconds: 0, consumed: 0 },
    }) as unknown as Frame;
  const model = new Model();
  const nginx = rated(1, "nginx");
  assert.equal(model.isAnother(nginx), false);
  model.apply(frame(processRow(1, "nginx")));
  assert.equal(model.isAnother(nginx), false);
  model.apply(frame(processRow(1, "curl")));
  assert.equal(model.isAnother(nginx), true);
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
