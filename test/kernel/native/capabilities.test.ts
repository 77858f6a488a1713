import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { native } from "../../../src/binding/native.js";

const child = fileURLToPath(new URL("./capabilities-child.js", import.meta.url));

interface Outcome {
  readonly threads: number;
  readonly privileged: number;
}

test("no thread is left out, though others are being started", async () => {
  for (let round = 0; round < 5; round++) {
    const { stdout } = await promisify(execFile)(process.execPath, [child]);
    const { threads, privileged } = JSON.parse(stdout) as Outcome;
    // Two workers and four chains of four, beside Node's own.
    assert(threads > 18, `only ${threads} threads`);
    assert.equal(privileged, 0);
  }
});

test("asking what the kernel would refuse changes nothing", () => {
  const capabilities = (): string => readFileSync("/proc/thread-self/status", "utf8").replace(/^(?!Cap).*\n/gm, "");
  const before = capabilities();
  assert.equal(typeof native.bpfNeedsCapability(), "boolean");
  assert.equal(capabilities(), before);
});

for (const args of [[], [0], ["0", 0], [0, -1], [0, 2 ** 32]]) {
  test(`dropCapabilities(${args.map((arg) => JSON.stringify(arg)).join(", ")}) is refused`, () => {
    const drop = native.dropCapabilities.bind(native) as (...args: readonly unknown[]) => void;
    assert.throws(() => drop(...args), /^(TypeError|RangeError): argument (low|high) must be /);
  });
}
