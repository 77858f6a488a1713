import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, it } from "node:test";

import { native, type NativeError } from "../../../src/binding/native.js";
import { file } from "../../../src/signals/file/signal.js";
import { objectPath } from "../support/loading.js";
import { nativeError } from "./fixture.js";

/** Does the kernel refuse to load a program at the return of a function, for want of a permission? */
function isRefused(): boolean {
  const object = native.open(objectPath(file));
  try {
    for (const { name, section } of object.programs) {
      object.setAutoload(name, section.startsWith("fexit/"));
    }
    object.load();
    return false;
  } catch (error) {
    return (error as NativeError).code === "EPERM";
  } finally {
    object.close();
  }
}

describe("probes", () => {
  it("know the map types that every supported kernel has, and one that none has", () => {
    const [hash, ringBuffer] = [1, 27];
    assert.equal(native.probeMapType(hash), true);
    assert.equal(native.probeMapType(ringBuffer), true);
    const error = nativeError(() => native.probeMapType(9999));
    assert.equal(error.code, "EOPNOTSUPP");
    assert.match(error.message, /^probing map type 9999: /u);
  });

  it("tell which program type has a helper", () => {
    const [socketFilter, tracepoint, tracing] = [1, 5, 26];
    const [ktimeGetNs, overrideReturn] = [5, 58];
    assert.equal(native.probeHelper(tracepoint, ktimeGetNs), true);
    assert.equal(native.probeHelper(socketFilter, ktimeGetNs), true);
    assert.equal(native.probeHelper(tracepoint, overrideReturn), false);
    assert.equal(native.probeHelper(tracepoint, 1_000_000), false);
    // A program of this type does not load without a hook to attach to.
    assert.equal(nativeError(() => native.probeHelper(tracing, ktimeGetNs)).code, "EOPNOTSUPP");
    assert.equal(nativeError(() => native.probeHelper(1000, ktimeGetNs)).code, "EINVAL");
  });

  it("tell what a policy forbids from what is merely not there", () => {
    const [tracing, rawTracepoint, fexit, unknown] = [26, 23, 25, 1000];
    assert.equal(native.forbidsAttachType(tracing, rawTracepoint), false);
    assert.equal(native.forbidsAttachType(tracing, unknown), false);
    assert.equal(native.forbidsAttachType(tracing, fexit), isRefused());
  });

  it("want numbers", () => {
    const probe = native.probeMapType.bind(native) as (value: unknown) => boolean;
    assert.throws(() => probe("hash"), { name: "TypeError", message: "argument type must be a number" });
    assert.throws(() => probe(-1), { name: "RangeError", message: /argument type must be an integer/u });
    assert.throws(() => probe(2 ** 32), { name: "RangeError" });
  });
});

describe("monotonicNow", () => {
  it("is CLOCK_MONOTONIC", () => {
    const before = process.hrtime.bigint();
    const now = native.monotonicNow();
    const after = process.hrtime.bigint();
    assert(before <= now && now <= after);
  });
});

describe("libbpfVersion", () => {
  it("is the installed one's", () => {
    const installed = execFileSync("pkg-config", ["--modversion", "libbpf"], { encoding: "utf8" });
    assert(installed.startsWith(`${native.libbpfVersion}.`), `${native.libbpfVersion} is not ${installed}`);
  });
});
