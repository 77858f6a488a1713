/** One signal = one BPF folder, unless it is in TypeScript alone, + one TypeScript folder + one test + one row of the README. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { signals } from "../../src/signals/index.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const names = signals.map((signal) => signal.name).sort();
/** Those with a program in C. */
const inC = signals
  .filter(({ object }) => object instanceof URL)
  .map(({ name }) => name)
  .sort();

test("the folders of bpf/ that have a program are the signals", () => {
  const folders = readdirSync(`${root}bpf`).filter((name) => existsSync(`${root}bpf/${name}/${name}.bpf.c`));
  // What all signals share: docs/architecture.md.
  const own = folders.filter((name) => name !== "dispatch");
  assert.deepEqual(own.sort(), inC);
});

test("each signal has its TypeScript file, its decoders and its kernel test", () => {
  for (const name of names) {
    const tests = [`test/kernel/signals/${name}.test.ts`, `test/kernel/signals/${name}/${name}.test.ts`];
    assert.ok(
      tests.some((path) => existsSync(`${root}${path}`)),
      `${tests.join(" or ")} is missing`,
    );
    for (const path of [
      `src/signals/${name}/signal.ts`,
      ...(inC.includes(name) ? [`src/signals/${name}/records.ts`] : []),
    ]) {
      assert.ok(existsSync(`${root}${path}`), `${path} is missing`);
    }
  }
});

test("each signal has its row in the README", () => {
  const readme = readFileSync(`${root}README.md`, "utf8");
  const rows = [...readme.matchAll(/^\| `(\w+)` \| `(?:bpf\/(\w+)\/\2\.bpf\.c|src\/signals\/(\w+)\/signal\.ts)` \|/gm)];
  for (const [row, name = "", program, module] of rows) {
    assert.deepEqual([program, module], inC.includes(name) ? [name, undefined] : [undefined, name], row);
  }
  assert.deepEqual(rows.map(([, name]) => name).sort(), names);
});
