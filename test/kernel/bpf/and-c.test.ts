/** A signal of `ringtap/bpf` and the same program in C, attached at once: the kernel's maps are equal, byte for byte. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { it } from "node:test";

import { type BpfObject, native } from "../../../src/binding/native.js";
import { type Num, tracepoint } from "../../../src/bpf/index.js";
import { type Architecture, compileBpf } from "../../../src/cli/signal/compile-bpf.js";
import { loadSignal } from "../../../src/engine/load.js";
import { at } from "../support/built-signal.js";
import { compileProgram, runProgram, scratch } from "../support/program.js";

/** Two threads each make so many calls of a number that no kernel has, with arguments from 0 on. */
const source = `
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
static long calls;
static void *run(void *none)
{
	for (long i = 0; i < calls; i++)
		syscall(4001, i * 37);
	return none;
}
int main(int argc, char **argv)
{
	pthread_t threads[2];
	calls = atol(argv[1]);
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, run, NULL);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	return argc != 2;
}`;

const callNumber = 4001;
const calls = 20_000;

/** The entries of the map of counts, as bytes. */
function entriesOf(object: BpfObject): string[] {
  const map = object.map("counts");
  const { keySize, valueSize } = map.info;
  return Array.from({ length: map.readAll() }, (_, index) => {
    const key = Buffer.from(map.keys, index * keySize, keySize);
    const value = Buffer.from(map.values, index * valueSize, valueSize);
    return `${key.toString("hex")} ${value.toString("hex")}`;
  }).sort();
}

it("counts what the same program in C counts", async (t) => {
  const object = scratch("counts.bpf.o");
  const text = fileURLToPath(new URL("../../../../test/kernel/programs/counts.bpf.c", import.meta.url));
  compileBpf(text, object, process.arch as Architecture);
  const first = process.arch === "x64" ? ["di"] : ["regs", "0"];
  const signal = tracepoint("sys_enter", (e, h) => {
    const bytes = at<Num>(e, "regs", ...first).bitAnd(0xffff);
    return {
      name: "calls",
      where: at<Num>(e, "id").eq(callNumber),
      count: { by: { flags: at<Num>(h.task, "flags") }, sum: { bytes } },
      histogram: { of: bytes, unit: "bytes" },
    };
  });
  const inC = native.open(object);
  t.after(() => inC.close());
  inC.load();
  const { object: inTypeScript } = loadSignal(signal);
  t.after(() => inTypeScript.close());
  inC.attach("count_calls");
  inTypeScript.attach("calls");
  const { pid } = await runProgram(compileProgram("rt-bpf-calls", source), [`${calls}`]);
  const entries = entriesOf(inTypeScript);
  assert.deepEqual(entries, entriesOf(inC));
  const [entry = ""] = entries;
  const bytes = Buffer.from(entry.replace(" ", ""), "hex");
  assert.deepEqual([entries.length, bytes.readUInt32LE(8), bytes.readBigUInt64LE(16)], [1, pid, BigInt(2 * calls)]);
  const walked = [inTypeScript.stats("calls"), inC.stats("count_calls")].map((stats) => stats.verifiedInstructions);
  assert((walked[0] ?? 0) <= 1.1 * (walked[1] ?? 0), `the verifier walks ${walked.join(" and ")} instructions`);
});
