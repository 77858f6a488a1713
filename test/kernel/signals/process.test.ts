/** process against programs that know how many children they had and how each ended. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { actorWords } from "../../../src/binding/record.js";
import { loadSignal } from "../../../src/engine/load.js";
import { process as processSignal } from "../../../src/signals/process/signal.js";
import { type Agent, startAgent } from "../support/agent.js";
import { eventually } from "../support/eventually.js";
import { startLoaded } from "../support/loading.js";
import { compileProgram, runProgram } from "../support/program.js";
import { type Samples, sum } from "../support/samples.js";
import { suiteScope } from "../support/scope.js";

function readProgram(file: string): string {
  return readFileSync(new URL(`../../../../test/kernel/programs/${file}`, import.meta.url), "utf8");
}

const source = readProgram("processes.c");

/** Longer than the series of an exited process stay with `--scrape-interval=1s`, milliseconds. */
const pastGrace = 4_000;

/** The program under a name of its own, so that its series are nobody else's. */
function program(name: string): string {
  return compileProgram(name, source);
}

/** What the process signal has counted for a comm. */
function lives(samples: Samples, comm: string): Record<"execs" | "ok" | "error" | "signal", number> {
  const exits = (reason: string): number => sum(samples, "ringtap_process_exits_total", { comm, reason });
  return {
    execs: sum(samples, "ringtap_process_execs_total", { comm }),
    ok: exits("ok"),
    error: exits("error"),
    signal: exits("signal"),
  };
}

describe("process", () => {
  const scope = suiteScope();
  let agent: Agent;
  let spawner: string;

  before(async () => {
    spawner = program("rt-spawner");
    agent = await startAgent(scope, ["--signals=process"]);
  });

  it("counts every exec, and every exit by its reason", async () => {
    const child = program("rt-ends");
    await runProgram(spawner, ["spawn", child, "40", "exit", "0"]);
    await runProgram(spawner, ["spawn", child, "30", "exit", "3"]);
    await runProgram(spawner, ["spawn", child, "20", "kill", "9"]);
    await runProgram(spawner, ["spawn", child, "10", "kill", "11"]);
    assert.deepEqual(lives(await agent.scrape(), "rt-ends"), { execs: 100, ok: 40, error: 30, signal: 30 });
  });

  it("counts the end of a process once, however many threads end with it", async () => {
    const child = program("rt-threads");
    await runProgram(spawner, ["spawn", child, "300", "threads", "8"]);
    assert.deepEqual(lives(await agent.scrape(), "rt-threads"), { execs: 300, ok: 300, error: 0, signal: 0 });
  });

  it("counts an exec by another thread than the first", async () => {
    const child = program("rt-thread-exec");
    await runProgram(spawner, ["spawn", child, "25", "exec", program("rt-executed"), "exit", "0"]);
    const samples = await agent.scrape();
    assert.deepEqual(lives(samples, "rt-thread-exec"), { execs: 25, ok: 0, error: 0, signal: 0 });
    assert.deepEqual(lives(samples, "rt-executed"), { execs: 25, ok: 25, error: 0, signal: 0 });
  });

  it("shows a name by the same bytes in every record, also one that is shorter than the last", async (t) => {
    const names = new Map<number, Set<string>>();
    const key = new Uint32Array(actorWords);
    const watched: typeof processSignal = {
      ...processSignal,
      start: () => ({
        records(batch) {
          while (batch.next()) {
            const { record: event } = batch;
            if (event.comm === "rt-x") {
              event.copyActor(key);
              names.set(event.tgid, (names.get(event.tgid) ?? new Set()).add(key.join()));
            }
          }
        },
      }),
    };
    const { running } = startLoaded(t, loadSignal(watched, { ringSize: 2 ** 20 }), ["pid"]);
    await runProgram(spawner, ["spawn", program("rt-long-before"), "5", "rename", "rt-x"]);
    running.drain();
    assert.equal(names.size, 5);
    for (const [pid, keys] of names) {
      assert.equal(keys.size, 1, `${pid}: ${[...keys].join(" and ")}`);
    }
  });

  it("follows a process that renames itself", async () => {
    await runProgram(spawner, ["spawn", program("rt-before"), "5", "rename", "rt-after"]);
    const samples = await agent.scrape();
    assert.deepEqual(lives(samples, "rt-before"), { execs: 5, ok: 0, error: 0, signal: 0 });
    assert.deepEqual(lives(samples, "rt-after"), { execs: 0, ok: 5, error: 0, signal: 0 });
  });

  it("counts processes that never call execve", async () => {
    await runProgram(program("rt-forks"), ["fork", "50"]);
    assert.deepEqual(lives(await agent.scrape(), "rt-forks"), { execs: 1, ok: 51, error: 0, signal: 0 });
  });

  it("counts 10,000 short-lived processes, forgets them, and counts on where there is no pid", async (test) => {
    const all = await startAgent(test, ["--scrape-interval=1s"]);
    const byComm = await startAgent(test, ["--labels=comm", "--signals=tcp,process"]);
    const traffic = compileProgram("rt-cronjob", readProgram("tcp-traffic.c"));
    let jobs = 0;
    /** Nothing listens on port 1: the program's only connect is refused. */
    const runJob = async (): Promise<void> => {
      await runProgram(traffic, ["connect", "4", "127.0.0.1", "1", "b", "1", "0", "0"]);
      jobs++;
      const counts = await byComm.scrape();
      assert.equal(sum(counts, "ringtap_tcp_connects_total", { comm: "rt-cronjob", result: "refused" }), jobs);
      assert.deepEqual(lives(counts, "rt-cronjob"), { execs: jobs, ok: jobs, error: 0, signal: 0 });
    };
    const child = program("rt-short");
    const heap = (samples: Samples): number => sum(samples, "nodejs_heap_size_used_bytes", {});
    const round = async (count: number): Promise<Samples> => {
      await runProgram(spawner, ["spawn", child, String(count), "exit", "0"]);
      return all.scrape();
    };
    // The first thousands let tables and code grow to their size.
    await round(3000);
    const forgotten = (): Promise<number> =>
      eventually(async () => {
        const later = await all.scrape();
        assert.equal(sum(later, "ringtap_syscalls_total", { comm: "rt-short" }), 0, "the series have gone");
        return heap(later);
      });
    await runJob();
    await setTimeout(pastGrace);
    await runJob();
    const warm = await forgotten();
    const busy = await round(10_000);
    // Of the other agent, which has few series: in the first one they may have made room for those of the 10,000 processes.
    assert.deepEqual(lives(await byComm.scrape(), "rt-short"), { execs: 13_000, ok: 13_000, error: 0, signal: 0 });
    assert.equal(sum(busy, "ringtap_events_dropped_total", { signal: "process" }), 0);
    await setTimeout(pastGrace);
    await runJob();
    await forgotten();
    await eventually(async () => {
      const later = heap(await all.scrape());
      assert.ok(later < warm + 8e6, `heap: ${warm} bytes warm, ${later} bytes afterwards`);
    });
  });
});
