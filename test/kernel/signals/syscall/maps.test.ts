/** The maps of the syscall signal: calls under way, room that runs out, processes that end. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, describe, it } from "node:test";
import { setImmediate as nextTurn, setTimeout } from "node:timers/promises";

import { ErrorKey } from "../../../../src/signals/syscall/records.js";
import { Identity } from "../../../../src/identity/identity.js";
import { type BpfObject, native } from "../../../../src/binding/native.js";
import { Catalog } from "../../../../src/metrics/catalog.js";
import { CountDifferences } from "../../../../src/engine/count-differences.js";
import { countsOfHash, countsOfLines } from "../../../../src/engine/count-source.js";
import { CallTable, syscallHooks } from "../../../../src/engine/dispatch/call-table.js";
import { Engine } from "../../../../src/engine/engine.js";
import { defaultValues } from "../../../../src/sdk/flags.js";
import { loadSignal } from "../../../../src/engine/load.js";
import type { Owner } from "../../../../src/sdk/counters.js";
import { RunningSignal } from "../../../../src/engine/running.js";
import { syscall } from "../../../../src/signals/syscall/signal.js";
import { indexCount, syscallNumber } from "../../../../src/sdk/syscall-names.js";
import { record } from "../../../identity/actors-of.js";
import { objectPath, strictLog } from "../../support/loading.js";
import { compileProgram, programSource } from "../../support/program.js";
import type { Scope } from "../../support/scope.js";
import { startWaiting } from "../../support/waiting.js";

const source = programSource("syscall-calls");

let program = "";

/** Reads counts from the first to the last. */
function readAll(counts: CountDifferences, take: Parameters<CountDifferences["readSome"]>[0]): void {
  while (counts.readSome(take));
}

before(() => {
  program = compileProgram("calls-a", source);
});

/** Runs the program to its end. Returns its pids. */
async function run(scope: Scope, ...args: readonly string[]): Promise<number[]> {
  const waiting = await startWaiting(scope, program, args);
  return (await waiting.go()).map(Number);
}

const modes = {
  aggregate: defaultValues(syscall.flags),
  stream: { ...defaultValues(syscall.flags), mode: "stream", comms: ["calls-a"] },
};

/** The signal attached, and a look at `ringtap_syscalls_total` by pid and name. */
function start(scope: Scope, mode: keyof typeof modes) {
  const catalog = new Catalog({ seriesLimit: 1_000_000 });
  const identity = new Identity(catalog, ["pid"]);
  const loaded = loadSignal(syscall, { flags: modes[mode], ringSize: 2 ** 22 });
  scope.after(() => {
    loaded.close();
  });
  const running = new RunningSignal(loaded, { catalog, identity, log: strictLog });
  running.attach();
  void running.attached();
  const table = [...catalog].find(({ name }) => name === "ringtap_syscalls_total");
  assert(table?.type === "counter" && table.detail !== undefined);
  const { subject, detail } = table;
  return {
    object: loaded.object,
    count: async (pid: number, name: string): Promise<number> => {
      running.drain();
      running.flush();
      await running.maintain();
      // Once more, because no record has announced the processes.
      await running.maintain();
      return table.value(subject.intern(pid.toString()), detail.intern(name));
    },
  };
}

for (const mode of ["aggregate", "stream"] as const) {
  describe(`syscall attached alone, ${mode}`, () => {
    it("counts exactly, through fork, threads, exec and exec from a thread", async (t) => {
      const { count } = start(t, mode);
      const [main = 0, , , threads = 0, , taken = 0] = await run(t, "mixed");
      assert.equal(await count(main, "getppid"), 50);
      assert.equal((await count(main, "clone")) + (await count(main, "clone3")), 4);
      // Three threads' hundred each; the first return of a child or a thread is no call.
      assert.equal(await count(threads, "getppid"), 300);
      assert.equal((await count(threads, "clone")) + (await count(threads, "clone3")), 3);
      assert.equal(await count(taken, "execve"), 1);
    });

    it("leaves out the call that it finds under way", async (t) => {
      const waiting = await startWaiting(t, program, ["count", "10", "0"]);
      const { count } = start(t, mode);
      await waiting.go();
      assert.equal(await count(waiting.pid, "getppid"), 10);
      assert.equal(await count(waiting.pid, "read"), 0);
    });
  });
}

describe("a line that threads add to", () => {
  const source = `
#include <pthread.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
enum { ROUNDS = 20, CALLS = 5000 };
static void *make_calls(void *unused)
{
	for (int i = 0; i < CALLS; i++)
		syscall(SYS_getppid);
	return unused;
}
int main(void)
{
	pthread_t other;
	char end;
	if (write(1, "ready\\n", 6) != 6)
		return 1;
	while (read(0, &end, 1) > 0);
	for (int i = 0; i < ROUNDS; i++) {
		if (pthread_create(&other, NULL, make_calls, NULL))
			return 1;
		make_calls(NULL);
		pthread_join(other, NULL);
		make_calls(NULL);
	}
	printf("%d\\n", 3 * ROUNDS * CALLS);
	return 0;
}
`;

  it("loses none of two at once, nor of the one that stays", async (t) => {
    const { count } = start(t, "aggregate");
    const waiting = await startWaiting(t, compileProgram("calls-two", source));
    const [made = ""] = await waiting.go();
    assert.equal(await count(waiting.pid, "getppid"), Number(made));
  });
});

describe("a line that has been read", () => {
  it("is read again when no time has been added to it, only calls", async (t) => {
    const { count } = start(t, "aggregate");
    // What seccomp answers has no duration.
    const waiting = await startWaiting(t, program, ["refused-twice", "10", "20"]);
    assert.equal(await count(waiting.pid, "getppid"), 10);
    await waiting.go();
    assert.equal(await count(waiting.pid, "getppid"), 30);
  });
});

describe("the calls that wait", () => {
  it("keep no entry of a thread that has ended", async (t) => {
    const { object } = start(t, "aggregate");
    for (let round = 0; round < 5; round++) {
      await run(t, "mixed");
    }
    const threads = object.map("waiting");
    const held = threads.readAll();
    const running = readFileSync("/proc/loadavg", "utf8").split(/[ /]/)[4];
    assert(held <= Number(running), `${held} entries for ${running ?? ""} threads`);
  });
});

describe("calls beyond the capacity of `waiting`", () => {
  /** Threads that block in a call, which fails when its time is up. */
  const blocking = `
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
static void *block(void *unused)
{
	struct timespec time = { .tv_nsec = 1000 * 1000 };
	sigset_t set;
	sigemptyset(&set);
	for (int i = 0; i < 50; i++)
		sigtimedwait(&set, NULL, &time);
	return unused;
}
int main(void)
{
	pthread_t threads[20];
	char end;
	if (write(1, "ready\\n", 6) != 6)
		return 1;
	while (read(0, &end, 1) > 0);
	for (int i = 0; i < 20; i++)
		pthread_create(&threads[i], NULL, block, NULL);
	for (int i = 0; i < 20; i++)
		pthread_join(threads[i], NULL);
}`;

  it("are counted once, as lost, when they fail", async (t) => {
    const flags = { ...modes.stream, comms: ["calls-block"], names: ["rt_sigtimedwait"], threadsLimit: 4 };
    const loaded = loadSignal(syscall, { flags });
    t.after(() => {
      loaded.close();
    });
    const catalog = new Catalog();
    const running = new RunningSignal(loaded, { catalog, identity: new Identity(catalog, []), log: strictLog });
    running.attach();
    await running.attached();
    const waiting = await startWaiting(t, compileProgram("calls-block", blocking));
    await waiting.go();
    running.drain();
    const { produced, consumed, dropped } = running.eventCounts();
    assert(dropped.map_full > 0, "the map has been full");
    assert.deepEqual([produced, consumed + dropped.map_full], [1_000, 1_000]);
  });
});

describe("syscall without room", () => {
  /** An object with room for 16 pairs of a process and a call, attached without dispatch programs. */
  function cramped(scope: Scope): BpfObject {
    const object = native.open(objectPath(syscall));
    scope.after(() => {
      object.close();
    });
    object.setConstant("call_lines", 16);
    object.setMaxEntries("calls", 16 + indexCount);
    object.setMaxEntries("lines", 16 + indexCount);
    object.setMaxEntries("errors", 16);
    object.load();
    const everyCall = Array.from({ length: indexCount }, (_, index) => index);
    const table = new CallTable();
    for (const hook of syscallHooks) {
      table.add(object, hook, 0, everyCall);
    }
    for (const { name } of object.programs.filter(({ section }) => !section.startsWith("iter/"))) {
      object.attach(name);
    }
    return object;
  }

  it("counts by number alone, and loses nothing", async (t) => {
    const object = cramped(t);
    await run(t, "count", "1000", "0");
    await run(t, "unnamed");
    const sums = { calls: 0, errors: 0, byNumberAlone: 0 };
    const calls = new CountDifferences(countsOfLines(object.map("calls"), object.map("lines")));
    readAll(calls, (key, [, ...slots]) => {
      const count = slots.reduce((sum, value) => sum + value, 0);
      sums.calls += key[1] === 600 ? count : 0;
      sums.byNumberAlone += key[0] === 0xffffffff ? count : 0;
    });
    for (const name of ["errors", "errors_overflow"]) {
      readAll(new CountDifferences(countsOfHash(object.map(name))), (key, [count = 0]) => {
        sums.errors += key[1] === 600 ? count : 0;
      });
    }
    assert.equal(sums.calls, 3);
    assert.equal(sums.errors, 3);
    assert(sums.byNumberAlone > 1000);
    const account = object.map("account");
    account.readAll();
    const [produced, ringFull, mapFull, sampled] = new BigUint64Array(account.values, 0, 4);
    // On a busy machine a call of another thread has been seen to find no place among those put aside. It is counted.
    assert.deepEqual([produced, ringFull, sampled], [mapFull, 0n, 0n]);
  });
});

describe("the counts of many processes", () => {
  const processes = 2_000;
  const callsEach = 4;
  /** Above any that the kernel gives. */
  const firstTgid = 5_000_000;
  const total = processes * callsEach * 3;

  /** The signal, not attached, with 8,000 pairs in its maps: three calls each, all of which have failed. */
  function filled(scope: Scope) {
    const catalog = new Catalog({ seriesLimit: 1_000_000 });
    const identity = new Identity(catalog, ["pid", "comm"]);
    const loaded = loadSignal(syscall);
    scope.after(() => {
      loaded.close();
    });
    const running = new RunningSignal(loaded, { catalog, identity, log: strictLog });
    const [lines, taken, errors] = ["calls", "lines", "errors"].map((name) => loaded.object.map(name));
    assert(lines && taken && errors);
    const announce = (comm: string): void => {
      for (let tgid = firstTgid; tgid < firstTgid + processes; tgid++) {
        identity.activate(record(tgid, comm));
      }
    };
    announce("before");
    const line = new BigUint64Array(lines.info.valueSize / 8);
    for (let index = 0; index < processes * callsEach; index++) {
      const tgid = firstTgid + Math.floor(index / callsEach);
      const nr = index % callsEach;
      const place = new Uint8Array(Uint32Array.of(index).buffer);
      line.set([(BigInt(nr) << 32n) | BigInt(tgid), 1n, 1000n, 3n, 3n]);
      lines.set(place, new Uint8Array(line.buffer));
      taken.set(place, new Uint8Array(line.buffer, 0, 16));
      errors.set(
        new Uint8Array(Uint32Array.of(tgid, nr, 2, 0, 1, 0).buffer),
        new Uint8Array(BigUint64Array.of(3n).buffer),
      );
    }
    /** The sums of a counter by process and name. */
    const sums = (name: string): Map<number, number> => {
      const table = [...catalog].find((each) => each.name === name);
      assert(table?.type === "counter");
      const bySubject = new Map<number, number>();
      for (let row = 0; row < table.size; row++) {
        const id = table.subjectAt(row);
        bySubject.set(id, (bySubject.get(id) ?? 0) + (table.values[row] as number));
      }
      return bySubject;
    };
    return {
      running,
      identity,
      announce,
      calls: () => sums("ringtap_syscalls_total"),
      errors: () => sums("ringtap_syscall_errors_total"),
    };
  }

  const sumOf = (numbers: Map<number, number>): number => [...numbers.values()].reduce((all, each) => all + each, 0);

  it("are read in turns, exactly, and never show more errors than calls, though processes are renamed meanwhile", async (t) => {
    const { running, identity, announce, calls, errors } = filled(t);
    const state = { isOver: false };
    const reading = Promise.resolve(running.maintain()).finally(() => {
      state.isOver = true;
    });
    let turns = 0;
    let isRenamed = false;
    for (; !state.isOver; turns++) {
      await nextTurn();
      const counted = calls();
      for (const [id, failed] of errors()) {
        assert(failed <= (counted.get(id) ?? 0), `${failed} errors`);
      }
      if (!isRenamed && sumOf(counted) > 0) {
        assert(sumOf(counted) < total, "in the middle of the calls");
        announce("after");
        isRenamed = true;
      }
    }
    await reading;
    assert(turns > 15, `${turns} turns`);
    assert.deepEqual(errors(), calls());
    assert.equal(sumOf(calls()), total);
    const before = [...calls().keys()].filter((id) => identity.subjects.text(id).includes("before"));
    assert(before.length > 0 && before.length < processes, `${before.length} by the name that they had`);
    assert.equal(calls().size, processes);
    const { produced, consumed } = running.eventCounts();
    assert.deepEqual([produced, consumed], [total, total]);
    await running.maintain();
    assert.equal(sumOf(errors()), total);
  });

  it("may be closed while they are being read", async (t) => {
    const { running, identity, calls } = filled(t);
    const engine = new Engine([running], identity);
    engine.start();
    while (calls().size === 0) {
      await nextTurn();
    }
    assert(sumOf(calls()) < total);
    engine.close();
    await setTimeout(50);
    assert(sumOf(calls()) < total, "nothing more is read");
  });
});

describe("counts read from a kernel map", () => {
  it("come as differences, and are freed when their process has ended", (t) => {
    const object = native.open(objectPath(syscall));
    t.after(() => {
      object.close();
    });
    object.load();
    const map = object.map("errors");
    let owner: (tgid: number) => Owner = () => "alive";
    const differences = new CountDifferences(countsOfHash(map), ([tgid = 0]) => owner(tgid));
    const key = (tgid: number): Uint8Array =>
      new Uint8Array(Uint32Array.of(tgid, syscallNumber("read") ?? 0, 4, 0, 0, 0).buffer);
    const put = (tgid: number, value: bigint): void => {
      map.set(key(tgid), new Uint8Array(BigUint64Array.of(value).buffer));
    };
    const read = (ended: readonly number[] = [], unknown: readonly number[] = []): [number, number][] => {
      const found: [number, number][] = [];
      owner = (tgid) => (ended.includes(tgid) ? "ended" : unknown.includes(tgid) ? "unknown" : "alive");
      readAll(differences, (words, [count = 0]) => found.push([words[0] ?? 0, count]));
      return found.sort();
    };
    assert.equal(map.info.keySize, ErrorKey.size);
    put(1, 5n);
    put(2, 2n ** 40n + 1n);
    assert.deepEqual(read(), [
      [1, 5],
      [2, 2 ** 40 + 1],
    ]);
    put(1, 8n);
    assert.deepEqual(read(), [[1, 3]]);
    assert.deepEqual(read(), []);
    put(2, 2n ** 40n + 3n);
    put(3, 7n);
    // 3 is seen for the first and the last time.
    assert.deepEqual(read([2, 3]), [
      [2, 2],
      [3, 7],
    ]);
    assert.equal(map.readAll(), 1);
    put(2, 4n);
    assert.deepEqual(read(), [[2, 4]]);
    // The owner of 50 and 51 is not known yet.
    put(50, 6n);
    put(51, 1n);
    assert.deepEqual(read([], [50, 51]), []);
    put(50, 9n);
    assert.deepEqual(read([], [51]), [
      [50, 9],
      [51, 1],
    ]);
    for (let tgid = 100; tgid < 1100; tgid++) {
      put(tgid, BigInt(tgid));
    }
    assert.equal(
      read().reduce((sum, [, count]) => sum + count, 0),
      599_500,
    );
    put(1099, 1100n);
    assert.deepEqual(read(), [[1099, 1]]);
  });
});

describe("counts read from lines", () => {
  it("add up where a pair has several, and leave the line to another when its process has ended", (t) => {
    const object = native.open(objectPath(syscall));
    t.after(() => {
      object.close();
    });
    object.load();
    const [lines, taken] = [object.map("calls"), object.map("lines")];
    let ended: readonly number[] = [];
    const counts = new CountDifferences(countsOfLines(lines, taken), ([tgid = 0]) =>
      ended.includes(tgid) ? "ended" : "alive",
    );
    const words = lines.info.valueSize / 8;
    /** Writes a line, as a program would: key with start, nanoseconds, calls of the first slot. */
    const put = (index: number, tgid: number, nr: number, nanoseconds: bigint, calls: bigint): void => {
      const line = new BigUint64Array(words);
      line.set([(BigInt(nr) << 32n) | BigInt(tgid), 1n, nanoseconds, calls]);
      lines.set(new Uint8Array(Uint32Array.of(index).buffer), new Uint8Array(line.buffer));
      taken.set(new Uint8Array(Uint32Array.of(index).buffer), new Uint8Array(line.buffer, 0, 16));
    };
    const read = (having: readonly number[] = []): number[][] => {
      const found: number[][] = [];
      ended = having;
      readAll(counts, ([tgid = 0, nr = 0], [nanoseconds = 0, calls = 0]) => found.push([tgid, nr, nanoseconds, calls]));
      return found.sort();
    };
    put(5, 1, 39, 100n, 1n);
    put(32_767, 1, 39, 30n, 2n);
    put(6, 2, 0, 2n ** 40n, 3n);
    assert.deepEqual(read(), [
      [1, 39, 100, 1],
      [1, 39, 30, 2],
      [2, 0, 2 ** 40, 3],
    ]);
    put(5, 1, 39, 150n, 2n);
    assert.deepEqual(read([1]), [[1, 39, 50, 1]]);
    assert.equal(taken.readAll(), 1);
    lines.gather(Uint32Array.of(5, 32_767));
    assert(new BigUint64Array(lines.values, 0, 2 * words).every((word) => word === 0n));
    put(5, 3, 39, 7n, 1n);
    assert.deepEqual(read(), [[3, 39, 7, 1]]);
  });

  it("are sealed, and freed later, where programs can still count for an owner that has ended", (t) => {
    const object = native.open(objectPath(syscall));
    t.after(() => {
      object.close();
    });
    object.load();
    const [lines, taken] = [object.map("calls"), object.map("lines")];
    let now = 0;
    const owner = (): "ended" => "ended";
    const counts = new CountDifferences(countsOfLines(lines, taken), owner, { outlivesOwner: true, now: () => now });
    const index = new Uint8Array(Uint32Array.of(5).buffer);
    const key = (39n << 32n) | 7n;
    const put = (first: bigint, nanoseconds: bigint): void => {
      const line = new BigUint64Array(lines.info.valueSize / 8);
      line.set([first, 1n, nanoseconds]);
      lines.set(index, new Uint8Array(line.buffer));
    };
    const read = (): number[][] => {
      const found: number[][] = [];
      readAll(counts, ([tgid = 0, nr = 0], [nanoseconds = 0]) => found.push([tgid, nr, nanoseconds]));
      return found;
    };
    const first = (): bigint | undefined => {
      lines.gather(Uint32Array.of(5));
      return new BigUint64Array(lines.values)[0];
    };
    taken.set(index, new Uint8Array(BigUint64Array.of(key, 1n).buffer));
    // A program has taken the line, and has not written its key yet.
    assert.deepEqual([read(), first()], [[], 0n]);
    put(key, 100n);
    assert.deepEqual([read(), first()], [[[7, 39, 100]], 2n ** 64n - 1n]);
    // A program that had found it before counts there.
    put(2n ** 64n - 1n, 130n);
    now = 499;
    assert.deepEqual([read(), taken.readAll()], [[[7, 39, 30]], 1]);
    put(2n ** 64n - 1n, 131n);
    now = 500;
    assert.deepEqual([read(), taken.readAll(), first()], [[[7, 39, 1]], 0, 0n]);
    assert.throws(
      () => new CountDifferences(countsOfHash(taken), owner, { outlivesOwner: true }),
      /^Error: counters of map lines: only lines, in a map with keys, can outlive their owners$/,
    );
  });
});
