/** Constants that the addon makes immediate values: native/constants.h. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

import { type BpfObject, native } from "../../../src/binding/native.js";
import { call, compile, getppid } from "./fixture.js";

function loaded(): BpfObject {
  const object = native.open(compile("constants"));
  object.setConstant("target_pid", process.pid);
  object.setConstant("target_nr", getppid);
  object.setConstant("flag", 1);
  object.setConstant("byte", 255);
  object.setConstant("signed_byte", -2);
  object.setConstant("half", 0xfffe);
  object.setConstant("word", 0xfedcba98);
  object.setConstant("signed_word", -3);
  object.setConstant("small", 7);
  object.setConstant("large", 0xfedcba9876543210n);
  object.load();
  return object;
}

/** What the programs of {@link loaded} have seen, by the enum of constants.bpf.c. */
function seen(object: BpfObject): readonly bigint[] {
  const map = object.map("seen");
  const count = map.readAll();
  return [...new BigUint64Array(map.values, 0, count)];
}

describe("constants", () => {
  it("have each width's values, signs included, and tables their elements", () => {
    const object = loaded();
    object.attach("on_enter");
    object.setVariable("choice", 2);
    call(1);
    const values = [1n, 255n, 2n ** 64n - 2n, 0xfffen, 0xfedcba98n, 2n ** 64n - 3n, 7n, 0xfedcba9876543210n, 12n];
    assert.deepEqual(seen(object), [...values, 10n]);
    object.setVariable("choice", 4);
    call(1);
    assert.deepEqual(seen(object), [...values.slice(0, -1), 10n, 0xfedcba98n]);
    object.close();
  });

  it("are not loaded from their map any more, but for tables and what a jump leads to", () => {
    const object = loaded();
    const id = /^prog_id:\s+(\d+)$/mu.exec(
      readFileSync(`/proc/self/fdinfo/${object.programDescriptor("on_enter")}`, "utf8"),
    )?.[1];
    assert(id !== undefined);
    const text = execFileSync("bpftool", ["prog", "dump", "xlated", "id", id], { encoding: "utf8" });
    const constants = object.maps.find(({ name }) => name.endsWith(".rodata"));
    assert(constants !== undefined);
    const mapId = /^map_id:\s+(\d+)$/mu.exec(readFileSync(`/proc/self/fdinfo/${constants.descriptor}`, "utf8"))?.[1];
    // An address, and a load from there in the next line of code.
    const code = text.split("\n").filter((line) => /^ *\d+: /u.test(line));
    const loads = code.filter((line, at) => {
      const register = new RegExp(`(r\\d) = map\\[id:${mapId}\\]`, "u").exec(line)?.[1];
      return register !== undefined && code[at + 1]?.includes(`)(${register} +`);
    });
    // That of load_joined(). Between the address of the table and the load from there, the index is added.
    assert.equal(loads.length, 1, text);
    object.close();
  });
});
