/** What the tests of the addon share: compiled BPF programs, and the system call that makes them run. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import type { BpfMap, BpfRing, NativeError } from "../../../src/binding/native.js";

const checkout = fileURLToPath(new URL("../../../../", import.meta.url));
const sources = join(checkout, "test/kernel/native");
const folder = mkdtempSync(join(tmpdir(), "ringtap-native-"));
process.on("exit", () => {
  rmSync(folder, { recursive: true, force: true });
});

/** A path in a folder that is removed when the test ends. */
export function scratch(name: string): string {
  return join(folder, name);
}

/** Compiles `<name>.bpf.c` of this folder, with more flags for clang if any; returns the object's path. */
export function compile(name: string, ...more: string[]): string {
  const object = scratch(`${name}.bpf.o`);
  const clang = execFileSync(join(checkout, "scripts/build/find-clang"), ["clang"], { encoding: "utf8" }).trim();
  const machine = execFileSync("g++", ["-dumpmachine"], { encoding: "utf8" }).trim();
  const architecture = process.arch === "arm64" ? "arm64" : "x86";
  const flags = ["-g", "-O2", "-Wall", "-Werror", "-target", "bpf", `-D__TARGET_ARCH_${architecture}`];
  const source = join(sources, `${name}.bpf.c`);
  execFileSync(clang, [...flags, ...more, "-isystem", `/usr/include/${machine}`, "-c", source, "-o", object]);
  return object;
}

/** The number of getppid, the system call that {@link call} makes. */
export const getppid = process.arch === "arm64" ? 173 : 110;

/** Makes exactly `times` calls of getppid from this process. */
export function call(times: number): void {
  for (let i = 0; i < times; i++) {
    assert(process.ppid > 0);
  }
}

export function u32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

export function u64(...values: number[]): Uint8Array {
  return new Uint8Array(BigUint64Array.from(values, BigInt).buffer);
}

/** All entries of a map with a u32 key, as u64 words. */
export function entries(map: BpfMap): Map<number, number[]> {
  const count = map.readAll();
  const keys = new Uint32Array(map.keys, 0, count);
  const words = map.info.valueSize / 8;
  const values = new BigUint64Array(map.values, 0, count * words);
  const found = new Map<number, number[]>();
  keys.forEach((key, i) => {
    assert(!found.has(key), `key ${key} came twice`);
    found.set(key, Array.from(values.subarray(i * words, (i + 1) * words), Number));
  });
  return found;
}

/** Copies of the records that `peek` found. */
export function records(ring: BpfRing, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => {
    const [offset, length] = [ring.index[2 * i], ring.index[2 * i + 1]];
    assert(offset !== undefined && length !== undefined);
    return new Uint8Array(ring.data, offset, length).slice();
  });
}

/** Runs `action` and returns what it threw; fails the test unless that is a NativeError. */
export function nativeError(action: () => unknown): NativeError {
  try {
    action();
  } catch (error) {
    assert(error instanceof Error);
    const { code, errno, subject, log } = error as NativeError;
    assert.equal(typeof code, "string", error.stack);
    assert.equal(typeof errno, "number");
    assert.equal(typeof subject, "string");
    assert.equal(typeof log, "string");
    return error as NativeError;
  }
  assert.fail("nothing was thrown");
}

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;

/** Collects garbage until the finalizers, which Node runs on a later turn of the loop, have run too. */
export async function collect(): Promise<void> {
  for (let i = 0; i < 5; i++) {
    gc();
    await setImmediate();
  }
}

/** Open file descriptors of BPF things (maps, programs, links, iterators, BTF) in this process, by kind. */
export function bpfDescriptors(): string[] {
  const listed = readdirSync("/proc/self/fd").map((fd) => {
    try {
      return readFileSync(`/proc/self/fdinfo/${fd}`, "utf8");
    } catch {
      return ""; // the descriptor of the listing itself
    }
  });
  return listed.flatMap((text) => /^(?:map_type|prog_type|link_type|btf_id):.*/mu.exec(text)?.[0] ?? []).sort();
}

/** Mappings of BPF maps in this process. */
export function bpfMappings(): string[] {
  return readFileSync("/proc/self/maps", "utf8")
    .split("\n")
    .filter((line) => line.includes("bpf"));
}

/** Number of open descriptors of any kind. */
export function descriptorCount(): number {
  return readdirSync("/proc/self/fd").length;
}
