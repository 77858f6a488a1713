/** What the agent takes by itself: time to start, CPU time while it idles, memory, space on disk. */
import { readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";

import { type Agent, seriesCount, startAgent, total } from "./lib/agent.js";
import { compileC } from "./lib/build.js";
import { startChild } from "./lib/child.js";
import { atMost, figure, range } from "./lib/figures.js";
import { run } from "./lib/programs.js";
import type { BenchContext, FigureTable, Result, Scenario, Target } from "./lib/scenario.js";
import { median, spread } from "./lib/spread.js";

/** Signals of the default configuration. */
const signals = ["process", "tcp", "syscall", "file"];

/** What start/series.c adds to the page: in all the histograms of its 30 calls, of 32 samples each; by process, calls, seconds and errors. */
const seriesOfProgram = 30 * 32;
const seriesOfProcess = 30 * 3;

/** Bytes. */
const megabyte = 1e6;

/** Seconds from the start of the process to the last byte of its first page with every signal up. */
async function measureStart(context: BenchContext): Promise<number> {
  const begin = performance.now();
  const agent = await startAgent(context, { anyCpu: true });
  const metrics = await agent.scrape();
  const took = performance.now() - begin;
  const down = signals.filter((signal) => total(metrics, "ringtap_signal_up", `signal="${signal}"`) !== 1);
  if (down.length > 0) {
    throw new Error(`signals not up: ${down.join(", ")}`);
  }
  await agent.stop();
  return took / 1e3;
}

/** The agent's share of a core over a time, with a scrape every so often, or none; times in seconds. */
async function measureIdle(agent: Agent, seconds: number, scrapeInterval?: number): Promise<number> {
  const before = agent.cpuSeconds();
  const scrapes =
    scrapeInterval === undefined ? undefined : setInterval(() => void agent.scrape(), 1e3 * scrapeInterval);
  await setTimeout(1e3 * seconds);
  clearInterval(scrapes);
  return (agent.cpuSeconds() - before) / seconds;
}

/** The agent has its start behind it after this time, milliseconds. */
const calmTime = 3_000;

/** Memory, megabytes. */
interface Memory {
  /** Series asked for. */
  readonly wanted: number;
  /** Series on the page. */
  readonly series: number;
  readonly resident: number;
  /** The most it has been. */
  readonly peak: number;
}

function memoryOf(pid: number): Pick<Memory, "resident" | "peak"> {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kilobytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]);
  return { resident: (kilobytes("VmRSS") * 1024) / megabyte, peak: (kilobytes("VmHWM") * 1024) / megabyte };
}

/** Memory after some scrapes of about so many series. */
async function measureMemory(context: BenchContext, program: string, series: number): Promise<Memory> {
  const agent = await startAgent(context, { flags: ["--series-limit=200000"], anyCpu: true });
  await setTimeout(context.quick ? 500 : calmTime);
  const others = seriesCount(await agent.scrape());
  const processes = Math.max(1, Math.round((series - others - seriesOfProgram) / seriesOfProcess));
  const load = startChild(context, program, processes.toString());
  await load.said(/ready/);
  const scrapes = 5;
  let metrics = "";
  for (let scrape = 0; scrape < scrapes; scrape++) {
    metrics = await agent.scrape();
    await setTimeout(context.quick ? 100 : 1_000);
  }
  const memory = memoryOf(agent.pid);
  await load.stop();
  await agent.stop();
  return { wanted: series, series: seriesCount(metrics), ...memory };
}

/** The packed and the unpacked npm package, megabytes. */
async function measurePackage({ root }: BenchContext): Promise<{ packed: number; unpacked: number }> {
  const packages = JSON.parse(await run("npm", "pack", "--dry-run", "--json", root)) as {
    size: number;
    unpackedSize: number;
  }[];
  const { size = NaN, unpackedSize = NaN } = packages[0] ?? {};
  return { packed: size / megabyte, unpacked: unpackedSize / megabyte };
}

async function idleFigures(context: BenchContext): Promise<{ without: number; scraped: number | undefined }> {
  const agent = await startAgent(context, { anyCpu: true });
  await agent.scrape();
  await setTimeout(context.quick ? 500 : calmTime);
  context.progress("idling");
  const seconds = context.quick ? 3 : 60;
  const without = await measureIdle(agent, seconds);
  const scraped = context.quick ? undefined : await measureIdle(agent, seconds, 15);
  await agent.stop();
  return { without, scraped };
}

async function runStart(context: BenchContext): Promise<Result> {
  const starts: number[] = [];
  for (let round = 1; round <= context.rounds; round++) {
    context.progress(`start ${round}`);
    starts.push(await measureStart(context));
  }
  const idle = await idleFigures(context);

  const program = compileC(context, "scripts/bench/start/series.c", "start-series");
  const memory: Memory[] = [];
  for (const series of context.quick ? [10_000] : [5_000, 10_000, 100_000]) {
    context.progress(`${series} series`);
    memory.push(await measureMemory(context, program, series));
  }
  const { packed, unpacked } = await measurePackage(context);

  const figures: FigureTable = {
    headings: ["figure", "measured"],
    rows: [
      ["start to first complete /metrics, s", range(spread(starts))],
      ["idle, no scrape, % of a core", figure(100 * idle.without)],
      ...(idle.scraped === undefined ? [] : [["idle, a scrape every 15 s, % of a core", figure(100 * idle.scraped)]]),
      ["npm package, packed, MB", figure(packed)],
      ["npm package, unpacked, MB", figure(unpacked)],
    ],
  };
  const memoryTable: FigureTable = {
    caption: "Memory by series on the page, after five scrapes",
    headings: ["series", "resident, MB", "at its peak, MB"],
    rows: memory.map(({ series, resident, peak }) => [series.toLocaleString("en"), figure(resident), figure(peak)]),
  };
  return {
    tables: [figures, memoryTable],
    targets: [
      atMost(1, median(starts), " s", "start to first complete /metrics"),
      atMost(0.3, 100 * Math.max(idle.without, idle.scraped ?? 0), " %", "idle, share of a core"),
      ...memory.flatMap(memoryTarget),
    ],
    notes: [],
  };
}

/** Megabytes that so many series may take. */
const memoryLimits = new Map([
  [10_000, 110],
  [100_000, 160],
]);

function memoryTarget({ wanted, series, resident }: Memory): Target[] {
  const limit = memoryLimits.get(wanted);
  const what = `resident memory at ${wanted.toLocaleString("en")} series (${series.toLocaleString("en")} on the page)`;
  return limit === undefined ? [] : [atMost(limit, resident, " MB", what)];
}

export const start: Scenario = {
  name: "start",
  title: "Start, idling, memory and size",
  method:
    "The agent with its default signals (process, tcp, syscall in aggregate mode, file). Start is the time from the start of the process to the " +
    "last byte of the first page that shows every signal up. Idle CPU is what the scheduler charges all its threads over a minute, " +
    "beside whatever else the machine does, first without a scrape, then with one every 15 s. For the memory, processes fail in 30 different " +
    "system calls each and stay: 90 series each, of calls, seconds and errors; the count is that of all samples on the page.",
  packages: [],
  run: runStart,
};
