/** Damaged object files: an error, or an object of which all can be read; never a crash. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { signals } from "../../../src/signals/index.js";
import { objectPath } from "../support/loading.js";
import { scratch } from "./fixture.js";

const child = fileURLToPath(new URL("./mutated-objects.js", import.meta.url));
const runs = 400;

for (const each of signals) {
  const { name } = each;
  test(`damaged copies of ${name}`, () => {
    const seed = randomInt(2 ** 31);
    const object = objectPath(each);
    const args = [object, scratch(`damaged-${name}.bpf.o`), String(seed), String(runs)];
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, [child, ...args], { encoding: "utf8" });
    assert.deepEqual([status, signal], [0, null], `seed ${seed}: ${stderr}`);
    assert(Number(stdout) > 0, "some of the damage is where it does no harm");
  });
}
