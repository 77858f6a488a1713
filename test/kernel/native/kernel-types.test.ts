/** The kernel's types, which loads share. */
import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { describe, it } from "node:test";

import { beginSignals, defaultNames } from "../../../src/engine/signal-set.js";
import { defaultHost } from "../../../src/sdk/host.js";
import { signals } from "../../../src/signals/index.js";

/** Bytes that this process has read from files so far. */
function bytesRead(): number {
  return Number(/^rchar: (\d+)$/m.exec(readFileSync("/proc/self/io", "utf8"))?.[1]);
}

describe("the kernel's types", () => {
  it("are read once for all objects that are open at a time", () => {
    const { size } = statSync("/sys/kernel/btf/vmlinux");
    const before = bytesRead();
    const begun = beginSignals({ signals, wanted: defaultNames(signals), host: defaultHost, ringSize: undefined });
    const loaded = [...begun.values()].map((end) => end());
    const read = bytesRead() - before;
    for (const each of loaded) {
      each.close();
    }
    assert.ok(loaded.length >= 4);
    // What each object refers to is a file of its own, of a megabyte or so.
    assert.ok(read < 3 * size, `read ${read} bytes for ${loaded.length} objects; all types are ${size}`);
  });
});
