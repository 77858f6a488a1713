/**
 * Measures what ringtap costs beside its peers, and writes docs/benchmarks.md.
 *
 *   npm run bench [-- --quick|--profile] [scenario…]
 *
 * A full run keeps its results in dist/bench/results/, so that one scenario can be measured again without the others. With --profile
 * nothing is measured: the scenarios named write CPU profiles into dist/bench/.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { drain } from "./drain.js";
import { conditionsNow } from "./lib/machine.js";
import { pageText, resultText, type KeptResult } from "./lib/report.js";
import type { BenchContext, Scenario } from "./lib/scenario.js";
import { idle } from "./idle.js";
import { l7 } from "./l7.js";
import { load } from "./load.js";
import { node } from "./node.js";
import { page } from "./page.js";
import { parts } from "./parts.js";
import { scrape } from "./scrape.js";
import { start } from "./start.js";
import { stream } from "./stream.js";
import { syscall } from "./syscall.js";
import { tcp } from "./tcp.js";

/** In the order of the page. `drain` measures this process, so it goes first. */
const scenarios: readonly Scenario[] = [drain, load, l7, syscall, node, parts, stream, tcp, scrape, page, start, idle];

/** npm runs scripts in the package's folder. */
const root = process.cwd();
const profiles = join(root, "dist/bench");
const kept = join(profiles, "results");

/** Rounds of a full and of a quick run. */
const rounds = { full: 7, quick: 3 };

function installPackages(chosen: readonly Scenario[]): void {
  const missing = [...new Set(chosen.flatMap(({ packages }) => packages))].filter((name) => {
    try {
      execFileSync("dpkg-query", ["-W", name], { stdio: "ignore" });
      return false;
    } catch {
      return true;
    }
  });
  if (missing.length > 0) {
    console.error(`bench: installing ${missing.join(" ")}`);
    execFileSync("apt-get", ["-q", "update"], { stdio: ["ignore", "ignore", "inherit"] });
    execFileSync("apt-get", ["-q", "-y", "install", "--no-install-recommends", ...missing], {
      stdio: ["ignore", "ignore", "inherit"],
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
  }
}

function keptResults(): Map<string, KeptResult> {
  const results = new Map<string, KeptResult>();
  for (const { name } of scenarios) {
    const path = join(kept, `${name}.json`);
    if (existsSync(path)) {
      results.set(name, JSON.parse(readFileSync(path, "utf8")) as KeptResult);
    }
  }
  return results;
}

/** Reports an error; the run goes on, and ends with status 1. */
function reportError(what: string, error: unknown): void {
  console.error(`bench: ${what}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  process.exitCode = 1;
}

/** Runs `work` of a scenario with a context of its own, and tidies up behind it. `undefined` when it fails, which is not the end. */
async function attempt<T>(
  { name }: Scenario,
  quick: boolean,
  work: (context: BenchContext) => Promise<T>,
): Promise<T | undefined> {
  const scratch = mkdtempSync(join(tmpdir(), `ringtap-bench-${name}-`));
  const tidies: (() => unknown)[] = [() => rmSync(scratch, { recursive: true, force: true })];
  const context: BenchContext = {
    quick,
    rounds: quick ? rounds.quick : rounds.full,
    root,
    scratch,
    progress: (text) => {
      console.error(`bench: ${name}: ${text}`);
    },
    after: (tidy) => {
      tidies.push(tidy);
    },
  };
  try {
    return await work(context);
  } catch (error) {
    reportError(`${name} failed`, error);
    return undefined;
  } finally {
    for (const tidy of tidies.reverse()) {
      await tidy();
    }
  }
}

async function measure(chosen: readonly Scenario[], quick: boolean): Promise<void> {
  const conditions = conditionsNow(root);
  for (const scenario of chosen) {
    const result = await attempt(scenario, quick, (context) => scenario.run(context));
    if (result === undefined) {
      continue;
    }
    console.log(`## ${scenario.title}\n\n${resultText(result)}`);
    if (!quick) {
      writeFileSync(join(kept, `${scenario.name}.json`), JSON.stringify({ ...result, conditions }, undefined, 2));
    }
  }
  if (!quick) {
    const notes = readFileSync(join(root, "scripts/bench/notes.md"), "utf8");
    writeFileSync(join(root, "docs/benchmarks.md"), pageText(scenarios, keptResults(), notes));
    console.error("bench: wrote docs/benchmarks.md");
  }
}

async function profile(chosen: readonly Scenario[]): Promise<void> {
  for (const scenario of chosen) {
    await attempt(scenario, false, async (context) => scenario.profile?.(context, profiles));
  }
}

async function main(args: string[]): Promise<void> {
  const { values, positionals: names } = parseArgs({
    args,
    options: { quick: { type: "boolean", default: false }, profile: { type: "boolean", default: false } },
    allowPositionals: true,
  });
  const known = values.profile ? scenarios.filter((scenario) => scenario.profile !== undefined) : scenarios;
  const unknown = names.find((name) => !known.some((scenario) => scenario.name === name));
  if (unknown !== undefined) {
    throw new Error(`scenario ${JSON.stringify(unknown)}: want ${known.map(({ name }) => name).join(", ")}`);
  }
  if (process.geteuid?.() !== 0) {
    throw new Error("benchmarks load BPF programs: run as root");
  }
  const chosen = known.filter(({ name }) => names.length === 0 || names.includes(name));
  mkdirSync(kept, { recursive: true });
  if (values.profile) {
    await profile(chosen);
    return;
  }
  if (!values.quick) {
    installPackages(chosen);
  }
  await measure(chosen, values.quick);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  reportError("nothing was measured", error);
}
