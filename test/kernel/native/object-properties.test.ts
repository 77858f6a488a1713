/** Damaged object files: an error, or an object of which all can be read; never a crash. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { join } from "node:path";
import { objectFolder } from "../../../src/cli/signal-set.js";
import { signals } from "../../../src/signals/index.js";
import { compile, scratch } from "./fixture.js";

const child = fileURLToPath(new URL("./mutated-objects.js", import.meta.url));
const runs = 400;

const objects = [...signals.map(({ name }) => join(objectFolder, `${name}.bpf.o`)), compile("types")];

for (const object of objects) {
  const name = object.slice(object.lastIndexOf("/") + 1);
  test(`damaged copies of ${name}`, () => {
    const seed = randomInt(2 ** 31);
    const args = [object, scratch(`damaged-${name}`), String(seed), String(runs)];
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, [child, ...args], { encoding: "utf8" });
    assert.deepEqual([status, signal], [0, null], `seed ${seed}: ${stderr}`);
    assert(Number(stdout) > 0, "some of the damage is where it does no harm");
  });
}
