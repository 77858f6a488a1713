/**
 * What only a kernel shows that is locked down to confidentiality. `npm run test:kernels` runs it in the guests whose names end in
 * -lockdown, beside the tests of all kernels, and in the newest when it has run those and locked itself down.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { native, type BpfObject, type NativeError } from "../../src/binding/native.js";
import { type Architecture, compileBpf } from "../../src/cli/signal/compile-bpf.js";
import { eventually } from "../kernel/support/eventually.js";
import { compileProgram, runProgram, scratch } from "../kernel/support/program.js";
import { tryLoading, ways } from "../kernel/support/loading.js";
import { startTrace } from "../kernel/support/trace.js";
import { signals } from "../../src/signals/index.js";

const source = fileURLToPath(new URL("../../../test/lockdown/helper.bpf.c", import.meta.url));
const programs = ["by_helper", "by_cast"] as const;

/** Bytes of an executable's path that a record has: PATH_LEN of bpf/process/process.bpf.c, less its end. */
const longestPath = 127;

/** The same path, made as long as that by steps that lead nowhere. */
function padded(path: string, length: number): string {
  const more = length - path.length;
  return dirname(path) + "/.".repeat(Math.floor(more / 2)) + "/".repeat(1 + (more % 2)) + basename(path);
}

describe("a kernel locked down to confidentiality", () => {
  const object = scratch("helper.bpf.o");

  before(() => {
    compileBpf(source, object, process.arch as Architecture);
  });

  /** Loads one of the two programs; its object. */
  function load(program: (typeof programs)[number]): BpfObject {
    const opened = native.open(object);
    for (const name of programs) {
      opened.setAutoload(name, name === program);
    }
    opened.load();
    return opened;
  }

  it("is what runs here", () => {
    assert.equal(readFileSync("/sys/kernel/security/lockdown", "utf8"), "none integrity [confidentiality]\n");
  });

  it("refuses a program that reads kernel memory by a helper", () => {
    assert.throws(
      () => load("by_helper"),
      (error: NativeError) => error.subject === "by_helper" && error.log.includes("cannot use helper bpf_probe_read"),
    );
  });

  it("takes one that reads it by READ()", () => {
    load("by_cast").close();
  });

  for (const signal of signals) {
    it(`takes all programs of ${signal.name}`, async () => {
      assert.deepEqual((await tryLoading(signal, ways.run)).refused, []);
    });
  }

  it("shows paths of every length, and cuts those that are too long", async (t) => {
    const program = compileProgram("rt-path", "int main(void) { return 0; }");
    const trace = await startTrace(t, ["process", "--output=json", "--comm=rt-path"]);
    const wanted = [
      ...Array.from({ length: 8 }, (_, n) => program.length + 2 + n),
      119,
      120,
      125,
      126,
      127,
      128,
      129,
      250,
    ];
    const paths = wanted.map((length) => padded(program, length));
    for (const path of paths) {
      await runProgram(path);
    }
    const shown = (): unknown[] =>
      trace.events().flatMap(({ event, path, path_truncated: cut }) => (event === "exec" ? [{ path, cut }] : []));
    await eventually(() => {
      assert.equal(shown().length, paths.length);
    });
    assert.deepEqual(
      shown(),
      paths.map((path) => ({ path: path.slice(0, longestPath), cut: path.length > longestPath ? true : undefined })),
    );
  });
});
