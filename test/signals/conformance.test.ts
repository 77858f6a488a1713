/** One signal = one BPF folder + one TypeScript folder + one test + one row of the README. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { signals } from "../../src/signals/index.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const names = signals.map((signal) => signal.name).sort();

test("the folders of bpf/ that have a program are the signals", () => {
  const folders = readdirSync(`${root}bpf`).filter((name) => existsSync(`${root}bpf/${name}/${name}.bpf.c`));
  // What all signals share: docs/architecture.md.
  const own = folders.filter((name) => name !== "dispatch");
  assert.deepEqual(own.sort(), names);
});

test("each signal has its TypeScript file, its decoders and its kernel test", () => {
  for (const name of names) {
    for (const path of [
      `src/signals/${name}/signal.ts`,
      `src/signals/${name}/records.ts`,
      `test/kernel/${name}.test.ts`,
    ]) {
      assert.ok(existsSync(`${root}${path}`), `${path} is missing`);
    }
  }
});

test("each signal has its row in the README", () => {
  const rows = [...readFileSync(`${root}README.md`, "utf8").matchAll(/^\| `(\w+)` \|.*`bpf\/(\w+)\/\2\.bpf\.c`/gm)];
  for (const [row, name, file] of rows) {
    assert.equal(name, file, row);
  }
  assert.deepEqual(rows.map(([, name]) => name).sort(), names);
});
