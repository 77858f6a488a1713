/** Handlers of system calls behind the dispatch programs, against a program that knows which calls it makes. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

import { compileBpf } from "../../../scripts/bench/lib/build.js";
import type { BpfMap } from "../../../src/binding/native.js";
import { Dispatcher } from "../../../src/engine/dispatch/dispatcher.js";
import { loadSignal } from "../../../src/engine/load.js";
import type { RunningSignal } from "../../../src/engine/running.js";
import { type AnySignal, defineSignal } from "../../../src/sdk/signal.js";
import { syscallIndexes, syscallNumber } from "../../../src/sdk/syscall-names.js";
import { startAgent } from "../support/agent.js";
import { eventually } from "../support/eventually.js";
import { heldBy, leftOf } from "../support/kernel-objects.js";
import { startLoaded } from "../support/loading.js";
import { compileProgram, scratch } from "../support/program.js";
import { type Scope, suiteScope } from "../support/scope.js";
import { startWaiting, type Waiting } from "../support/waiting.js";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const source = "test/kernel/programs/wanted-calls.bpf.c";

/** Calls that fail at once, or do nothing. The last one is not in the kernel any more, and no program makes it. */
const names = ["getppid", "close", "connect", "lookup_dcookie"] as const;
type Calls = Readonly<Partial<Record<(typeof names)[number], number>>>;

let program = "";
let object = "";
const scope = suiteScope();

before(() => {
  const folder = mkdtempSync(join(tmpdir(), "ringtap-dispatch-"));
  scope.after(() => {
    rmSync(folder, { recursive: true });
  });
  program = compileProgram("numbered-calls", readFileSync(join(root, "test/kernel/programs/numbered-calls.c"), "utf8"));
  object = compileBpf({ root, scratch: folder }, source, "wanted-calls.bpf.o");
});

/** A program that waits to make these calls. */
function startCalls(test: Scope, calls: Calls): Promise<Waiting> {
  const args = Object.entries(calls).flatMap(([name, times]) => [String(syscallNumber(name)), String(times)]);
  return startWaiting(test, program, args);
}

interface Wanted {
  /** Names of calls; none for every call. */
  readonly syscalls?: readonly string[];
  readonly tgid: number;
  readonly path?: string;
  readonly without?: readonly string[];
}

/** A signal that counts calls of a process. */
function wanting({ syscalls, tgid, path = object, without = ["plain_exit"] }: Wanted): AnySignal {
  return defineSignal({
    api: 1,
    name: "wanted",
    summary: "calls of a process",
    object: pathToFileURL(path),
    ...(syscalls && { syscalls }),
    setup: () => ({ variables: { only_tgid: tgid }, without }),
    start: () => ({}),
  });
}

interface Started {
  readonly running: RunningSignal;
  /** What it has counted of each call: as it began, as it returned, and, by a program that is no handler, as it returned. */
  readonly counts: (name: string) => number[];
  readonly close: () => void;
}

function countIn(map: BpfMap, name: string): number {
  map.readAll();
  const values = new BigUint64Array(map.values);
  return syscallIndexes(name).reduce((total, index) => total + Number(values[index]), 0);
}

/** Starts such a signal as an agent does. */
function start(test: Scope, wanted: Wanted, countRuns = false): Started {
  const loaded = loadSignal(wanting(wanted), { countRuns });
  const { running } = startLoaded(test, loaded);
  const maps = ["begun", "returned", "seen"].map((name) => loaded.object.map(name));
  return {
    running,
    counts: (name) => maps.map((map) => countIn(map, name)),
    close: () => {
      running.close();
    },
  };
}

/** The handlers of a signal, as {@link leftOf} takes them. */
function programsOf({ running }: Started): ReadonlySet<string> {
  const { attachable, object: loaded } = running.loaded;
  const infos = attachable.map((name) => readFileSync(`/proc/self/fdinfo/${loaded.programDescriptor(name)}`, "utf8"));
  return new Set(infos.map((info) => `prog ${/^prog_id:\s*(\d+)$/m.exec(info)?.[1]}`));
}

/** Ids of the programs in a map of slots, by slot. */
function slotsIn(started: Started, map: string): Map<number, number> {
  const { descriptor = -1 } = started.running.loaded.object.maps.find(({ name }) => name === map) ?? {};
  const info = readFileSync(`/proc/self/fdinfo/${descriptor}`, "utf8");
  const id = /^map_id:\s*(\d+)$/m.exec(info)?.[1] ?? "";
  const dump = execFileSync("bpftool", ["-j", "map", "dump", "id", id], { encoding: "utf8" });
  const entries = JSON.parse(dump) as { key: string[]; value: string[] | { error: string } }[];
  const number = (bytes: readonly string[]): number => Buffer.from(bytes.map((byte) => Number(byte))).readUInt32LE(0);
  return new Map(
    entries.flatMap(({ key, value }) => (Array.isArray(value) ? [[number(key), number(value)] as const] : [])),
  );
}

describe("handlers of system calls", () => {
  const calls = { getppid: 1000, close: 200, connect: 30, lookup_dcookie: 4 };

  it("run for the calls that their signals want, once for each", async (t) => {
    const waiting = await startCalls(t, calls);
    const tgid = waiting.pid;
    const some = start(t, { tgid, syscalls: ["close", "connect"] });
    const same = start(t, { tgid, syscalls: ["connect", "lookup_dcookie"] });
    const all = start(t, { tgid, without: [] });
    assert.deepEqual(
      [some, same, all].map(({ running }) => running.loaded.handlers.alone),
      Array<undefined>(3).fill(undefined),
    );
    await waiting.go();
    const counts = (started: Started): number[][] => names.map((name) => started.counts(name));
    const [ppid, close, connect, cookie] = [1000, 200, 30, 4];
    assert.deepEqual(counts(some), [
      [0, 0, 0],
      [close, close, 0],
      [connect, connect, 0],
      [0, 0, 0],
    ]);
    assert.deepEqual(counts(same), [
      [0, 0, 0],
      [0, 0, 0],
      [connect, connect, 0],
      [cookie, cookie, 0],
    ]);
    // Beside them, a program that is attached to the hook itself.
    assert.deepEqual(
      counts(all),
      [ppid, close, connect, cookie].map((count) => Array<number>(3).fill(count)),
    );
  });

  it("of every call run nearest to it", (t) => {
    const some = start(t, { tgid: 1, syscalls: ["close"] });
    const all = start(t, { tgid: 1 });
    assert.deepEqual([...slotsIn(all, "dispatch_exit").keys()], [0, 7]);
    assert.deepEqual([...slotsIn(all, "dispatch_enter").keys()], [0, 7]);
    some.close();
    assert.deepEqual([...slotsIn(all, "dispatch_exit").keys()], [0]);
    assert.deepEqual([...slotsIn(all, "dispatch_enter").keys()], [7]);
  });

  it("stop when their signal does, in any order, and are gone from the kernel", async (t) => {
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 2, 0],
    ]) {
      const idle = heldBy(process.pid);
      const waiting = await startCalls(t, { close: 10 });
      const tgid = waiting.pid;
      const started = [["close"], undefined, ["close", "getppid"]].map((syscalls) =>
        start(t, { tgid, ...(syscalls && { syscalls }) }),
      );
      const [first, ...others] = order.map((at) => started[at] as Started);
      const programs = programsOf(first as Started);
      (first as Started).close();
      // While the dispatch programs and the map of slots are still there.
      await eventually(() => assert.deepEqual(leftOf(programs), []));
      await waiting.go();
      for (const other of others) {
        assert.deepEqual(other.counts("close"), [10, 10, 0]);
        other.close();
      }
      assert.equal(Dispatcher.current, undefined);
      assert.deepEqual(heldBy(process.pid), idle);
    }
  });

  it("miss nothing and count nothing twice while others come and go", async (t) => {
    const times = 2_000_000;
    const waiting = await startCalls(t, { getppid: times });
    const steady = start(t, { tgid: waiting.pid, syscalls: ["getppid"] });
    const end = new AbortController();
    const gone = waiting.go().then(() => {
      end.abort();
    });
    let rounds = 0;
    while (!end.signal.aborted || rounds < 4) {
      // One before it and one behind it in the order of slots, and one that other calls concern.
      const others = [undefined, ["getppid", "close"], ["connect"]].map((syscalls) =>
        start(t, { tgid: waiting.pid, ...(syscalls && { syscalls }) }),
      );
      await new Promise((resolve) => setTimeout(resolve, 5));
      for (const other of rounds % 2 === 0 ? others : others.reverse()) {
        other.close();
      }
      rounds++;
    }
    await gone;
    const misses = ["wanted_enter", "wanted_exit"].map((name) => steady.running.loaded.handlers.stats(name).misses);
    assert.deepEqual(
      steady
        .counts("getppid")
        .slice(0, 2)
        .map((count, hook) => count + (misses[hook] ?? 0)),
      [times, times],
    );
  });

  it("count their runs and time where these are asked for", async (t) => {
    const waiting = await startCalls(t, { lookup_dcookie: 5000 });
    const began = process.hrtime.bigint();
    const { running, counts } = start(t, { tgid: waiting.pid, syscalls: ["lookup_dcookie"] }, true);
    const silent = start(t, { tgid: waiting.pid, syscalls: ["lookup_dcookie"] });
    await waiting.go();
    const elapsed = Number(process.hrtime.bigint() - began);
    assert.deepEqual(counts("lookup_dcookie").slice(0, 2), [5000, 5000]);
    for (const name of ["wanted_enter", "wanted_exit"]) {
      const { runs, nanoseconds } = running.loaded.handlers.stats(name);
      assert.equal(runs, 5000);
      assert(nanoseconds > 0 && nanoseconds < elapsed, `${nanoseconds} of ${elapsed} ns`);
      assert.equal(silent.running.loaded.handlers.stats(name).runs, 0);
    }
  });
});

describe("handlers without the dispatch programs", () => {
  it("run for the same calls where slots have run out, and say so", async (t) => {
    const waiting = await startCalls(t, { getppid: 100, close: 7 });
    const tgid = waiting.pid;
    const started = Array.from({ length: 9 }, () => start(t, { tgid, syscalls: ["close"] }));
    const reasons = started.map(({ running }) => running.loaded.handlers.alone);
    assert.deepEqual(reasons, [...Array<undefined>(8).fill(undefined), "all slots of the dispatch programs are taken"]);
    await waiting.go();
    for (const { counts } of started) {
      assert.deepEqual(
        [counts("getppid"), counts("close")],
        [
          [0, 0, 0],
          [7, 7, 0],
        ],
      );
    }
  });

  it("run for the same calls where their object was compiled against other headers", async (t) => {
    const folder = mkdtempSync(scratch("headers-"));
    cpSync(join(root, "bpf"), join(folder, "bpf"), { recursive: true });
    symlinkSync(join(root, "scripts"), join(folder, "scripts"));
    cpSync(join(root, source), join(folder, "other.bpf.c"));
    const header = join(folder, "bpf/include/ringtap/dispatch.h");
    const text = readFileSync(header, "utf8");
    writeFileSync(header, text.replace("__u64 count;", "__u64 count, more;"));
    const path = compileBpf({ root: folder, scratch: folder }, "other.bpf.c", "other.bpf.o");
    const waiting = await startCalls(t, { getppid: 100, close: 7 });
    const { running, counts } = start(t, { tgid: waiting.pid, syscalls: ["close"], path });
    assert.match(
      running.loaded.handlers.alone ?? "",
      /^map dispatch_runs: not that of this build's <ringtap\/dispatch.h>$/,
    );
    await waiting.go();
    assert.deepEqual(
      [counts("getppid"), counts("close")],
      [
        [0, 0, 0],
        [7, 7, 0],
      ],
    );
  });
});

it("an agent has no program on sys_enter and sys_exit but the dispatch programs", async (t) => {
  const agent = await startAgent(t);
  const list = (kind: string): { id: number; prog_id?: number; name?: string; tp_name?: string }[] =>
    JSON.parse(execFileSync("bpftool", ["-j", kind, "show"], { encoding: "utf8" })) as never;
  const programs = new Map(list("prog").map(({ id, name }) => [id, name]));
  const held = heldBy(agent.pid);
  const attached = list("link")
    .filter(({ id }) => held.has(`link ${id}`))
    .map(({ prog_id: id = 0 }) => programs.get(id) ?? "");
  const onCalls = attached.filter((name) => /sys_e|syscall_e/.test(name));
  assert.deepEqual(onCalls.sort(), ["dispatch_sys_enter", "dispatch_sys_exit"]);
  assert(attached.includes("tcp_state"));
});
