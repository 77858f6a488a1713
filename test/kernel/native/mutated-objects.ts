/**
 * Opens damaged copies of an object file and reads what can be read without loading. For object-properties.test.ts, in a process of its
 * own: a crash would take the test along.
 *
 *   node mutated-objects.js OBJECT SCRATCH SEED RUNS
 *
 * Prints how many copies could be opened. The file that it crashed on is at SCRATCH.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";

import fc from "fast-check";

import { exportPrefix, layoutOf } from "../../../src/binding/layout.js";
import { native } from "../../../src/binding/native.js";

const [, , path = "", scratch = "", seed = "0", runs = "0"] = process.argv;
const original = readFileSync(path);

/** Where an ELF64 file has the headers of its sections: e_shoff, e_shentsize, e_shnum of its own. */
const headersAt = Number(original.readBigUInt64LE(0x28));
const headersBytes = original.readUInt16LE(0x3a) * original.readUInt16LE(0x3c);
/** Where its BTF begins: magic number, version, flags. */
const btfAt = original.indexOf(Buffer.from([0x9f, 0xeb, 1, 0]));

const place = fc.oneof(
  fc.nat(original.length - 1),
  fc.nat(63),
  fc.nat(headersBytes - 1).map((offset) => headersAt + offset),
  fc.nat(4000).map((offset) => Math.min(btfAt + offset, original.length - 1)),
);
const damage = fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255));
const copy = fc.oneof(
  fc.array(fc.tuple(place, damage), { minLength: 1, maxLength: 8 }).map((changes) => {
    const bytes = Buffer.from(original);
    for (const [at, value] of changes) {
      bytes[at] = value;
    }
    return bytes;
  }),
  fc.nat(original.length).map((length) => original.subarray(0, length)),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
);

/** Reads all that the generator and the check at start read. */
function read(): void {
  const object = native.open(scratch);
  try {
    object.enums();
    for (const { name } of [...object.programs, ...object.maps]) {
      assert.equal(typeof name, "string");
    }
    for (const name of object.variables(exportPrefix)) {
      layoutOf(object, name.slice(exportPrefix.length));
    }
    object.setConstant("wakeup_bytes", 4096);
  } finally {
    object.close();
  }
}

let opened = 0;
fc.assert(
  fc.property(copy, (bytes) => {
    writeFileSync(scratch, bytes);
    try {
      read();
      opened++;
    } catch (error) {
      assert(error instanceof Error && !(error instanceof TypeError), String(error));
      assert.notEqual(error.message, "");
    }
  }),
  { seed: Number(seed), numRuns: Number(runs), endOnFailure: true, includeErrorInReport: true },
);
process.stdout.write(String(opened));
