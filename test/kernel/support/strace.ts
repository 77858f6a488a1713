/** System calls as `strace -c` counts them, beside ringtap's count of the same. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";

import type { Agent } from "./agent.js";
import { eventually } from "./eventually.js";
import { scratch } from "./program.js";
import { type Samples, select, sum } from "./samples.js";
import type { Waiting } from "./waiting.js";

const total = "ringtap_syscalls_total";
const errors = "ringtap_syscall_errors_total";

/** Calls and failed calls of one name. */
interface Numbers {
  calls: number;
  errors: number;
}

/** By name. */
export type Calls = Map<string, Numbers>;

/** Calls and failed calls by name, over several processes. */
export function countsOf(samples: Samples, pids: readonly string[]): Calls {
  const counts = new Map<string, Numbers>();
  for (const pid of pids) {
    for (const [metric, member] of [
      [total, "calls"],
      [errors, "errors"],
    ] as const) {
      for (const [series, value] of select(samples, metric, { pid })) {
        const name = /syscall="(\w+)"/.exec(series)?.[1] ?? "";
        const count = counts.get(name) ?? { calls: 0, errors: 0 };
        count[member] += value;
        counts.set(name, count);
      }
    }
  }
  return counts;
}

/** What `strace -c` prints. */
export function parseSummary(text: string): Calls {
  const rows = text.matchAll(/^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(\d+ +)?(\w+)$/gm);
  const named = Array.from(rows, ([, calls, failed = "0", name = ""]) => {
    return [name, { calls: Number(calls), errors: Number(failed) }] as const;
  });
  return new Map(named.filter(([name]) => name !== "total"));
}

/** The difference of two counts; names without any are left out. */
function subtract(later: Calls, earlier: Calls): Calls {
  const differences = Array.from(later, ([name, { calls, errors: failed }]) => {
    const base = earlier.get(name) ?? { calls: 0, errors: 0 };
    return [name, { calls: calls - base.calls, errors: failed - base.errors }] as const;
  });
  return new Map(differences.filter(([, { calls }]) => calls > 0));
}

/** A program that strace traces. */
interface Straced {
  /** The agent's samples before the program goes on. */
  readonly earlier: Samples;
  /** strace's own count, once the program has ended. */
  readonly summary: () => Promise<Calls>;
}

/** Attaches strace to a program that waits in read(2). That interrupts the call, which is strace's doing and not in its count. */
async function underStrace(waiting: Waiting, agent: Agent): Promise<Straced> {
  const pid = waiting.pid.toString();
  const file = scratch(`strace-${pid}`);
  const strace = spawn("strace", ["-f", "-c", "-o", file, "-p", pid], { stdio: ["ignore", "ignore", "pipe"] });
  const closed = once(strace, "close");
  await once(strace.stderr, "data");
  const earlier = await eventually(async () => {
    const samples = await agent.scrape();
    assert.equal(sum(samples, errors, { pid, syscall: "read" }), 1, "strace has not interrupted the program yet");
    return samples;
  });
  return {
    earlier,
    async summary() {
      await closed;
      return parseSummary(readFileSync(file, "utf8"));
    },
  };
}

/** Lets a program that waits go on under strace: ringtap has to count each of its system calls as strace does. */
export async function assertAgreesWithStrace(waiting: Waiting, agent: Agent): Promise<void> {
  const { earlier, summary } = await underStrace(waiting, agent);
  const pids = await waiting.go();
  const expected = await summary();
  const counted = subtract(countsOf(await agent.scrape(), pids), countsOf(earlier, pids));
  assert(expected.size > 20, `strace -c shows ${expected.size} system calls`);
  assert.deepEqual(Object.fromEntries([...counted].sort()), Object.fromEntries([...expected].sort()));
}
