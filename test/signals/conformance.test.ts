/** One signal = one BPF file + one TypeScript file + one test + one row of the README. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { signals } from "../../src/signals/index.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const names = signals.map((signal) => signal.name).sort();

/** The names of a folder's files that end so, without the ending. */
function named(folder: string, ending: string): string[] {
  return readdirSync(`${root}${folder}`)
    .filter((file) => file.endsWith(ending))
    .map((file) => file.slice(0, -ending.length))
    .sort();
}

test("the BPF files are the signals", () => {
  assert.deepEqual(named("bpf", ".bpf.c"), names);
});

test("each signal has its TypeScript file, its decoders and its kernel test", () => {
  for (const name of names) {
    for (const path of [`src/signals/${name}.ts`, `src/generated/${name}.ts`, `test/kernel/${name}.test.ts`]) {
      assert.ok(existsSync(`${root}${path}`), `${path} is missing`);
    }
  }
});

test("each signal has its row in the README", () => {
  const rows = [...readFileSync(`${root}README.md`, "utf8").matchAll(/^\| `(\w+)` \|.*`bpf\/(\w+)\.bpf\.c`/gm)];
  for (const [row, name, file] of rows) {
    assert.equal(name, file, row);
  }
  assert.deepEqual(rows.map(([, name]) => name).sort(), names);
});
