/** When maintenance may wait. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Calm } from "../../src/engine/calm.js";

/** What each of the next maintenances is told, with so many records before each. */
function told(calm: Calm, records: readonly number[]): boolean[] {
  return records.map((count) => {
    calm.drained(count);
    return calm.mayWait();
  });
}

describe("maintenance", () => {
  it("is whole each fifth time while nothing comes", () => {
    const calm = new Calm();
    const five = [true, true, true, true, false];
    assert.deepEqual(
      told(
        calm,
        Array.from({ length: 10 }, () => 0),
      ),
      [...five, ...five],
    );
  });

  it("is whole at once when many records have come, all at once or little by little", () => {
    const calm = new Calm();
    assert.deepEqual(told(calm, [0, 256, 0, 100, 155, 1, 255]), [true, false, true, true, true, false, true]);
  });
});
