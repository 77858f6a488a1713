/** Connections to a local server, with the TCP signal and without. */
import { setTimeout } from "node:timers/promises";

import { startAgent, total } from "./lib/agent.js";
import { compileC } from "./lib/build.js";
import { type Delays, measureDelays, settleTime } from "./lib/delay.js";
import { atMost, figure, range } from "./lib/figures.js";
import { loadCpu, onCpu, runForNumbers } from "./lib/programs.js";
import type { BenchContext, FigureTable, Result, Scenario } from "./lib/scenario.js";
import { median, spread, sum } from "./lib/spread.js";

interface Load {
  readonly name: string;
  /** Connections a second; 0: as fast as it goes. */
  readonly rate: number;
  /** In a full run. */
  readonly seconds: number;
}

const target: Load = { name: "1,000/s", rate: 1_000, seconds: 10 };
const loads: readonly Load[] = [
  { name: "100/s", rate: 100, seconds: 3 },
  target,
  { name: "flat out", rate: 0, seconds: 2 },
];

/**
 * How long an agent meets a load before it is measured, so that its start is behind it and its hot functions are compiled: in its first
 * half minute it takes about twice as much as later.
 */
const warmUpSeconds = 30;

/** How long a load is repeated to time records, and before that for the drain's hot functions to be compiled. */
const delaySeconds = 2;

/** What the client saw. */
interface Visits {
  /** Connections that were made. */
  readonly made: number;
  readonly perSecond: number;
  /** Nanoseconds in connect(2). */
  readonly median: number;
  readonly p99: number;
}

/** A load without the agent, then with it, then with its engine alone. */
interface Run {
  readonly without: Visits;
  readonly with: Visits;
  /** Of the agent, as a share of one core. */
  readonly cpu: number;
  readonly lost: number;
  /** Connections that the client made and the agent did not count. */
  readonly missing: number;
  readonly delays: Delays;
}

async function measure(context: BenchContext, program: string, load: Load): Promise<Run> {
  const seconds = context.quick ? 1.5 : load.seconds;
  const visit = async (duration: number): Promise<Visits> => {
    const command = onCpu(loadCpu, program, duration.toString(), load.rate.toString());
    const [made = NaN, perSecond = NaN, p50 = NaN, p99 = NaN] = await runForNumbers(...command);
    return { made, perSecond, median: p50, p99 };
  };

  const without = await visit(seconds);

  const agent = await startAgent(context, { flags: ["--signals=tcp"] });
  const warmUp = await visit(warmUpSeconds);
  await setTimeout(settleTime);
  const cpuBefore = agent.cpuUse().seconds;
  const begin = performance.now();
  const visited = await visit(seconds);
  await setTimeout(settleTime);
  const cpu = (agent.cpuUse().seconds - cpuBefore) / ((performance.now() - begin) / 1e3);
  const metrics = await agent.scrape();
  await agent.stop();

  const counted = total(metrics, "ringtap_tcp_connects_total", 'comm="tcp-load"', 'result="established"');
  return {
    without,
    with: visited,
    cpu,
    lost: total(metrics, "ringtap_events_dropped_total", 'signal="tcp"'),
    missing: warmUp.made + visited.made - counted,
    delays: await measureDelays(
      context,
      { signal: "tcp", every: 1 },
      {
        warmUp: () => visit(delaySeconds),
        measured: () => visit(delaySeconds),
      },
    ),
  };
}

/** The runs of each load. */
type Runs = ReadonlyMap<Load, readonly Run[]>;

async function measureAll(context: BenchContext): Promise<Runs> {
  const program = compileC(context, "scripts/bench/tcp/load.c", "tcp-load");
  const measured = context.quick ? [target] : loads;
  const rounds = context.quick ? 1 : 3;
  const runs = new Map<Load, Run[]>(measured.map((load) => [load, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const [load, ofLoad] of runs) {
      context.progress(`round ${round}, ${load.name}`);
      ofLoad.push(await measure(context, program, load));
    }
  }
  return runs;
}

function added(ofLoad: readonly Run[], which: "median" | "p99"): number[] {
  return ofLoad.map((run) => (run.with[which] - run.without[which]) / 1e3);
}

function describe(runs: Runs): FigureTable {
  const middle = (ofLoad: readonly Run[], figureOf: (run: Run) => number): string =>
    figure(median(ofLoad.map(figureOf)));
  return {
    headings: [
      "connections",
      "made/s without the agent",
      "made/s with it",
      "connect() p50 without, µs",
      "added to p50, µs",
      "connect() p99 without, µs",
      "added to p99, µs",
      "agent, % of a core",
      "lost",
      "not counted",
      "delay p50, ms",
      "delay p99, ms",
    ],
    rows: [...runs].map(([load, ofLoad]) => [
      load.name,
      middle(ofLoad, (run) => run.without.perSecond),
      middle(ofLoad, (run) => run.with.perSecond),
      middle(ofLoad, (run) => run.without.median / 1e3),
      range(spread(added(ofLoad, "median"))),
      middle(ofLoad, (run) => run.without.p99 / 1e3),
      range(spread(added(ofLoad, "p99"))),
      range(spread(ofLoad.map(({ cpu }) => 100 * cpu))),
      sum(ofLoad.map(({ lost }) => lost)).toLocaleString("en"),
      sum(ofLoad.map(({ missing }) => missing)).toLocaleString("en"),
      middle(ofLoad, ({ delays }) => delays.median / 1e6),
      middle(ofLoad, ({ delays }) => delays.p99 / 1e6),
    ]),
  };
}

async function runTcp(context: BenchContext): Promise<Result> {
  const runs = await measureAll(context);
  const paced = runs.get(target) ?? [];
  const what = "TCP only at 1,000 connections/s";
  return {
    tables: [describe(runs)],
    targets: [
      atMost(0.6, spread(paced.map(({ cpu }) => 100 * cpu)), " %", `${what}, agent's share of a core`),
      atMost(8.3, spread(added(paced, "p99")), " µs", `${what}, added to the p99 of connect()`),
    ],
    notes: [],
  };
}

export const tcp: Scenario = {
  name: "tcp",
  title: "TCP only",
  method:
    "A C client opens connections to a C server over the loopback, one after the other: connect, 16 bytes there and back, close; both ends " +
    "are traced, which makes four events a connection, counted in the kernel. Client and server share a core, the agent (`--signals=tcp`) has another. Each " +
    "round takes the load without the agent, then with it; *added* is the difference of the percentiles of connect(2)'s duration in " +
    "the same round, given as median (least–most) over the rounds. Each agent has met " +
    `${warmUpSeconds} seconds of the same load before. CPU time is what the scheduler charges all threads of the agent, its ` +
    "timers included. *Not counted* compares the client's number of connections with ringtap_tcp_connects_total. Delay is the time from the " +
    "BPF program's time stamp to when the record has been counted, of every record, in runs of their own without a web server: the " +
    "agent drains its rings every second, every five while little happens, or sooner where they fill up.",
  packages: [],
  run: runTcp,
};
