/** What the agent takes while next to nothing happens, beside a Node that does nothing at all. */
import { setTimeout } from "node:timers/promises";

import { startAgent } from "./lib/agent.js";
import { type CpuUse, cpuUse, startChild } from "./lib/child.js";
import { atMost, range } from "./lib/figures.js";
import type { BenchContext, Result, Scenario } from "./lib/scenario.js";
import { spread } from "./lib/spread.js";

/** How often the empty Node wakes up, milliseconds: as the agent's maintenance does, which comes seldomer while little happens. */
const timer = 1_000;

/** A Node with such a timer and nothing else. */
const emptyNode = [process.execPath, "-e", `setInterval(() => {}, ${timer});`];

/** A process's use of CPUs over a while. */
interface Use {
  /** Of one core, percent. */
  readonly share: number;
  /** How often a second one of its threads is put on a CPU. */
  readonly turns: number;
}

function useBetween(before: CpuUse, after: CpuUse, seconds: number): Use {
  return {
    share: (100 * (after.seconds - before.seconds)) / seconds,
    turns: (after.turns - before.turns) / seconds,
  };
}

/** Agent and empty Node at the same time: what a wake-up costs depends on what else the machine does. */
interface Round {
  readonly agent: Use;
  readonly node: Use;
}

async function measureRounds(
  context: BenchContext,
  agent: { cpuUse(): CpuUse; scrape(): Promise<string> },
  node: number,
  scraped: boolean,
): Promise<Round[]> {
  const [rounds, seconds] = context.quick ? [2, 5] : [context.rounds, 15];
  const measured: Round[] = [];
  for (let round = 0; round < rounds; round++) {
    const before = { agent: agent.cpuUse(), node: cpuUse(node), at: performance.now() };
    await setTimeout(500 * seconds);
    if (scraped) {
      await agent.scrape();
    }
    await setTimeout(500 * seconds);
    const passed = (performance.now() - before.at) / 1e3;
    measured.push({
      agent: useBetween(before.agent, agent.cpuUse(), passed),
      node: useBetween(before.node, cpuUse(node), passed),
    });
  }
  return measured;
}

function rowsOf(rounds: readonly Round[], when: string): string[][] {
  const row = (name: string, of: (round: Round) => Use): string[] => [
    `${name}, ${when}`,
    range(spread(rounds.map((round) => of(round).share))),
    range(spread(rounds.map((round) => of(round).turns))),
  ];
  return [row("ringtap", ({ agent }) => agent), row("an empty Node", ({ node }) => node)];
}

async function runIdle(context: BenchContext): Promise<Result> {
  const agent = await startAgent(context, { anyCpu: true });
  const node = startChild(context, ...emptyNode);
  await agent.scrape();
  // Behind it are its start and the compiler's threads, which work on for half a minute.
  context.progress("waiting until the start is over");
  await setTimeout(context.quick ? 30_000 : 45_000);
  context.progress("idling");
  const alone = await measureRounds(context, agent, node.pid, false);
  const scraped = context.quick ? [] : await measureRounds(context, agent, node.pid, true);
  await agent.stop();
  await node.stop();
  return {
    tables: [
      {
        headings: ["process", "% of a core", "turns on a CPU a second"],
        rows: [...rowsOf(alone, "no scrape"), ...(scraped.length > 0 ? rowsOf(scraped, "a scrape every 15 s") : [])],
      },
    ],
    targets: [
      atMost(
        0.3,
        spread(alone.map((round) => round.agent.share - round.node.share)),
        " points",
        "idle, share of a core above an empty Node",
      ),
    ],
    notes: [],
  };
}

export const idle: Scenario = {
  name: "idle",
  title: "Idling",
  method:
    "The agent with its default signals beside whatever else the machine does, and at the same time a Node that has a timer like the agent's " +
    `(every ${timer.toLocaleString("en")} ms) and does nothing in it: most of what idling costs is that a sleeping process wakes up on a cold CPU. CPU time is what the ` +
    "scheduler charges all threads, in rounds of 15 s that begin 45 s after the start, first without a scrape, then with one each time.",
  packages: [],
  run: runIdle,
};
