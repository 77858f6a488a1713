/** Since when what is inserted counts. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Renders } from "../../src/metrics/renders.js";

describe("a row that is inserted", () => {
  it("was 0 at the last reading of all that is counted elsewhere, and five seconds ago where that was earlier", () => {
    let now = 100_000;
    const renders = new Renders(() => now);
    assert.equal(renders.zeroAt, 95_000);
    renders.haveRead(97_000);
    assert.equal(renders.zeroAt, 97_000);
    now = 110_000;
    assert.equal(renders.zeroAt, 105_000);
  });

  it("was 0 before the requests that are still to be answered, though others have read meanwhile", () => {
    let now = 100_000;
    const renders = new Renders(() => now);
    const request = renders.asked();
    now = 100_700;
    assert.equal(renders.zeroAt, 95_000);
    renders.haveRead(99_000);
    assert.equal(renders.zeroAt, 99_000);
    renders.haveRead(100_500);
    assert.equal(renders.zeroAt, 100_000);
    renders.answered(request);
    assert.equal(renders.zeroAt, 100_500);
  });
});
