/**
 * Measures what ringtap costs beside its peers, and writes docs/benchmarks.md.
 *
 *   npm run bench [-- --quick] [scenario…]
 *
 * A full run keeps its results in dist/bench/, so that one scenario can be measured again without the others.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { drain } from "./bench/drain.js";
import { describeMachine } from "./bench/lib/machine.js";
import { pageText, resultText, type KeptResult } from "./bench/lib/report.js";
import type { BenchContext, Result, Scenario } from "./bench/lib/scenario.js";
import { parts } from "./bench/parts.js";
import { scrape } from "./bench/scrape.js";
import { start } from "./bench/start.js";
import { stream } from "./bench/stream.js";
import { syscall } from "./bench/syscall.js";
import { tcp } from "./bench/tcp.js";

/** In the order of the page. `drain` measures this process, so it goes first. */
const scenarios: readonly Scenario[] = [drain, syscall, parts, stream, tcp, scrape, start];

/** npm runs scripts in the package's folder. */
const root = process.cwd();
const kept = join(root, "dist/bench");

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

async function runScenario(scenario: Scenario, quick: boolean): Promise<Result> {
  const scratch = mkdtempSync(join(tmpdir(), `ringtap-bench-${scenario.name}-`));
  const tidies: (() => unknown)[] = [() => rmSync(scratch, { recursive: true, force: true })];
  const context: BenchContext = {
    quick,
    rounds: quick ? rounds.quick : rounds.full,
    root,
    scratch,
    progress: (text) => {
      console.error(`bench: ${scenario.name}: ${text}`);
    },
    after: (tidy) => {
      tidies.push(tidy);
    },
  };
  try {
    return await scenario.run(context);
  } finally {
    for (const tidy of tidies.reverse()) {
      await tidy();
    }
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

/** Says what went wrong; the run goes on, and ends with status 1. */
function complain(what: string, error: unknown): void {
  console.error(`bench: ${what}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  process.exitCode = 1;
}

async function main(args: readonly string[]): Promise<void> {
  const quick = args.includes("--quick");
  const names = args.filter((arg) => arg !== "--quick");
  const unknown = names.find((name) => !scenarios.some((scenario) => scenario.name === name));
  if (unknown !== undefined) {
    const known = scenarios.map(({ name }) => name).join(", ");
    throw new Error(`scenario ${JSON.stringify(unknown)}: there are ${known}, and --quick`);
  }
  if (process.geteuid?.() !== 0) {
    throw new Error("benchmarks load BPF programs: run as root");
  }
  const chosen = scenarios.filter(({ name }) => names.length === 0 || names.includes(name));
  if (!quick) {
    installPackages(chosen);
  }
  const machine = describeMachine();
  for (const scenario of chosen) {
    const result = await runScenario(scenario, quick).catch((error: unknown) => {
      complain(`${scenario.name} failed`, error);
    });
    if (result === undefined) {
      continue;
    }
    console.log(`## ${scenario.title}\n\n${resultText(result)}`);
    if (!quick) {
      mkdirSync(kept, { recursive: true });
      const date = new Date().toISOString().slice(0, 10);
      writeFileSync(join(kept, `${scenario.name}.json`), JSON.stringify({ ...result, date, machine }, undefined, 2));
    }
  }
  if (!quick) {
    const notes = readFileSync(join(root, "scripts/bench/notes.md"), "utf8");
    writeFileSync(join(root, "docs/benchmarks.md"), pageText(scenarios, keptResults(), notes));
    console.error("bench: wrote docs/benchmarks.md");
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  complain("nothing was measured", error);
}
