/** Marks, gauges, linear histograms and sampled records of `ringtap/bpf`, against calls whose arguments are known. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { mark, type Num, on, tracepoint, tracepoints, type Untyped } from "../../../src/bpf/index.js";
import { at, attach, type BuiltSignal } from "../support/built-signal.js";
import { assertExact, exactly } from "../support/left-out.js";
import { compileProgram, runProgram } from "../support/program.js";

/** Makes calls of numbers that no kernel has: for each three arguments, a number, the first argument and how many, one more each. */
const source = `
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	for (int at = 1; at + 2 < argc; at += 3)
		for (long i = 0; i < atol(argv[at + 2]); i++)
			syscall(atol(argv[at]), atol(argv[at + 1]) + i);
	return 0;
}`;

const [begin, end] = [4001, 4002];

/** The first argument of a call, at `sys_enter`. */
function firstArgument(e: Untyped): Num {
  return at<Num>(e, "regs", ...(process.arch === "x64" ? ["di"] : ["regs", "0"]));
}

function callOf(e: Untyped): Num {
  return at<Num>(e, "id");
}

const began = mark("sys_enter", (e, h) => ({
  where: callOf(e).eq(begin),
  key: [h.comm, firstArgument(e)],
  keep: { number: firstArgument(e), comm: h.comm, isEven: firstArgument(e).bitAnd(1).eq(0), time: h.time },
}));

function program(): string {
  return compileProgram("rt-bpf-pairs", source);
}

async function unmatched(built: BuiltSignal): Promise<Record<string, number>> {
  const series = await built.series("pairs_unmatched_total");
  return Object.fromEntries(series.map(([{ start, reason }, events]) => [`${start} ${reason}`, events ?? 0]));
}

describe("starts", () => {
  it("are found by their key, with what they have kept; what is lost is counted by why", (t) =>
    exactly(t, async (attach) => {
      const signal = tracepoint("sys_enter", (e, h) => {
        const start = h.since(began, [h.comm, firstArgument(e)]);
        return {
          name: "pairs",
          where: callOf(e).eq(end).and(start.kept.number.lt(90)),
          owner: start.owner,
          count: { by: { comm: start.kept.comm, is_even: start.kept.isEven }, sum: { numbers: start.kept.number } },
          histogram: { of: start.elapsed, unit: "seconds" },
          record: { number: start.kept.number, is_later: start.elapsed.gt(0), same: start.time.eq(start.kept.time) },
        };
      });
      const built = attach(signal, { starts: 256, startTimeout: 1 });
      // 300 begin, and 10 of them again; 100 end, and 50 of them again.
      const script = [begin, 0, 300, begin, 0, 10, end, 0, 100, end, 50, 50];
      await runProgram(program(), script.map(String));
      const labels = { comm: "rt-bpf-pairs" };
      const ofEach = (first: number): number[] => Array.from({ length: 45 }, (_, index) => first + 2 * index);
      const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, number) => sum + number, 0);
      const byLabel = (all: readonly unknown[]): string[] => all.map((each) => JSON.stringify(each)).sort();
      assert.deepEqual(
        byLabel(await built.series("pairs_total")),
        byLabel([
          [{ ...labels, is_even: "false" }, 45],
          [{ ...labels, is_even: "true" }, 45],
        ]),
      );
      assert.deepEqual(
        byLabel(await built.series("pairs_numbers_total")),
        byLabel([
          [{ ...labels, is_even: "false" }, sumOf(ofEach(1))],
          [{ ...labels, is_even: "true" }, sumOf(ofEach(0))],
        ]),
      );
      const buckets = (await built.series("pairs_seconds")).flatMap(([, ...numbers]) => numbers.slice(0, -1));
      assert.equal(sumOf(buckets), 90);
      const records = built.records();
      assert.deepEqual(
        records.map(({ number }) => number),
        Array.from({ length: 90 }, (_, number) => number),
      );
      assert(records.every(({ is_later: isLater, same }) => isLater === true && same === true));
      const lost = { "sys_enter map_full": 44, "sys_enter replaced": 10, "sys_enter no_start": 50 };
      assert.deepEqual(await unmatched(built), lost);
      assert.deepEqual(built.counts(), {
        produced: 90,
        consumed: 90,
        dropped: { ring_full: 0, map_full: 0, sampled: 0, handler_error: 0, corrupt: 0 },
      });
      // 256 - 100 wait still; they are searched for each ten seconds.
      for (let second = 0; second < 10; second++) {
        await built.maintain();
      }
      assert.deepEqual(await unmatched(built), { ...lost, "sys_enter expired": 156 });
    }));

  it("are there once for an event, however often it asks for them by the same key", (t) =>
    exactly(t, async (attach) => {
      const signal = tracepoint("sys_enter", (e, h) => {
        const start = () => h.since(began, [h.comm, firstArgument(e)]);
        return {
          name: "pairs",
          where: callOf(e).eq(end),
          owner: start().owner,
          count: {
            by: { comm: start().kept.comm, is_even: start().kept.isEven },
            sum: { numbers: start().kept.number },
          },
          histogram: { of: start().elapsed, unit: "seconds" },
        };
      });
      const built = attach(signal);
      await runProgram(program(), [begin, 0, 10, end, 0, 12].map(String));
      const series = await built.series("pairs_total");
      assert.deepEqual(series.map(([{ is_even: isEven }, count]) => `${isEven} ${count}`).sort(), [
        "false 5",
        "true 5",
      ]);
      assert.deepEqual(await unmatched(built), { "sys_enter no_start": 2 });
    }));

  it("a signal of several tracepoints counts in one metric, and a gauge goes up and down", (t) =>
    exactly(t, async (attach) => {
      const signal = tracepoints({ name: "pairs", summary: "calls" }, [
        on("sys_enter", (e, h) => ({
          where: callOf(e).eq(begin).and(h.comm.eq("rt-bpf-pairs")),
          count: { by: { comm: h.comm } },
          gauge: { add: firstArgument(e), by: { comm: h.comm } },
          record: { number: firstArgument(e) },
        })),
        on("sys_exit", (e, h) => ({
          where: at<Num>(e, "ret").eq(-38).and(h.comm.eq("rt-bpf-pairs")),
          count: { by: { comm: h.comm } },
          gauge: { add: -2, by: { comm: h.comm } },
        })),
        on("sys_enter", (e, h) => ({
          where: callOf(e).eq(end).and(h.comm.eq("rt-bpf-pairs")),
          gauge: { last: firstArgument(e), by: { comm: h.comm } },
        })),
      ]);
      const built = attach(signal);
      await runProgram(program(), [begin, 100, 30, end, 7, 12].map(String));
      const labels = { comm: "rt-bpf-pairs" };
      // Each call ends with ENOSYS.
      assert.deepEqual(await built.series("pairs_total"), [[labels, 30 + 30 + 12]]);
      assert.deepEqual(await built.series("pairs_current"), [[labels, (100 + 129) * 15 - 2 * 42]]);
      assert.deepEqual(await built.series("pairs_last"), [[labels, 18]]);
      assert.equal(built.records().length, 30);
      // Those of `sys_exit` are counted where those are that have records.
      assert.equal(built.counts().consumed, 30 + 12);
    }));

  it("has buckets of equal width", (t) =>
    exactly(t, async (attach) => {
      const signal = tracepoint("sys_enter", (e, h) => ({
        name: "pairs",
        where: callOf(e).eq(begin).and(h.comm.eq("rt-bpf-pairs")),
        histogram: { of: firstArgument(e), by: { comm: h.comm }, linear: { first: 10, step: 25, count: 4 } },
      }));
      const built = attach(signal);
      await runProgram(program(), [begin, 0, 200].map(String));
      // Up to 10, 35, 60, 85, and above.
      assert.deepEqual(await built.series("pairs_values"), [
        [{ comm: "rt-bpf-pairs" }, 11, 25, 25, 25, 114, (199 * 200) / 2],
      ]);
    }));

  it("samples records, and limits their rate, and counts them all", async (t) => {
    const calls = 20_000;
    const pairs = (more: { readonly sample?: number; readonly limit?: number }): BuiltSignal =>
      attach(
        t,
        tracepoint("sys_enter", (e, h) => ({
          name: "pairs",
          where: callOf(e).eq(begin).and(h.comm.eq("rt-bpf-pairs")),
          count: { by: { comm: h.comm } },
          record: { number: firstArgument(e) },
          ...more,
        })),
        {},
        2 ** 22,
      );
    const [sampled, limited] = [pairs({ sample: 10 }), pairs({ limit: 100 })];
    const before = performance.now();
    await runProgram(program(), [begin, 0, calls].map(String));
    const seconds = 2 + (performance.now() - before) / 1000;
    for (const built of [sampled, limited]) {
      built.records();
      const series = await built.series("pairs_total");
      const { produced, consumed, dropped } = built.counts();
      assert.deepEqual(series, [[{ comm: "rt-bpf-pairs" }, produced]]);
      assert.equal(consumed + dropped.sampled, produced);
      assertExact(produced, calls, built.missed());
    }
    // Ten standard deviations of a binomial distribution with a tenth.
    const expected = sampled.counts().produced / 10;
    assert(Math.abs(sampled.records().length - expected) < 10 * Math.sqrt(expected * 0.9));
    const sent = limited.records().length;
    assert(sent >= 100 && sent <= 100 * seconds, `${sent} in ${seconds} s`);
  });
});
