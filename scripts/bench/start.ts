/** What the agent takes by itself: time to start, memory, space on disk. */
import { readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";

import { loadSignal } from "../../src/engine/load.js";
import { signals as builtIn } from "../../src/signals/index.js";
import { seriesCount, startAgent, total } from "./lib/agent.js";
import { compileC } from "./lib/build.js";
import { startChild } from "./lib/child.js";
import { atMost, figure, range } from "./lib/figures.js";
import { run } from "./lib/programs.js";
import type { BenchContext, FigureTable, Result, Scenario, Target } from "./lib/scenario.js";
import { spread } from "./lib/spread.js";

/** Signals of the default configuration. */
const signals = ["process", "tcp", "syscall", "file"];

/** Bytes. */
const megabyte = 1e6;

/** The agent has its start behind it after this time, milliseconds. */
const calmTime = 3_000;

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

/** Seconds that a Node takes which does nothing. */
async function measureNode(context: BenchContext): Promise<number> {
  const begin = performance.now();
  await startChild(context, process.execPath, "-e", "0").ended;
  return (performance.now() - begin) / 1e3;
}

/** Seconds of a processor that the kernel takes for the programs and maps of these signals, loaded one after the other. */
function measureKernel(): number {
  const before = process.cpuUsage();
  for (const signal of builtIn.filter(({ name }) => signals.includes(name))) {
    loadSignal(signal).close();
  }
  return process.cpuUsage(before).system / 1e6;
}

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

/**
 * What start/series.c adds to the page: in all, the histograms of its 30 calls, of 32 samples each; by process, calls, seconds and
 * errors of each, and some calls and seconds of what a process does besides.
 */
const seriesOfProgram = 30 * 32;
const seriesOfProcess = 30 * 3 + 11;

/** Scrapes before memory is read: the page's buffers have their size by then. */
const scrapes = 5;

function memoryOf(pid: number): Pick<Memory, "resident" | "peak"> {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kilobytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]);
  return { resident: (kilobytes("VmRSS") * 1024) / megabyte, peak: (kilobytes("VmHWM") * 1024) / megabyte };
}

/** Memory after some scrapes of about so many series. */
async function measureMemory(context: BenchContext, program: string, series: number): Promise<Memory> {
  context.progress(`${series} series`);
  const agent = await startAgent(context, { flags: ["--series-limit=100000"], anyCpu: true });
  await setTimeout(context.quick ? 500 : calmTime);
  const others = seriesCount(await agent.scrape());
  const processes = Math.max(0, Math.round((series - others - seriesOfProgram) / seriesOfProcess));
  const load = startChild(context, program, processes.toString());
  await load.said(/ready/);
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

/** Megabytes that so many series may take. */
const memoryLimits = new Map([
  [10_000, 85],
  [100_000, 125],
]);

function memoryTarget({ wanted, series, resident }: Memory): Target[] {
  const limit = memoryLimits.get(wanted);
  const what = `resident memory at ${wanted.toLocaleString("en")} series (${series.toLocaleString("en")} on the page)`;
  return limit === undefined ? [] : [atMost(limit, resident, " MB", what)];
}

async function runStart(context: BenchContext): Promise<Result> {
  const starts: number[] = [];
  const nodes: number[] = [];
  const kernels: number[] = [];
  for (let round = 1; round <= context.rounds; round++) {
    context.progress(`start ${round}`);
    nodes.push(await measureNode(context));
    kernels.push(measureKernel());
    starts.push(await measureStart(context));
  }
  const program = compileC(context, "scripts/bench/start/series.c", "start-series");
  const memory: Memory[] = [];
  for (const series of context.quick ? [10_000] : [1_000, 10_000, 100_000]) {
    memory.push(await measureMemory(context, program, series));
  }
  const { packed, unpacked } = await measurePackage(context);

  const figures: FigureTable = {
    headings: ["figure", "measured"],
    rows: [
      ["start to first complete /metrics, s", range(spread(starts))],
      ["of which a Node that does nothing, s", range(spread(nodes))],
      ["the kernel's part of loading these signals, seconds of a processor", range(spread(kernels))],
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
    targets: [atMost(0.4, spread(starts), " s", "start to first complete /metrics"), ...memory.flatMap(memoryTarget)],
    notes: [],
  };
}

export const start: Scenario = {
  name: "start",
  title: "Start, memory and size",
  method:
    "The agent with its default signals (process, tcp, syscall in aggregate mode, file). Start is the time from the start of the process to the " +
    "last byte of the first page that shows every signal up. What the kernel takes for it, the verifier above all, is shared by all processors, and " +
    "does not include what libbpf does. For the memory, processes fail in 30 different system calls each and stay, about 100 series each, of calls, seconds and errors; the count is that of all samples on the page. The npm " +
    "package is that of `npm pack`, without the packages that it depends on. There is no container image yet whose size could be told.",
  packages: [],
  run: runStart,
};
