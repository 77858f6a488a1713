/**
 * Runs the agent under what makes agents lose events or grow, and prints what became of them.
 *
 *   npm run test:soak [-- --minutes N]
 *
 * First the agent stands still for a minute. Then, in turn, again and again: a flood of system calls from every core, processes that live 5 ms under ever new names, connections
 * that are opened and held. Scraped every two seconds all the time. Exit status 1 when the books do not balance, when connections
 * are not counted exactly, or when memory has grown since the first round or beyond what the agent says at its start.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type Agent, startAgent, total } from "./bench/lib/agent.js";
import { compileC } from "./bench/lib/build.js";

/** One round. */
const load = { calls: 20_000_000, processes: 20_000, comms: 5_000, connections: 100_000 };

const scrapeInterval = 2_000;

/** How long the agent is stopped before the rounds, milliseconds. */
const standstill = 60_000;

/** Memory may grow by so much from the end of the first round to that of the last, as a share. */
const growthAllowed = 0.1;

const signals = ["process", "tcp", "syscall", "file"] as const;
const reasons = ["ring_full", "map_full", "sampled", "handler_error", "corrupt"] as const;

interface Scrape {
  readonly milliseconds: number;
  readonly page: string;
}

async function timed(agent: Agent): Promise<Scrape> {
  const start = performance.now();
  const page = await agent.scrape();
  return { milliseconds: performance.now() - start, page };
}

function megabytes(page: string): number {
  return total(page, "process_resident_memory_bytes") / 1e6;
}

async function ended(child: ChildProcess): Promise<void> {
  const [status] = (await once(child, "close")) as [number | null];
  if (status !== 0) {
    throw new Error(`${child.spawnargs.join(" ")}: exit status ${String(status)}`);
  }
}

function start(program: string, ...args: readonly (string | number)[]): ChildProcess {
  return spawn(program, args.map(String), { stdio: ["pipe", "pipe", "inherit"] });
}

/** Opens the connections, returns how many ends the agent shows as open, and closes them. */
async function holdConnections(program: string, agent: Agent): Promise<number> {
  const child = start(program, "connections", load.connections);
  const closed = ended(child);
  await Promise.race([once(child.stdout as NodeJS.ReadableStream, "data"), closed]);
  const { page } = await timed(agent);
  child.stdin?.end();
  await closed;
  return total(page, "ringtap_tcp_connections");
}

async function runRound(program: string, agent: Agent): Promise<number> {
  const floods = Array.from({ length: availableParallelism() }, (_, cpu) => start(program, "calls", cpu, load.calls));
  await Promise.all(floods.map(ended));
  await ended(start(program, "processes", load.processes, load.comms));
  return holdConnections(program, agent);
}

/** The books of all signals as rows of a table; throws when they do not balance. */
function books(page: string): string[] {
  return signals.map((signal) => {
    const events = (kind: string, reason = ""): number =>
      total(
        page,
        `ringtap_events_${kind}_total`,
        `signal="${signal}"`,
        ...(reason === "" ? [] : [`reason="${reason}"`]),
      );
    const [produced, consumed] = [events("produced"), events("consumed")];
    const dropped = reasons.map((reason) => events("dropped", reason));
    const rest = produced - consumed - dropped.reduce((sum, count) => sum + count, 0);
    // While the machine goes on, what lies in the ring has been produced and not yet consumed.
    if (rest < 0 || rest > 1_000) {
      throw new Error(`signal ${signal}: ${rest} events of ${produced} are neither consumed nor dropped`);
    }
    return `| ${[signal, produced, consumed, ...dropped, rest].join(" | ")} |`;
  });
}

/** Stops the agent while processes come and go; the books must balance when it goes on. Returns how long the next scrape took. */
async function standStill(program: string, agent: Agent): Promise<number> {
  process.kill(agent.pid, "SIGSTOP");
  await Promise.all([pause(standstill), ended(start(program, "processes", load.processes, load.comms))]);
  process.kill(agent.pid, "SIGCONT");
  const { milliseconds, page } = await timed(agent);
  books(page);
  return milliseconds;
}

const { values } = parseArgs({ options: { minutes: { type: "string", default: "10" } } });
const minutes = Number(values.minutes);
if (!(minutes > 0)) {
  console.error(`soak: --minutes ${JSON.stringify(values.minutes)}: want a number above 0`);
  process.exit(2);
}

const root = process.cwd();
const scratch = mkdtempSync(join(tmpdir(), "ringtap-soak-"));
const tidies: (() => unknown)[] = [() => rmSync(scratch, { recursive: true })];
try {
  const program = compileC({ root, scratch }, "scripts/soak/load.c", "soak-load");
  const context = { root, after: (tidy: () => unknown) => tidies.push(tidy) };
  const agent = await startAgent(context, { anyCpu: true });
  const [, budget = ""] = await agent.said(/msg="memory at most" kernel=\S+ agent=(\d+)MiB/);
  const firstScrape = await standStill(program, agent);
  const scrapes: Scrape[] = [];
  let scraping = Promise.resolve();
  const timer = setInterval(() => {
    scraping = scraping.then(async () => {
      scrapes.push(await timed(agent));
    });
  }, scrapeInterval);
  tidies.push(() => {
    clearInterval(timer);
  });

  const { page: first } = await timed(agent);
  const openBefore = total(first, "ringtap_tcp_connections");
  const memory: number[] = [];
  const deadline = performance.now() + minutes * 60_000;
  do {
    const open = await runRound(program, agent);
    if (Math.abs(open - openBefore - 2 * load.connections) > 10) {
      throw new Error(`${open - openBefore} ends of connections are shown as open, not ${2 * load.connections}`);
    }
    memory.push(megabytes((await timed(agent)).page));
    console.error(`soak: round ${memory.length}, ${memory.at(-1)?.toFixed(0) ?? ""} MB`);
  } while (performance.now() < deadline);

  clearInterval(timer);
  await scraping;
  const { page } = await timed(agent);
  execFileSync("promtool", ["check", "metrics"], { input: page });
  const times = scrapes.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
  const stall = Math.max(...scrapes.map((scrape) => total(scrape.page, "nodejs_eventloop_lag_max_seconds")));
  const [warm = NaN] = memory;
  const last = memory.at(-1) ?? NaN;
  const done = (each: number): string => (each * memory.length).toLocaleString("en");
  console.log(`| signal | produced | consumed | ${reasons.join(" | ")} | in the ring |
|${" --- |".repeat(4 + reasons.length)}
${books(page).join("\n")}

| | |
| --- | --- |
| rounds | ${memory.length} |
| system calls in floods, besides all others | ${done(load.calls * availableParallelism())} |
| processes of 5 ms | ${done(load.processes)} |
| connections opened and held | ${done(load.connections)} |
| resident memory before, after the first round, at the end, MB | ${[megabytes(first), warm, last].map((mb) => mb.toFixed(0)).join(", ")} |
| memory that the agent said it takes at most, MB | ${(Number(budget) * 1.048576).toFixed(0)} |
| first scrape after a minute's standstill, ms | ${firstScrape.toFixed(0)} |
| series at the end, folded updates | ${total(page, "ringtap_series")}, ${total(page, "ringtap_series_folded_total")} |
| processes remembered at the end | ${total(page, "ringtap_identities")} |
| scrape p50, p99, longest, ms | ${[0.5, 0.99, 1].map((share) => (times[Math.ceil(share * times.length) - 1] ?? NaN).toFixed(0)).join(", ")} |
| longest stall of the event loop, ms | ${(stall * 1000).toFixed(0)} |`);
  if (Math.max(...memory) > Number(budget) * 1.048576) {
    throw new Error(`memory of ${Math.max(...memory).toFixed(0)} MB is more than the agent said: ${budget} MiB`);
  }
  if (last > warm * (1 + growthAllowed)) {
    throw new Error(`memory grew from ${warm.toFixed(0)} to ${last.toFixed(0)} MB`);
  }
} catch (error) {
  console.error(`soak: ${(error as Error).message}`);
  process.exitCode = 1;
} finally {
  for (const tidy of tidies.reverse()) {
    await tidy();
  }
}
