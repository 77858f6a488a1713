/**
 * Runs of programs that the kernel leaves out, and counts: newer ones than 6.18 do so where a program is preempted (docs/kernels.md).
 * Where it says that there are none, numbers are exact.
 */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";

import { attach, type BuiltSignal } from "./built-signal.js";
import { type Samples, sum } from "./samples.js";
import { lastFirst } from "./scope.js";

const metric = "ringtap_bpf_program_misses_total";

/** Handlers of system calls, whose runs that are left out are those of the dispatch programs once more. */
const handlers = ["tcp_sys_exit", "syscall_enter", "syscall_exit", "file_sys_exit"];

/** Runs that the kernel has left out, of all programs of an agent. */
export function leftOut(samples: Samples): number {
  const again = handlers.map((program) => sum(samples, metric, { program }));
  return sum(samples, metric, {}) - again.reduce((total, runs) => total + runs, 0);
}

/** Asserts that a count is exact, but for so many runs that the kernel has left out, each `worth` so much at most. */
export function assertExact(counted: number, expected: number, missed: number, worth = 1): void {
  assert(
    counted <= expected && counted >= expected - missed * worth,
    `${counted} of ${expected}, ${missed} runs left out by the kernel`,
  );
}

/** The same of counts by name, all together: none is of another name, and all that is missing was left out. */
export function assertAllExact(
  counted: Readonly<Record<string, number>>,
  expected: Readonly<Record<string, number>>,
  missed: number,
  worth = 1,
): void {
  if (missed === 0) {
    assert.deepEqual(counted, expected);
    return;
  }
  const total = (counts: Readonly<Record<string, number>>): number =>
    Object.values(counts).reduce((all, count) => all + count, 0);
  const told = `${JSON.stringify(counted)} of ${JSON.stringify(expected)}`;
  assert(
    Object.entries(counted).every(([name, count]) => count <= (expected[name] ?? 0)),
    told,
  );
  assertExact(total(counted), total(expected), missed, worth);
}

/** How often a test is made at most. */
const attempts = 10;

/**
 * Makes a test whose numbers are exact, each time with signals of its own. Only where it fails and the kernel says that it has left out
 * runs of their programs, it is made again.
 */
export async function exactly(
  t: TestContext,
  test: (
    attachSignal: (
      signal: Parameters<typeof attach>[1],
      flags?: Parameters<typeof attach>[2],
      ringSize?: number,
    ) => BuiltSignal,
  ) => Promise<void>,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const attached: BuiltSignal[] = [];
    let end: () => unknown = () => undefined;
    const scope = lastFirst({
      after(tidy) {
        end = tidy;
      },
    });
    try {
      await test((...of) => {
        const built = attach(scope, ...of);
        attached.push(built);
        return built;
      });
      return;
    } catch (error) {
      const missed = attached.reduce((runs, built) => runs + built.missed(), 0);
      if (missed === 0 || attempt === attempts) {
        throw error;
      }
      t.diagnostic(`made again, the kernel left out ${missed} runs: ${String(error).split("\n")[0]}`);
    } finally {
      await end();
    }
  }
}
