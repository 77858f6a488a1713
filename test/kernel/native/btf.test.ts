import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { native } from "../../../src/binding/native.js";
import { compile, nativeError } from "./fixture.js";

const types = compile("types");

describe("struct", () => {
  const object = native.open(types);

  it("tells each member's place, size and kind", () => {
    const sample = object.struct("sample");
    assert.equal(sample.name, "sample");
    assert.equal(sample.size, 96);
    const table = sample.members.map((m) => [m.name, m.offset, m.size, m.kind, m.signed, m.count, m.elementSize]);
    assert.deepEqual(table, [
      ["time", 0, 8, "int", false, 1, 8],
      ["result", 8, 4, "int", true, 1, 4],
      ["color", 12, 4, "enum", false, 1, 4],
      ["comm", 16, 16, "array", false, 16, 1],
      ["ports", 32, 4, "array", false, 2, 2],
      ["inner", 36, 4, "struct", false, 1, 4],
      ["shifts", 40, 12, "array", true, 3, 4],
      ["yes", 52, 1, "int", false, 1, 1],
      ["tiny", 53, 1, "int", true, 1, 1],
      ["letter", 54, 1, "int", false, 1, 1],
      ["low", 55, 4, "unsupported", false, 1, 4],
      ["high", 56, 4, "unsupported", false, 1, 4],
      ["choice", 60, 4, "unsupported", false, 1, 4],
      ["pointer", 64, 8, "unsupported", false, 1, 8],
      ["pair", 72, 8, "unsupported", false, 2, 4],
      ["grid", 80, 6, "unsupported", false, 2, 3],
      ["typed", 88, 8, "int", false, 1, 8],
    ]);
  });

  it("names the types behind typedefs and arrays", () => {
    const named = new Map(object.struct("sample").members.map((member) => [member.name, member.typeName]));
    assert.equal(named.get("comm"), "char");
    assert.equal(named.get("ports"), "unsigned short");
    assert.equal(named.get("inner"), "inner");
    assert.equal(named.get("shifts"), "shift");
    assert.equal(named.get("typed"), "unsigned long long");
  });

  it("does not take another type for a struct", () => {
    for (const name of ["absent", "color", "nope", ""]) {
      const error = nativeError(() => object.struct(name));
      assert.equal(error.message, `describing struct "${name}" of types.bpf.o: no such struct in its BTF`);
      assert.equal(error.subject, name);
    }
  });
});

describe("variables and enums", () => {
  const object = native.open(types);

  it("are listed by prefix", () => {
    assert.deepEqual(object.variables("export_"), ["export_sample", "export_inner", "export_absent", "export_number"]);
    assert.deepEqual(object.variables("nope"), []);
    assert(object.variables("").includes("LICENSE"));
  });

  it("keep negative values", () => {
    const values = new Map(object.enums().map((entry) => [entry.name, entry.values]));
    assert.deepEqual(values.get("color"), [
      { name: "RED", value: 0 },
      { name: "GREEN", value: 5 },
      { name: "BLUE", value: 6 },
    ]);
    assert.deepEqual(values.get("shift"), [
      { name: "DOWN", value: -1 },
      { name: "UP", value: 1 },
    ]);
  });
});

describe("an object without BTF", () => {
  it("has no types, and says so", () => {
    const object = native.open(compile("bare", "-g0"));
    assert.deepEqual(object.enums(), []);
    assert.deepEqual(object.variables(""), []);
    assert.match(nativeError(() => object.struct("sample")).message, /no such struct/u);
    assert.match(nativeError(() => object.setConstant("limit", 1)).message, /no such constant/u);
    object.close();
  });
});
