/**
 * What only a kernel shows that is locked down to confidentiality. `npm run test:kernels` runs it in the guests whose names end in
 * -lockdown, beside the tests of all kernels.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { native, type BpfObject, type NativeError } from "../../src/binding/native.js";
import { type Architecture, compileBpf } from "../../src/cli/signal/compile-bpf.js";
import { scratch } from "../kernel/support/program.js";

const source = fileURLToPath(new URL("../../../test/lockdown/helper.bpf.c", import.meta.url));
const programs = ["by_helper", "by_cast"] as const;

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
});
