/** Every system call of a busy core, then of all cores, as a record of the ring. */
import { cpus } from "node:os";
import { setTimeout } from "node:timers/promises";

import { startAgent, total } from "./lib/agent.js";
import { compileC } from "./lib/build.js";
import { type Delays, measureDelays, settleTime } from "./lib/delay.js";
import { atMost, figure, range } from "./lib/figures.js";
import { loadCpu, runForNumbers } from "./lib/programs.js";
import type { BenchContext, FigureTable, Result, Scenario } from "./lib/scenario.js";
import { median, spread, sum } from "./lib/spread.js";

interface Load {
  readonly name: string;
  /** Calls a second of each process; 0: as fast as it goes. */
  readonly rate: number;
  /** One process for each. */
  readonly cpus: readonly number[];
  /** Leaves no core to the agent alone. */
  readonly everywhere: boolean;
}

const busyCore: Load = { name: "one core, full rate", rate: 0, cpus: [loadCpu], everywhere: false };
const loads: readonly Load[] = [
  { ...busyCore, name: "one core, 10,000 calls/s", rate: 10_000 },
  { ...busyCore, name: "one core, 100,000 calls/s", rate: 100_000 },
  busyCore,
  { ...busyCore, name: "one core, full rate, 64 processes", cpus: Array<number>(64).fill(loadCpu) },
  { ...busyCore, name: "all cores, full rate", cpus: cpus().map((_, cpu) => cpu), everywhere: true },
];

/** Why an event can be lost. */
const reasons = ["ring_full", "map_full", "handler_error", "corrupt"] as const;

/** Records timed: one in so many. */
const timedEvery = 64;

/** What one run of a load gave. */
interface Run {
  /** Counted, of all processes of the machine. */
  readonly recordsPerSecond: number;
  /** In the order of `reasons`. */
  readonly lost: readonly number[];
  /** Calls of the load that were made and not counted. */
  readonly missing: number;
  /** CPU time of the agent for a million records, seconds. */
  readonly cpuPerMillion: number;
  readonly delays: Delays;
}

/** The agent's account of its system calls. */
function accountOf(metrics: string): Pick<Run, "lost"> & { readonly consumed: number } {
  const signal = 'signal="syscall"';
  return {
    consumed: total(metrics, "ringtap_events_consumed_total", signal),
    lost: reasons.map((reason) => total(metrics, "ringtap_events_dropped_total", signal, `reason="${reason}"`)),
  };
}

/** The same load under two names, which the agent counts separately. */
interface Programs {
  readonly measured: string;
  /** Makes the agent compile its hot functions. */
  readonly warmUp: string;
}

async function measure(context: BenchContext, programs: Programs, load: Load): Promise<Run> {
  const seconds = context.quick ? 0.5 : 1.5;
  const run = (program: string) => runForNumbers(program, ...[seconds, load.rate, ...load.cpus].map(String));

  const agent = await startAgent(context, {
    flags: ["--signals=syscall", "--syscall.mode=stream"],
    anyCpu: load.everywhere,
  });
  await run(programs.warmUp);
  await setTimeout(settleTime);
  const before = accountOf(await agent.scrape());
  const cpuBefore = agent.cpuUse().seconds;
  const [calls = NaN, took = NaN] = await run(programs.measured);
  await setTimeout(settleTime);
  const cpu = agent.cpuUse().seconds - cpuBefore;
  const metrics = await agent.scrape();
  await agent.stop();

  const after = accountOf(metrics);
  const consumed = after.consumed - before.consumed;
  return {
    recordsPerSecond: consumed / took,
    lost: after.lost.map((count, reason) => count - (before.lost[reason] ?? NaN)),
    missing: calls - total(metrics, "ringtap_syscalls_total", 'comm="stream-load"', 'syscall="getppid"'),
    cpuPerMillion: cpu / (consumed / 1e6),
    delays: await measureDelays(
      context,
      { signal: "syscall", every: timedEvery, anyCpu: load.everywhere },
      {
        warmUp: () => run(programs.warmUp),
        measured: () => run(programs.measured),
      },
    ),
  };
}

/** The runs of each load. */
type Runs = ReadonlyMap<Load, readonly Run[]>;

async function measureAll(context: BenchContext): Promise<Runs> {
  const source = "scripts/bench/stream/load.c";
  const programs = {
    measured: compileC(context, source, "stream-load"),
    warmUp: compileC(context, source, "stream-warm-up"),
  };
  const measured = context.quick ? [busyCore] : loads;
  const runs = new Map<Load, Run[]>(measured.map((load) => [load, []]));
  const rounds = context.quick ? 1 : 3;
  for (let round = 1; round <= rounds; round++) {
    for (const [load, ofLoad] of runs) {
      context.progress(`round ${round}, ${load.name}`);
      ofLoad.push(await measure(context, programs, load));
    }
  }
  return runs;
}

/** Lost in all runs, by reason. */
function losses(runs: readonly Run[]): string {
  const lost = reasons.map((reason, index) => ({ reason, count: sum(runs.map((run) => run.lost[index] ?? NaN)) }));
  const some = lost.filter(({ count }) => count > 0);
  return some.length === 0
    ? "none"
    : some.map(({ reason, count }) => `${reason} ${count.toLocaleString("en")}`).join(", ");
}

function describe(runs: Runs): FigureTable {
  const milliseconds = (ofLoad: readonly Run[], which: "median" | "p99"): string =>
    figure(median(ofLoad.map(({ delays }) => delays[which])) / 1e6);
  return {
    headings: [
      "system calls of",
      "records/s",
      "lost",
      "calls of the load not counted",
      "agent, % of a core per million records/s",
      "delay p50, ms",
      "delay p99, ms",
    ],
    rows: [...runs].map(([load, ofLoad]) => [
      load.name,
      figure(median(ofLoad.map(({ recordsPerSecond }) => recordsPerSecond))),
      losses(ofLoad),
      sum(ofLoad.map(({ missing }) => missing)).toLocaleString("en"),
      range(spread(ofLoad.map(({ cpuPerMillion }) => 100 * cpuPerMillion))),
      milliseconds(ofLoad, "median"),
      milliseconds(ofLoad, "p99"),
    ]),
  };
}

async function runStream(context: BenchContext): Promise<Result> {
  const runs = await measureAll(context);
  const busy = runs.get(busyCore) ?? [];
  const lost = sum(busy.flatMap((run) => run.lost));
  const shares = spread(busy.map(({ cpuPerMillion }) => 100 * cpuPerMillion));
  return {
    tables: [describe(runs)],
    targets: [
      atMost(0, lost, " records", "stream at the full rate of one core, lost"),
      atMost(5, shares, " %", "stream at the full rate of one core, agent's share of a core per million records/s"),
    ],
    notes: [],
  };
}

export const stream: Scenario = {
  name: "stream",
  title: "Every system call as a record",
  method:
    "A tight loop of getppid(2) in `--syscall.mode=stream` with the default ring of 4 MiB: on one core at 10,000 and 100,000 calls a second, at full " +
    "rate, at full rate in 64 processes, the agent on another core; then on all cores at once, where the agent competes with the load. " +
    "Records are those of the whole machine. Each agent is warmed up by as much of the same load. CPU time is what the scheduler charges all threads of the agent, from before the load to " +
    "when the ring is empty again; *lost* is the agent's own account (ringtap_events_dropped_total), *not counted* compares the number of " +
    "calls that the load says it made with ringtap_syscalls_total. Delay is the time from the end of the call, as the BPF program stamped it, " +
    "to when the record has been counted: runs of their own, in a process with the agent's engine and tables and no web server, " +
    `which reads the clock after one record in ${timedEvery}. All figures are medians over the rounds.`,
  packages: [],
  run: runStream,
};
