/** Sets of a loaded object, from one setup to another. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import type { BpfObject } from "../../../src/binding/native.js";
import { loadSignal, setupOf as setupFor } from "../../../src/engine/load.js";
import { prepareSetup } from "../../../src/engine/setup-changes.js";
import type { Setup } from "../../../src/sdk/signal.js";
import { syscall } from "../../../src/signals/syscall/signal.js";
import type { Scope } from "../support/scope.js";
import { inWay, ways } from "../support/loading.js";

/** As a stream, with these pids to filter by. */
function optionsWith(pids: readonly number[]) {
  const { flags, host } = inWay(syscall, ways.stream);
  return { flags: { ...flags, pids }, host };
}

/** The system call signal as a stream, loaded and not attached, with these pids in its set. */
function loadWith(scope: Scope, pids: readonly number[]): { object: BpfObject; setup: Setup } {
  const { object, setup } = loadSignal(syscall, optionsWith(pids));
  scope.after(() => object.close());
  return { object, setup };
}

function setupOf(pids: readonly number[]): Setup {
  const { flags, host } = optionsWith(pids);
  return setupFor(syscall, flags, host);
}

function pidsIn(object: BpfObject): number[] {
  const map = object.map("pids");
  const count = map.readAll();
  return Array.from(new Uint32Array(map.keys, 0, count)).sort((a, b) => a - b);
}

function ascending(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => from + index);
}

describe("sets", () => {
  it("hold the keys of the last setup", (t) => {
    const { object, setup } = loadWith(t, [3, 1, 2]);
    assert.deepEqual(pidsIn(object), [1, 2, 3]);
    const next = setupOf([2, 4]);
    prepareSetup(object, setup, next).commit();
    assert.deepEqual(pidsIn(object), [2, 4]);
    prepareSetup(object, next, {}).commit();
    assert.deepEqual(pidsIn(object), []);
  });

  it("that cannot hold the new keys beside the old ones stay as they were", (t) => {
    const { object, setup } = loadWith(t, ascending(1, 1000));
    const tooMany = setupOf(ascending(500, 2000));
    assert.throws(
      () => {
        prepareSetup(object, setup, tooMany);
      },
      { code: "E2BIG", message: /^writing map "pids"/ },
    );
    assert.deepEqual(pidsIn(object), ascending(1, 1000));
    const fits = setupOf(ascending(1000, 1024));
    prepareSetup(object, setup, fits).commit();
    assert.deepEqual(pidsIn(object), ascending(1000, 1024));
  });
});
