/** Opens that the kernel counts: of many processes at once, by the program's own count and by strace's, watched or not. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";

import { type RunningAgent, startAgent as startInProcess } from "../../../src/agent/start-agent.js";
import { renderText } from "../../../src/exposition/text/prometheus-text.js";
import { FileEvent } from "../../../src/signals/file/records.js";
import { readText } from "../../exposition/text/read-text.js";
import { type Agent, startAgent, unlimitedSeries } from "../support/agent.js";
import { eventually } from "../support/eventually.js";
import { strictLog } from "../support/loading.js";
import { compileProgram, programSource, runProgram, scratch } from "../support/program.js";
import { parseSamples, type Samples, sum } from "../support/samples.js";
import { type Scope, suiteScope } from "../support/scope.js";
import { parseSummary } from "../support/strace.js";
import { startWaiting } from "../support/waiting.js";

const source = programSource("many-opens");
const program = compileProgram("many-opens", source);

/** The outcome that no other program's opens have. */
const result = "EXDEV";

function opens(samples: Samples, labels: Readonly<Record<string, string>>): number {
  return sum(samples, "ringtap_file_opens_total", labels);
}

/** Asserts that nothing was lost, or `lost` only for this reason. */
function assertBalanced(samples: Samples, lost?: string): void {
  const events = (what: string, labels = {}): number =>
    sum(samples, `ringtap_events_${what}_total`, { signal: "file", ...labels });
  assert.equal(events("consumed") + events("dropped"), events("produced"));
  assert.equal(events("dropped"), lost === undefined ? 0 : events("dropped", { reason: lost }));
}

describe("opens counted in the kernel", () => {
  const scope = suiteScope();
  let running: Promise<Agent> | undefined;
  const started = (): Promise<Agent> => (running ??= startAgent(scope, ["--signals=file", ...unlimitedSeries]));

  it("are exact for each of several processes with several threads", async (t) => {
    const agent = await started();
    const waiting = await startWaiting(t, program, ["together", "6", "4", "2000", "1000"]);
    const pids = await waiting.go();
    const samples = await agent.scrape();
    assert.equal(pids.length, 6);
    for (const pid of pids) {
      assert.deepEqual([opens(samples, { pid, result }), opens(samples, { pid, result: "ok" })], [4_000, 8_000], pid);
    }
    assertBalanced(samples);
  });

  it("agree with strace -c", async () => {
    const agent = await started();
    const traced = compileProgram("straced-opens", source);
    const summary = scratch("strace-opens");
    const args = ["-f", "-c", "-e", "trace=?open,?creat,openat,openat2", "-o", summary, traced];
    execFileSync("strace", [...args, "together", "4", "2", "100", "50"], { input: "" });
    const samples = await agent.scrape();
    const expected = { calls: 0, errors: 0 };
    for (const { calls, errors } of parseSummary(readFileSync(summary, "utf8")).values()) {
      expected.calls += calls;
      expected.errors += errors;
    }
    const ofIt = { comm: "straced-opens" };
    const ok = opens(samples, { ...ofIt, result: "ok" });
    assert.deepEqual({ calls: opens(samples, ofIt), errors: opens(samples, ofIt) - ok }, expected);
    assert(expected.calls > 1_200 && expected.errors >= 400, JSON.stringify(expected));
  });

  it("of processes that live for a moment are complete", async (t) => {
    const agent = await started();
    const comm = "short-opens";
    await (await startWaiting(t, compileProgram(comm, source), ["short", "500", "3"])).go();
    assert.equal(opens(await agent.scrape(), { comm, result }), 1_500);
  });

  it("count for each of the processes that get one pid", async (t) => {
    const agent = await started();
    await (await startWaiting(t, program, ["reused", "200"])).go();
    const samples = await agent.scrape();
    assert.deepEqual(
      ["opens-a", "opens-b"].map((comm) => opens(samples, { comm, result })),
      [1_400, 2_200],
    );
  });

  it("count for the name that the process had when it made them", async (t) => {
    const agent = await started();
    const [first, last] = ["opens-first", "opens-last"].map((name) => compileProgram(name, source));
    const [pid = ""] = await (await startWaiting(t, first ?? "", ["names", last ?? ""])).go();
    const samples = await agent.scrape();
    const names = ["opens-first", "opens-thread", "opens-very-long", "opens-b", "opens-last"];
    assert.deepEqual(
      names.map((comm) => opens(samples, { pid, comm, result })),
      [9, 0, 1, 5, 3],
    );
    assert.equal(opens(samples, { pid, result }), 18);
  });

  it("are complete when there are fewer lines than processes: the others count as ~other, by outcome", async (t) => {
    const agent = await startAgent(t, ["--signals=file", "--file.counts-limit=1", ...unlimitedSeries]);
    const waiting = await startWaiting(t, program, ["together", "40", "1", "20", "10"]);
    await waiting.go();
    const samples = await agent.scrape();
    assert.equal(opens(samples, { result }), 400);
    assert(opens(samples, { comm: "~other", result }) > 0);
    assert.equal(sum(samples, "ringtap_map_capacity", { map: "file_opens" }), 16 + 4096);
    assertBalanced(samples);
  });
});

describe("records of opens", () => {
  function start(scope: Scope, ringSize?: number) {
    const agent: RunningAgent = startInProcess({ wanted: ["file"], strict: true, log: strictLog, ringSize });
    scope.after(() => {
      agent.close();
    });
    const file = agent.running.find(({ signal }) => signal.name === "file");
    assert(file);
    const scrape = async (): Promise<Samples> => {
      await agent.collect();
      return parseSamples(await readText(renderText(agent.catalog)));
    };
    return { agent, file, scrape };
  }

  it("are sent only while someone watches, and change no count", async (t) => {
    const { file, scrape } = start(t);
    const waiting = await startWaiting(t, program, ["together", "1", "2", "60000", "20000"]);
    await scrape();
    assert.equal(file.eventCounts().produced, file.stats().collected, "no record before someone watches");
    const state = { seen: 0, isOver: false };
    const run = waiting.go().finally(() => {
      state.isOver = true;
    });
    let watches = 0;
    for (; !state.isOver; watches++) {
      const stop = file.watch((record) => {
        state.seen += record instanceof FileEvent && record.comm === "many-opens" ? 1 : 0;
      });
      await setTimeout(10);
      stop();
      await setTimeout(10);
    }
    const [pid = ""] = await run;
    const samples = await scrape();
    assert.deepEqual(
      [opens(samples, { pid, result }), opens(samples, { pid, result: "ok" })],
      [40_000, 120_000],
      `${watches} watches`,
    );
    assert(watches > 2 && state.seen > 0 && state.seen < 160_000, `${watches} watches saw ${state.seen}`);
    await eventually(async () => {
      assertBalanced(await scrape(), "ring_full");
    });
  });

  it("are each seen by who watches, and of failures alone where that is asked for", async (t) => {
    const { file, scrape } = start(t);
    const seen = new Map<number, number>();
    const stop = file.watchTraced((record) => {
      assert(record instanceof FileEvent);
      const { error } = record;
      seen.set(error, (seen.get(error) ?? 0) + 1);
    }, "failures");
    await runProgram(program, ["fails", "50"]);
    await scrape();
    const exdev = 18;
    assert.equal(seen.get(exdev), 50);
    assert.equal(seen.has(0), false, "the linker's successful opens had no record");
    const outcomes = new Map<string, number>();
    const stopAll = file.watch((record) => {
      assert(record instanceof FileEvent);
      const { comm, error } = record;
      outcomes.set(`${comm} ${error}`, (outcomes.get(`${comm} ${error}`) ?? 0) + 1);
    });
    await runProgram(program, ["fails", "20"]);
    await scrape();
    stopAll();
    stop();
    await runProgram(program, ["fails", "20"]);
    const samples = await scrape();
    assert.equal(outcomes.get("many-opens 18"), 20);
    assert((outcomes.get("many-opens 0") ?? 0) > 0);
    assert.equal(opens(samples, { comm: "many-opens", result }), 90);
  });

  it("are lost when the ring is full, but no count is", async (t) => {
    const { file, scrape } = start(t, 4096);
    const stop = file.watch(() => undefined);
    // The event loop stands still meanwhile, so that no one reads the ring.
    execFileSync(program, ["together", "3", "2", "1000", "500"], { input: "" });
    const samples = await scrape();
    stop();
    const comm = "many-opens";
    assert.deepEqual([opens(samples, { comm, result }), file.eventCounts().dropped.ring_full > 8_000], [3_000, true]);
    await eventually(async () => {
      assertBalanced(await scrape(), "ring_full");
    });
  });
});
