import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { KeyTable } from "../../src/metrics/key-table.js";
import { seededRandom } from "./random.js";

describe("KeyTable", () => {
  it("finds what was added and not removed, whatever the order", () => {
    const random = seededRandom(7);
    const table = new KeyTable(3);
    const model = new Map<string, number>();
    const key = new Uint32Array(3);
    for (let step = 0; step < 60_000; step++) {
      // Few distinct words make long runs of slots; high bits must count as well.
      key.set([random(40), random(40) * 2 ** 27, random(2)]);
      const text = key.join();
      const id = table.find(key);
      assert.equal(id, model.get(text) ?? -1);
      if (id < 0) {
        const added = table.add(key);
        assert.ok(![...model.values()].includes(added) || model.size > 200, "an id in use was given out");
        model.set(text, added);
        assert.equal(table.word(added, 1), key[1]);
      } else if (random(2) === 0) {
        table.remove(id);
        model.delete(text);
      }
      assert.equal(table.size, model.size);
    }
    assert.equal(new Set(model.values()).size, model.size);
  });

  it("gives out the ids of removed keys again", () => {
    const table = new KeyTable(1);
    for (let n = 0; n < 10_000; n++) {
      table.remove(table.add(Uint32Array.of(n)));
    }
    assert.equal(table.end, 1);
  });
});
