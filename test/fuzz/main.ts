/**
 * The differential fuzzer: random programs of socket, process, file and other system calls, each in a network namespace of its own,
 * whose counts in ringtap's /metrics are compared with what the program knows that it did and with the kernel's own counters.
 *
 *   npm run test:fuzz [-- --minutes N] [--seed S,…] [--operations N] [--without WORD,…] [--file PATH] [--main MAIN.JS]
 *
 * A seed determines its programs; without one it is random, and printed. A program that differs is made as small as it gets and
 * written to dist/fuzz/, with what was expected and counted. Exit status 1 when one differed.
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { chooseHierarchy } from "../../src/host/cgroup-hierarchy.js";
import { startAgent, unlimitedSeries } from "../kernel/support/agent.js";
import { controlGroup, hierarchy } from "../kernel/support/cgroups.js";
import { Comparison, Inconclusive } from "./comparison.js";
import type { Difference } from "./counted.js";
import { generate } from "./generate.js";
import { repetitions, report, tableOf } from "./report.js";
import { Program } from "./run.js";

/** Programs between two scrapes. */
const batch = 8;

/** How often programs are run of which nothing can be said. */
const mostTries = 10;

/** After so many programs that differ the fuzzer ends. */
const mostFindings = 5;

/**
 * What the agent runs with: series, processes and rings enough for the programs of half a minute, whenever it gets a processor; and series of
 * processes that have ended stay until the last of a batch has, however long that takes.
 */
const agentFlags = [
  "--labels=pid,comm,cgroup",
  ...unlimitedSeries,
  "--ring.size=32MiB",
  "--identity-limit=200000",
  "--syscall.counts-limit=262144",
  "--scrape-interval=10m",
];

/** What is to be tidied up, last things first. */
class Tasks {
  readonly #tasks: (() => unknown)[] = [];

  after(task: () => unknown): void {
    this.#tasks.push(task);
  }

  async end(): Promise<void> {
    for (const task of this.#tasks.splice(0).reverse()) {
      await task();
    }
  }
}

interface Options {
  readonly minutes: number;
  readonly seeds: readonly string[];
  readonly operations: number;
  /** Words of operations that are left out. */
  readonly without: ReadonlySet<string>;
  readonly file: string | undefined;
  /** Another build's main.js. */
  readonly main: string | undefined;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "1" },
      seed: { type: "string", default: "random" },
      operations: { type: "string", default: "80" },
      without: { type: "string", default: "" },
      file: { type: "string" },
      main: { type: "string" },
    },
  });
  const positive = (name: "minutes" | "operations"): number => {
    const value = Number(values[name]);
    if (!(value > 0)) {
      throw new Error(`--${name} ${values[name]}: must be a number above 0`);
    }
    return value;
  };
  return {
    minutes: positive("minutes"),
    seeds: values.seed.split(",").map((seed) => (seed === "random" ? randomBytes(4).toString("hex") : seed)),
    operations: positive("operations"),
    without: new Set(values.without.split(",")),
    file: values.file,
    main: values.main,
  };
}

/** Compares programs; tries again when nothing can be said, as on a machine that has other work for all processors. */
async function compare(comparison: Comparison, programs: readonly string[][]): Promise<Difference[][]> {
  for (let tries = 1; ; tries++) {
    try {
      return await comparison.compare(programs);
    } catch (error) {
      if (!(error instanceof Inconclusive) || tries === mostTries) {
        throw error;
      }
      console.log(`again: ${error.message}`);
    }
  }
}

/** Compares programs of a seed until `deadline`; of a seed with a number, such as `7/12`, that one. Returns how many differed. */
async function fuzz(
  comparison: Comparison,
  seed: string,
  { operations, without }: Options,
  deadline: number,
): Promise<number> {
  const isOne = seed.includes("/");
  let findings = 0;
  for (
    let first = 0;
    first === 0 || (!isOne && findings < mostFindings && performance.now() < deadline);
    first += batch
  ) {
    const seeds = isOne ? [seed] : Array.from({ length: batch }, (_, index) => `${seed}/${first + index}`);
    const programs = seeds.map((each) => generate(each, operations, without));
    const found = await compare(comparison, programs);
    for (const [index, each] of found.entries()) {
      if (each.length > 0 && findings < mostFindings) {
        findings++;
        console.log(await report(comparison, seeds[index] ?? seed, programs[index] ?? [], each));
      }
    }
  }
  return findings;
}

async function main(tasks: Tasks): Promise<number> {
  const options = readOptions();
  const folder = mkdtempSync(join(tmpdir(), "ringtap-fuzz-"));
  tasks.after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const root = hierarchy(chooseHierarchy("auto") === "unified" ? "cgroup2" : "pids");
  const groups = `/ringtap-fuzz-${process.pid}-`;
  for (const name of ["g0", "g1", "g2"]) {
    controlGroup(tasks, root, `${groups}${name}`);
  }
  const agent = await startAgent(tasks, agentFlags, options.main === undefined ? {} : { main: options.main });
  const program = new Program(folder, `${root}${groups}`);
  tasks.after(() => {
    program.close();
  });
  const comparison = new Comparison(agent, program, groups);
  if (options.file !== undefined) {
    const lines = readFileSync(options.file, "utf8").trimEnd().split("\n");
    const found = await comparison.findIn(lines, repetitions);
    console.log(found.length === 0 ? "no difference" : tableOf(found).join("\n"));
    return found.length === 0 ? 0 : 1;
  }
  let findings = 0;
  for (const seed of options.seeds) {
    console.log(`seed ${seed}`);
    const deadline = performance.now() + (options.minutes * 60_000) / options.seeds.length;
    findings += await fuzz(comparison, seed, options, deadline);
  }
  console.log(`${comparison.runs} programs, ${comparison.operations} operations: ${findings} differed`);
  return findings === 0 ? 0 : 1;
}

const tasks = new Tasks();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    void tasks.end().finally(() => process.exit(130));
  });
}
try {
  process.exitCode = await main(tasks);
} catch (error) {
  console.error(`fuzz: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 2;
} finally {
  await tasks.end();
}
