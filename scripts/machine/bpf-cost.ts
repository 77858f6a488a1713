/**
 * What signals in TypeScript cost on this machine: the figures of docs/bpf.md. As root:
 *
 *   scripts/setup --test && node dist/scripts/machine/bpf-cost.js
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type BpfObject, native } from "../../src/binding/native.js";
import { mark, type Num, tracepoint } from "../../src/bpf/index.js";
import { type Architecture, compileBpf } from "../../src/cli/signal/compile-bpf.js";
import { kernelDeclarations, runningKernel } from "../../src/cli/bpf/types.js";
import { loadSignal } from "../../src/engine/load.js";
import { check, completion6, completion7, type Took } from "./editor-cost.js";

/** A number that no system call has. */
const callNumber = 4001;
const warmUp = 20_000;
const calls = 500_000;
const rounds = 9;

const source = `
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	for (long i = 0; i < atol(argv[argc - 1]); i++)
		syscall(${callNumber}, i * 37);
	return 0;
}`;

const folder = mkdtempSync(join(tmpdir(), "ringtap-cost-"));
const program = join(folder, "calls");

function at(of: object, ...path: readonly string[]): Num {
  return path.reduce<unknown>((value, name) => Reflect.get(value as object, name), of) as Num;
}

/** Nanoseconds of an event in each of these programs, which are attached all the time that they are measured. */
function costs(object: BpfObject, names: readonly string[]): number[] {
  names.forEach((name) => {
    object.attach(name);
  });
  execFileSync(program, [`${warmUp}`]);
  const before = names.map((name) => object.stats(name));
  execFileSync(program, [`${calls}`]);
  return names.map((name, index) => {
    const { nanoseconds, runs } = object.stats(name);
    object.detach(name);
    return (nanoseconds - (before[index]?.nanoseconds ?? 0)) / (runs - (before[index]?.runs ?? 0));
  });
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN;
}

/** Processor time that a call takes, milliseconds. */
function processorTime(call: () => void): number {
  const before = process.cpuUsage();
  call();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Bytes of memory in use by JavaScript, buffers among them. */
function memoryInUse(collected = true): number {
  if (collected) {
    collectGarbage();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** What a new project takes of compilers and language servers, as lines. */
async function editorFigures(): Promise<string[]> {
  const main = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));
  const project = join(folder, "hello");
  execFileSync(process.execPath, [main, "signal", "new", "hello", project, "--typescript"]);
  const took = ({ elapsed, processor }: Took): string =>
    `${elapsed.toFixed(1)} s, ${processor.toFixed(1)} s of a processor`;
  const modules = join(process.cwd(), "node_modules");
  const compiler6 = join(modules, "typescript/lib/tsc.js");
  const server7 = join(modules, `@typescript/typescript-${process.platform}-${process.arch}/lib/tsc`);
  return [
    `tsc 6 of a new project: ${took(check(compiler6, project))}`,
    `tsc 7: ${took(check(join(modules, "typescript-native/bin/tsc"), project))}`,
    `first completion by tsserver of 6: ${took(await completion6(join(modules, "typescript/lib/tsserver.js"), project))}`,
    `by the language server of 7: ${took(await completion7(server7, project))}`,
  ];
}

/** Filters, counts by process and a number, adds up bytes and fills a histogram: as test/kernel/programs/counts.bpf.c does. */
function counting(): BpfObject {
  const first = process.arch === "x64" ? ["di"] : ["regs", "0"];
  const signal = tracepoint("sys_enter", (e, h) => {
    const bytes = at(e, "regs", ...first).bitAnd(0xffff);
    return {
      name: "calls",
      where: at(e, "id").eq(callNumber),
      count: { by: { flags: at(h.task, "flags") }, sum: { bytes } },
      histogram: { of: bytes, unit: "bytes" },
    };
  });
  return loadSignal(signal).object;
}

/** The time of a call, from `sys_enter` to `sys_exit`. */
function latency(): BpfObject {
  const begun = mark("sys_enter", (e, h) => ({ where: at(e, "id").eq(callNumber), key: h.tid }));
  const signal = tracepoint("sys_exit", (e, h) => ({
    name: "latency",
    where: at(e, "ret").eq(-38),
    owner: "none",
    histogram: { of: h.since(begun, h.tid).elapsed, unit: "seconds", by: { comm: h.comm } },
  }));
  return loadSignal(signal).object;
}

function inC(): BpfObject {
  const file = join(folder, "counts.bpf.o");
  compileBpf("test/kernel/programs/counts.bpf.c", file, process.arch as Architecture);
  const object = native.open(file);
  object.load();
  return object;
}

try {
  execFileSync("gcc", ["-O2", "-xc", "-", "-o", program], { input: source });
  let inTypeScript: BpfObject | undefined;
  const memory = memoryInUse();
  const startMs = processorTime(() => {
    inTypeScript = counting();
  });
  const startBytes = memoryInUse(false) - memory;
  // What buffers have is given back in the background, and counted with the next collection.
  for (let round = 0; round < 2; round++) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    collectGarbage();
  }
  const keptBytes = memoryInUse() - memory;
  const other = inC();
  const stopStats = native.enableStats();
  const pairs = Array.from({ length: rounds }, () => {
    const [typescript = NaN] = inTypeScript === undefined ? [] : costs(inTypeScript, ["calls"]);
    const [c = NaN] = costs(other, ["count_calls"]);
    return { typescript, c, ratio: typescript / c };
  });
  const timed = latency();
  const [end = NaN, start = NaN] = costs(timed, ["latency", "latency_start"]);
  stopStats();
  let bytes = 0;
  const typesMs = processorTime(() => {
    bytes = kernelDeclarations([runningKernel]).length;
  });
  const editor = await editorFigures();
  const text = (number: number): string => number.toFixed(1);
  console.log(
    [
      `count: ${text(median(pairs.map(({ typescript }) => typescript)))} ns, in C ${text(median(pairs.map(({ c }) => c)))} ns, ${median(pairs.map(({ ratio }) => ratio)).toFixed(2)} x`,
      `mark ${text(start)} ns, its end with a histogram ${text(end)} ns`,
      `reading the kernel's types, building and loading the first program: ${text(startMs)} ms of a processor`,
      `memory for that: ${text(startBytes / 2 ** 20)} MB, of which ${text(keptBytes / 2 ** 20)} MB are still there when it is not needed any more`,
      `kernel.d.ts: ${bytes} bytes, ${text(typesMs)} ms of a processor`,
      ...editor,
    ].join("\n"),
  );
} finally {
  rmSync(folder, { recursive: true });
}
process.exit();
