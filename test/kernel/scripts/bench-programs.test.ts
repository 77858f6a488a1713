/** The programs of the benchmarks: they use the headers of bpf/include, and nobody runs them between two changes of those. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, test } from "node:test";

import { compileBpf, compileC } from "../../../scripts/bench/lib/build.js";
import { native } from "../../../src/binding/native.js";

const folder = "scripts/bench";
const places = { root: process.cwd(), scratch: mkdtempSync(join(tmpdir(), "ringtap-bench-programs-")) };
after(() => rmSync(places.scratch, { recursive: true }));

const sources = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".c"));

test("there are programs to try", () => {
  assert.ok(sources.some((path) => path.endsWith(".bpf.c")));
  assert.ok(sources.some((path) => !path.endsWith(".bpf.c")));
});

for (const path of sources) {
  const source = join(folder, path);
  if (!path.endsWith(".bpf.c")) {
    test(`${source} compiles`, () => {
      compileC(places, source, path.replaceAll("/", "-"), "-lbpf");
    });
    continue;
  }
  test(`${source} compiles, and the kernel takes it`, () => {
    const open = native.open(compileBpf(places, source, basename(path.replaceAll("/", "-"), ".c")));
    try {
      // The programs of a signal's other hook set, which a kernel may refuse: test/kernel/engine/every-kernel.test.ts tries them.
      for (const { name, section } of open.programs) {
        open.setAutoload(name, !/^f(entry|exit)\//.test(section));
      }
      open.load();
    } finally {
      open.close();
    }
  });
}

// All of its parts at once, with each way to count: the verifier leaves out what a constant switches off.
for (const counts of [1, 2, 3, 4, 5, 6]) {
  test(`scripts/bench/parts/parts.bpf.c is taken with counts = ${counts}`, () => {
    const open = native.open(compileBpf(places, "scripts/bench/parts/parts.bpf.c", `parts-${counts}.bpf.o`));
    try {
      open.setConstant("read_clock", 1);
      open.setConstant("place", counts === 1 ? 2 : 3);
      open.setConstant("counts", counts);
      open.load();
    } finally {
      open.close();
    }
  });
}
