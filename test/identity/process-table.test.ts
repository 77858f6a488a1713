import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { record, setUp } from "./actors-of.js";

describe("ProcessTable", () => {
  it("does not let the exit of an earlier process end a later one of the same pid", () => {
    const { identity } = setUp();
    identity.lives(record(7, "old", 100));
    identity.lives(record(7, "new", 200));
    identity.exits(record(7, "old", 100));
    assert.equal(identity.running, 1);
    assert.equal(identity.comm(identity.ofProcess(7)), identity.comms.intern("new"));
  });

  it("learns from a census of what no record has told", () => {
    const { identity } = setUp();
    identity.lives(record(1, "stays", 10));
    identity.lives(record(2, "lost", 20));
    identity.lives(record(3, "replaced", 30));
    identity.lives(record(4, "young", 150));
    identity.beginCensus(100);
    identity.lives(record(1, "stays", 10));
    identity.lives(record(3, "another", 90));
    identity.lives(record(5, "found", 50));
    identity.endCensus();
    assert.deepEqual(
      [1, 2, 3, 4, 5].map((pid) => identity.hasExited(pid)),
      [false, true, false, false, false],
    );
    assert.equal(identity.running, 4);
    assert.equal(identity.comm(identity.ofProcess(3)), identity.comms.intern("another"));
  });
});
