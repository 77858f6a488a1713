/** System calls that seccomp, a supervisor or a tracer answers, and returns that belong to no call: by the program's own count and strace's. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";

import { type Agent, startAgent, unlimitedSeries } from "../../support/agent.js";
import { compileProgram, programSource } from "../../support/program.js";
import { type Samples, sum } from "../../support/samples.js";
import type { Scope } from "../../support/scope.js";
import { suiteScope } from "../../support/scope.js";
import { assertAgreesWithStrace, countsOf } from "../../support/strace.js";
import { startWaiting } from "../../support/waiting.js";

const source = programSource("answered-calls");

const flags = {
  aggregate: ["--signals=syscall", ...unlimitedSeries],
  "each one timed": ["--signals=syscall", "--syscall.timing=all", ...unlimitedSeries],
  stream: [
    "--signals=syscall",
    ...unlimitedSeries,
    "--syscall.mode=stream",
    "--ring.size=64MiB",
    "--syscall.comms=answered,true",
  ],
};

/** What a process has made of one call. */
interface Made {
  readonly calls: number;
  readonly errors?: Readonly<Record<string, number>>;
  /** Nothing is known of when they began. */
  readonly isUntimed?: boolean;
}

/** Calls by the argument of the program: of its process, or of the n-th that it announces. */
const steps: Readonly<Record<string, { readonly process?: number; readonly made: Readonly<Record<string, Made>> }>> = {
  "errno-0": { made: { getppid: { calls: 50, isUntimed: true } } },
  "errno-1": { made: { getppid: { calls: 50, errors: { EPERM: 50 }, isUntimed: true } } },
  trap: { made: { getppid: { calls: 50, isUntimed: true }, rt_sigreturn: { calls: 50 } } },
  trace: { made: { getppid: { calls: 50, errors: { ENOSYS: 50 }, isUntimed: true } } },
  notify: { made: { getppid: { calls: 150, errors: { EACCES: 50 } } } },
  clone: { made: { clone: { calls: 51 } } },
  emulated: { process: 1, made: { getppid: { calls: 50, isUntimed: true } } },
  changed: {
    process: 1,
    made: { getppid: { calls: 0 }, getuid: { calls: 50 }, syscall_unknown: { calls: 50, errors: { ENOSYS: 50 } } },
  },
  paused: { process: 1, made: { ppoll: { calls: 0 }, getppid: { calls: 50, isUntimed: true } } },
  births: { made: { clone: { calls: 50 }, vfork: { calls: 50 }, clone3: { calls: 50 } } },
  ...(process.arch === "x64" && { forged: { made: { compat_getppid: { calls: 50 }, semget: { calls: 0 } } } }),
};

let program = "";

before(() => {
  program = compileProgram("answered", source);
});

for (const mode of ["aggregate", "each one timed", "stream"] as const) {
  const seconds = mode === "aggregate" ? "ringtap_syscall_estimated_seconds_total" : "ringtap_syscall_seconds_total";
  describe(`calls that are answered elsewhere, ${mode}`, () => {
    const scope = suiteScope();
    let agent: Agent;

    before(async () => {
      agent = await startAgent(scope, flags[mode]);
    });

    async function run(test: Scope, ...args: readonly string[]): Promise<{ samples: Samples; pids: string[] }> {
      const waiting = await startWaiting(test, program, args);
      const pids = await waiting.go();
      return { samples: await agent.scrape(), pids };
    }

    for (const [step, { process = 0, made }] of Object.entries(steps)) {
      it(step, async (t) => {
        // The one that is under way when the agent attaches has to be there before it.
        const waiting = step === "paused" ? await startWaiting(t, program, [step, "50"]) : undefined;
        const reader = waiting === undefined ? agent : await startAgent(t, flags[mode]);
        const pids = await (waiting ?? (await startWaiting(t, program, [step, "50"]))).go();
        const samples = await reader.scrape();
        const pid = pids[process] ?? "none";
        const counted = Object.entries(made).map(([name, { errors = {}, isUntimed }]) => {
          const of = (metric: string, labels = {}): number => sum(samples, metric, { pid, syscall: name, ...labels });
          const failed = Object.keys(errors).map((errno) => [errno, of("ringtap_syscall_errors_total", { errno })]);
          assert.equal(
            of("ringtap_syscall_errors_total"),
            Object.values(errors).reduce((all, each) => all + each, 0),
            `errors of ${name}`,
          );
          if (isUntimed === true) {
            assert.equal(of(seconds), 0);
          }
          const calls = of("ringtap_syscalls_total");
          return [name, { calls, ...(failed.length > 0 && { errors: Object.fromEntries(failed) as object }) }];
        });
        const expected = Object.entries(made).map(([name, { calls, errors }]) => [
          name,
          { calls, ...(errors && { errors }) },
        ]);
        assert.deepEqual(Object.fromEntries(counted), Object.fromEntries(expected));
      });
    }

    for (const step of process.arch === "x64" ? ["execs", "execs-32"] : ["execs"]) {
      it(`${step}: a call is the one that was made, whatever the new program's registers say`, async (t) => {
        const { samples, pids } = await run(t, step, "20");
        const children = pids.slice(1);
        assert.equal(children.length, 20);
        const counts = countsOf(samples, children);
        assert.deepEqual([counts.get("execveat"), counts.get("execve")], [{ calls: 20, errors: 0 }, undefined]);
      });
    }

    it("stopped: restart_syscall is a call of its own", async (t) => {
      const { samples, pids } = await run(t, "stopped", "3");
      const counts = countsOf(samples, pids.slice(1));
      assert.deepEqual(counts.get("nanosleep"), { calls: 3, errors: 3 });
      assert.deepEqual(counts.get("restart_syscall"), { calls: 3, errors: 0 });
    });

    it("agree with strace -c -f call by call", async (t) => {
      const waiting = await startWaiting(t, program, ["answers", "20"]);
      await assertAgreesWithStrace(waiting, agent);
    });
  });
}
