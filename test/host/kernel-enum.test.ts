/** Enums of the running kernel, against what bpftool reads of it. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { it } from "node:test";

import { kernelEnum } from "../../src/host/kernel-enum.js";
import { Reasons } from "../../src/signals/drop/reasons.js";

const types = execFileSync("bpftool", ["btf", "dump", "file", "/sys/kernel/btf/vmlinux", "format", "c"], {
  encoding: "utf8",
  maxBuffer: Infinity,
});

/** An enum in C: names by value. */
function enumOf(name: string): ReadonlyMap<number, string> {
  const [, body = ""] = new RegExp(`^enum ${name} \\{\n([^}]*)\\}`, "m").exec(types) ?? [];
  const values = new Map<number, string>();
  for (const [, key = "", value] of body.matchAll(/(\w+) = (-?\d+)/g)) {
    const unsigned = Number(value) >>> 0;
    if (!values.has(unsigned)) {
      values.set(unsigned, key);
    }
  }
  return values;
}

for (const name of ["skb_drop_reason", "pid_type", "bpf_func_id"]) {
  it(`enum ${name} has the names and values that bpftool prints`, () => {
    const expected = enumOf(name);
    assert(expected.size > 3);
    assert.deepEqual(kernelEnum(name), expected);
  });
}

it("an enum that the kernel does not have is undefined", () => {
  assert.equal(kernelEnum("no_such_enum"), undefined);
});

it("a file that is no BTF is refused by its name", () => {
  assert.throws(
    () => kernelEnum("pid_type", "/proc/self/status"),
    /^Error: reading \/proc\/self\/status: no BTF in it$/,
  );
});

it("reasons of dropped packets are named by the kernel, others by their numbers", () => {
  const reasons = new Reasons();
  for (const [value, name] of enumOf("skb_drop_reason")) {
    if (value < 0xffff) {
      assert.equal(reasons.name(value), name.slice("SKB_DROP_REASON_".length));
    }
  }
  assert.deepEqual([reasons.name(0xffff), reasons.name(0xfff0), reasons.name(0xfe0007)], ["UNKNOWN", "65520", "254_7"]);
});
