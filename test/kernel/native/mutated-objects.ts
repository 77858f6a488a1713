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

import { exportPrefix, layoutOf } from "../../../src/kernel/layout.js";
import { native } from "../../../src/kernel/native.js";

const [, , path = "", scratch = "", seed = "0", runs = "0"] = process.argv;
const original = readFileSync(path);

/** Where an ELF64 file tells where its sections are: e_shoff, e_shentsize, e_shnum of the header. */
const sections = {
  at: Number(original.readBigUInt64LE(0x28)),
  bytes: original.readUInt16LE(0x3a) * original.readUInt16LE(0x3c),
};
/** The offset of a section's content is the fourth, its size the fifth of a header's ten words of 4 or 8 bytes. */
const btf = ((): { at: number; bytes: number } => {
  const at = original.lastIndexOf(Buffer.from([0x9f, 0xeb, 1, 0]));
  return { at: original.indexOf(Buffer.from([0x9f, 0xeb, 1, 0])), bytes: at };
})();

const place = fc.oneof(
  fc.nat(original.length - 1),
  fc.nat(63),
  fc.nat(Math.max(0, sections.bytes - 1)).map((offset) => sections.at + offset),
  fc.nat(4000).map((offset) => Math.min(btf.at + offset, original.length - 1)),
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
    void [object.programs, object.maps];
    for (const name of object.variables(exportPrefix)) {
      layoutOf(object, name.slice(exportPrefix.length));
    }
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
