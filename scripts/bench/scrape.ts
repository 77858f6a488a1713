/** scrape: what a render of /metrics costs, and how long it keeps the event loop from everything else. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { atLeast, atMost, figure, range } from "./lib/figures.js";
import { LineProgram } from "./lib/line-program.js";
import type { BenchContext, Result, Scenario, Target } from "./lib/scenario.js";
import { interleave, median, ratio, spread } from "./lib/spread.js";
import type { Rendered } from "./scrape/holder.js";

const holder = fileURLToPath(new URL("./scrape/holder.js", import.meta.url));

/** Lines of a histogram's label set: 29 buckets, +Inf, sum, count. */
const linesOfHistogram = 32;

/** Renders before the first that counts. */
const warmUps = 5;

const contenders = ["ringtap", "prom-client"] as const;
type Name = (typeof contenders)[number];

interface Case {
  readonly series: number;
  /** How much of them are lines of histograms. */
  readonly histogramShare: number;
}

interface Measured {
  readonly times: readonly number[];
  readonly stalls: readonly number[];
  readonly bytes: number;
  readonly allocated: number;
}

async function measure(context: BenchContext, { series, histogramShare }: Case): Promise<ReadonlyMap<Name, Measured>> {
  const histograms = Math.round((series * histogramShare) / linesOfHistogram);
  const counters = series - histograms * linesOfHistogram;
  const rendered = new Map<Name, Rendered[]>();
  const holders = contenders.map((name) => {
    const program = new LineProgram(process.execPath, [holder, name, `${counters}`, `${histograms}`]);
    const ask = async (request: "time" | "allocations"): Promise<Rendered> =>
      JSON.parse(await program.ask(request)) as Rendered;
    rendered.set(name, []);
    return { name, program, ask };
  });
  for (const { ask } of holders) {
    for (let warmUp = 0; warmUp < warmUps; warmUp++) {
      await ask("time");
    }
  }
  await interleave(
    context.rounds,
    holders.map(({ name, ask }) => ({
      name,
      async measure() {
        const one = await ask("time");
        rendered.get(name)?.push(one);
        return one.time;
      },
    })),
  );
  const measured = new Map<Name, Measured>();
  for (const { name, program, ask } of holders) {
    const all = rendered.get(name) ?? [];
    const { bytes, allocated } = await ask("allocations");
    measured.set(name, { times: all.map(({ time }) => time), stalls: all.map(({ stall }) => stall), bytes, allocated });
    await program.close();
  }
  return measured;
}

function rowsOf({ series, histogramShare }: Case, measured: ReadonlyMap<Name, Measured>): string[][] {
  const own = measured.get("ringtap")?.times ?? [];
  return [...measured].map(([name, { times, stalls, bytes, allocated }]) => [
    series.toLocaleString("en"),
    histogramShare === 0 ? "counters" : "half of them histograms'",
    name,
    range(spread(times)),
    figure(ratio(times, own)),
    range(spread(stalls)),
    figure(bytes / 1e6),
    figure(allocated / 1e6),
  ]);
}

function targetsOf(measured: ReadonlyMap<Name, Measured>, what: string): Target[] {
  const own = measured.get("ringtap");
  const peer = measured.get("prom-client");
  if (own === undefined || peer === undefined) {
    return [];
  }
  return [
    atLeast(5, ratio(peer.times, own.times), " × faster than prom-client", what),
    atMost(5, median(own.stalls), " ms longest stall", what),
  ];
}

async function run(context: BenchContext): Promise<Result> {
  const sizes = context.quick ? [1_000, 10_000] : [1_000, 10_000, 100_000];
  const largest = sizes.at(-1) ?? 0;
  const cases: Case[] = [
    ...sizes.map((series) => ({ series, histogramShare: 0 })),
    { series: largest, histogramShare: 0.5 },
  ];
  const rows: string[][] = [];
  const targets: Target[] = [];
  for (const one of cases) {
    context.progress(`${one.series} series${one.histogramShare > 0 ? ", half of them histograms'" : ""}`);
    const measured = await measure(context, one);
    rows.push(...rowsOf(one, measured));
    if (one.series === 100_000) {
      targets.push(
        ...targetsOf(measured, `scrape of 100,000 series${one.histogramShare > 0 ? ", half histograms'" : ""}`),
      );
    }
  }
  const headings = ["series", "of", "by", "time, ms", "÷ ringtap", "longest stall, ms", "MB", "MB allocated"];
  const { version } = JSON.parse(readFileSync(join(context.root, "node_modules/prom-client/package.json"), "utf8")) as {
    version: string;
  };
  return { tables: [{ headings, rows }], targets, notes: [`prom-client ${version}.`] };
}

const method = `Two processes hold the same series, ringtap's tables in one and prom-client's registry in the other; they render in turns. Time
is from the request to the last byte in a Buffer, what an HTTP server needs. A series is a line of the text: a label set of a counter, or a bucket, sum or
count of a histogram. The longest stall is the longest time between two turns of the event loop during a render: so long does a ring wait for its
drain. Allocated is what a render makes on V8's heap, dead or alive, by GCProfiler; the bytes of the text itself, which either leaves in
Buffers outside that heap, come on top.`;

export const scrape: Scenario = { name: "scrape", title: "Scrape", method, packages: [], run };
