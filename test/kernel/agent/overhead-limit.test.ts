/** Signals that are taken to cheaper depths while they run: every call still counts, and only what is exact looks so. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { type AgentSetup, type RunningAgent, startAgent } from "../../../src/agent/start-agent.js";
import { tableSamples } from "../../../src/exposition/register-catalog.js";
import { defaultValues } from "../../../src/sdk/flags.js";
import { syscallNumber } from "../../../src/sdk/syscall-names.js";
import { syscall } from "../../../src/signals/syscall/signal.js";
import { eventually } from "../support/eventually.js";
import { compileProgram } from "../support/program.js";
import type { Scope } from "../support/scope.js";
import { startWaiting } from "../support/waiting.js";

const source = fileURLToPath(new URL("../../../../test/kernel/programs/numbered-calls.c", import.meta.url));
const total = "ringtap_syscalls_total";
const exact = "ringtap_syscall_duration_seconds";
const estimated = "ringtap_syscall_estimated_duration_seconds";

/** Programs by comm. */
const programs = new Map<string, string>();

before(() => {
  for (const comm of ["rt-load", "rt-all", "rt-sampled", "rt-off", "rt-across", "rt-again"]) {
    programs.set(comm, compileProgram(comm, readFileSync(source, "utf8")));
  }
});

/** A program that waits in read(2), and then makes so many calls of getppid(2). */
function startCalls(test: Scope, comm: string, calls: number) {
  return startWaiting(test, programs.get(comm) ?? "", [String(syscallNumber("getppid")), String(calls)]);
}

interface Limited {
  readonly agent: RunningAgent;
  /** Lines of its log from `info` on: level, message, fields. */
  readonly lines: {
    readonly level: string;
    readonly message: string;
    readonly details: Readonly<Record<string, string>>;
  }[];
  /** The sum of the samples of a metric that have these labels; of a histogram with the suffix `_count`. */
  readonly value: (name: string, labels: Readonly<Record<string, string>>) => Promise<number>;
}

/** Calls are timed each, as long as that costs no more than the limit. */
const timed = { flags: { syscall: { ...defaultValues(syscall.flags), timing: "all" } } };

/** An agent with the signal syscall alone, in this process. */
function startLimited(test: Scope, setup: Omit<AgentSetup, "log" | "wanted">): Limited {
  const lines: Limited["lines"] = [];
  const write =
    (level: string) =>
    (details: object, message: string): void => {
      lines.push({ level, message, details: details as Record<string, string> });
    };
  const log = { info: write("info"), warn: write("warn"), error: write("error") };
  // Whatever else runs: nothing is counted as ~other, which the log would say.
  const budget = { series: 1e6, bytes: 2 ** 30 };
  const agent = startAgent({ ...setup, log, wanted: ["syscall"], seriesLimit: 1e6, budget });
  test.after(() => {
    agent.close();
  });
  return {
    agent,
    lines,
    async value(name, labels) {
      await agent.collect();
      agent.catalog.collect();
      const [table] = [...agent.catalog].filter((each) => each.name === name.replace(/_count$/, ""));
      assert(table !== undefined, name);
      const matching = [...tableSamples(table)].filter(
        (sample) =>
          (sample.metricName ?? table.name) === name &&
          Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
      );
      return matching.reduce((sum, sample) => sum + sample.value, 0);
    },
  };
}

describe("--overhead.limit", () => {
  it("takes syscall down while a program makes many calls, says so, and loses none of them", async (t) => {
    const { agent, lines, value } = startLimited(t, {
      ...timed,
      overheadLimit: 0.0001,
      overheadTimes: {
        windows: { openMs: 5, gapMs: 45 },
        guard: { span: 0.4, hold: 600, longestHold: 600 },
      },
    });
    const depth = (name: string): Promise<number> =>
      value("ringtap_overhead_depth", { signal: "syscall", depth: name });
    const steps = (): Promise<number> => value("ringtap_overhead_steps", { signal: "syscall" });
    const calls = 6_000_000;
    const load = await startCalls(t, "rt-load", calls);
    const gone = load.go();
    await eventually(() => assert.equal(lines.length, 3, JSON.stringify(lines)));
    assert.deepEqual([await depth("all"), await depth("sampled"), await depth("off"), await steps()], [0, 0, 1, 2]);
    await gone;
    assert.equal(await value(total, { pid: String(load.pid), syscall: "getppid" }), calls);
    const cheaper = "ringtap costs more than --overhead.limit: a signal goes to a cheaper depth";
    assert.deepEqual(
      lines.map(({ level, message, details: { of, from, to, limit } }) => [level, message, of, from, to, limit]),
      [
        ["warn", cheaper, "syscall", "all", "sampled", "0.01%"],
        ["warn", cheaper, "syscall", "sampled", "off", "0.01%"],
        [
          "warn",
          "ringtap costs more than --overhead.limit, and no signal has a cheaper depth left",
          ...[undefined, undefined, undefined, "0.01%"],
        ],
      ],
    );
    for (const { details } of lines) {
      assert.match(details.cost ?? "", /^[\d.]+%$/);
      assert.match(details.agent ?? "", /^[\d.]+%$/);
      assert.match(details.programs ?? "", /\bsyscall [\d.]+%/);
    }
    assert.equal(agent.running.find(({ signal }) => signal.name === "syscall")?.depth, "off");
  });

  it("has one cheaper depth for calls whose durations are estimated by default", async (t) => {
    const { agent, value } = startLimited(t, { overheadLimit: 100 });
    const running = agent.running.find(({ signal }) => signal.name === "syscall");
    assert(running !== undefined);
    assert.deepEqual([running.depths, running.depth], [["sampled", "off"], "sampled"]);
    const calls = 20_000;
    const make = async (comm: string): Promise<number> => {
      await (await startCalls(t, comm, calls)).go();
      assert.equal(await value(total, { comm, syscall: "getppid" }), calls);
      return value(`${estimated}_count`, { comm, syscall: "getppid" });
    };
    const some = await make("rt-sampled");
    assert(Math.abs(some - calls) < calls / 2, `${some} estimated`);
    running.goTo("off");
    await agent.collect();
    assert.equal(await make("rt-off"), 0);
    running.goTo("sampled");
    await agent.collect();
    const again = await make("rt-again");
    assert(Math.abs(again - calls) < calls / 2, `${again} estimated`);
  });

  it("lets nothing look exact that is not, whatever changes while calls go on", async (t) => {
    const { agent, value } = startLimited(t, { ...timed, overheadLimit: 100 });
    const running = agent.running.find(({ signal }) => signal.name === "syscall");
    assert(running !== undefined);
    assert.deepEqual(running.depths, ["all", "sampled", "off"]);
    /** Calls, and durations that look exact and those that do not, of a program. */
    const counts = async (comm: string, syscall: string): Promise<number[]> => [
      await value(total, { comm, syscall }),
      await value(`${exact}_count`, { comm, syscall }),
      await value(`${estimated}_count`, { comm, syscall }),
    ];
    /** What has come before is read first, so that it counts as what it is. */
    const goTo = async (depth: string): Promise<void> => {
      await agent.collect();
      running.goTo(depth);
      await agent.collect();
    };
    const calls = 20_000;
    const make = async (comm: string): Promise<void> => {
      await (await startCalls(t, comm, calls)).go();
    };

    await make("rt-all");
    assert.deepEqual(await counts("rt-all", "getppid"), [calls, calls, 0]);

    await goTo("sampled");
    await make("rt-sampled");
    const [all, ofAll, some = 0] = await counts("rt-sampled", "getppid");
    assert.deepEqual([all, ofAll], [calls, 0]);
    assert(Math.abs(some - calls) < calls / 2, `${some} estimated`);

    // Its read(2) begins while calls are sampled, and ends when each is timed: no one knows how long it took.
    const across = await startCalls(t, "rt-across", calls);
    const [before = 0] = await counts("rt-across", "read");
    await goTo("all");
    await across.go();
    const [after, ofThese] = await counts("rt-across", "read");
    assert.deepEqual([after, ofThese], [before + 1, 0]);
    assert.deepEqual((await counts("rt-across", "getppid")).slice(0, 2), [calls, calls]);

    await goTo("off");
    await make("rt-off");
    assert.deepEqual(await counts("rt-off", "getppid"), [calls, 0, 0]);

    await goTo("all");
    await make("rt-again");
    assert.deepEqual(await counts("rt-again", "getppid"), [calls, calls, 0]);
  });
});
