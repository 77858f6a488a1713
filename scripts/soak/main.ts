/**
 * Runs the agent under loads that make agents lose events or grow, and prints event counts and memory.
 *
 *   npm run test:soak [-- --minutes N]
 *
 * First the agent stands still for a minute. Then, in turn, again and again: a flood of system calls from every core, processes
 * that live 5 ms under ever new names, connections that are opened and held. Scraped every two seconds all the time. Exit status 1
 * when event counts do not add up, when connections are not counted exactly, or when memory has grown since the tables were full, or
 * beyond what the agent says at its start.
 *
 * Agent and scraper run at the priority that the systemd unit gives the agent, the load at the usual one.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, setPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type Agent, startAgent, total } from "../bench/lib/agent.js";
import { compileC } from "../bench/lib/build.js";

/** Nice= of deploy/systemd/ringtap.service. */
const priority = -10;

/** One round. */
const load = { calls: 20_000_000, processes: 20_000, comms: 5_000, connections: 100_000 };

const scrapeInterval = 2_000;

/** How long the agent is stopped before the rounds, milliseconds. */
const standstill = 60_000;

/** Memory may grow by so much from the end of the first round that has filled the process table to that of the last, as a share. */
const growthAllowed = 0.1;

/** As full as the process table becomes: room is made before there is none. */
const full = 0.9;

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

/** Starts a load at the usual priority. */
function start(program: string, ...args: readonly (string | number)[]): ChildProcess {
  const nice = ["-n", -priority, program, ...args].map(String);
  return spawn("nice", nice, { stdio: ["pipe", "pipe", "inherit"] });
}

/** Processes under names that no round before had. */
function shortLives(program: string, round: number): Promise<void> {
  return ended(start(program, "processes", load.processes, load.comms, round * load.comms));
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

async function runRound(program: string, agent: Agent, round: number): Promise<number> {
  const floods = Array.from({ length: availableParallelism() }, (_, cpu) => start(program, "calls", cpu, load.calls));
  await Promise.all(floods.map(ended));
  await shortLives(program, round);
  return holdConnections(program, agent);
}

interface Round {
  /** Megabytes. */
  readonly memory: number;
  /** Of the process table, as a share. */
  readonly fill: number;
}

interface Scrapes {
  /** How long each took. */
  readonly milliseconds: number[];
  /** Of the agent's event loop, seconds. */
  readonly longestStall: () => number;
  /** Rejects when a scrape fails. */
  readonly failed: Promise<never>;
  /** Resolves when the last one is over. */
  readonly stop: () => Promise<void>;
}

/** Scrapes every two seconds, or as fast as the agent answers. */
function scrapeEvery(agent: Agent): Scrapes {
  const milliseconds: number[] = [];
  let longest = 0;
  const stopping = new AbortController();
  const { signal } = stopping;
  async function go(): Promise<void> {
    while (!signal.aborted) {
      const [scrape] = await Promise.all([
        timed(agent),
        pause(scrapeInterval, undefined, { signal }).catch(() => undefined),
      ]);
      milliseconds.push(scrape.milliseconds);
      longest = Math.max(longest, total(scrape.page, "nodejs_eventloop_lag_max_seconds"));
    }
  }
  const going = go();
  const failed = new Promise<never>((_, reject) => {
    going.catch((cause: unknown) => {
      reject(new Error("scraping failed", { cause }));
    });
  });
  return {
    milliseconds,
    failed,
    longestStall: () => longest,
    stop: async () => {
      stopping.abort();
      await going.catch(() => undefined);
    },
  };
}

/** The event counts of all signals as rows of a table; throws when they do not add up. */
function eventCounts(page: string): string[] {
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

/** Stops the agent while processes come and go; the event counts must add up when it goes on. Returns how long the next scrape took. */
async function standStill(program: string, agent: Agent): Promise<number> {
  process.kill(agent.pid, "SIGSTOP");
  await Promise.all([pause(standstill), shortLives(program, 0)]);
  process.kill(agent.pid, "SIGCONT");
  const { milliseconds, page } = await timed(agent);
  eventCounts(page);
  return milliseconds;
}

const { values } = parseArgs({ options: { minutes: { type: "string", default: "10" } } });
const minutes = Number(values.minutes);
if (!(minutes > 0)) {
  console.error(`soak: --minutes ${JSON.stringify(values.minutes)}: want a number above 0`);
  process.exit(2);
}

setPriority(priority);
const root = process.cwd();
const scratch = mkdtempSync(join(tmpdir(), "ringtap-soak-"));
const tidies: (() => unknown)[] = [() => rmSync(scratch, { recursive: true })];
try {
  const program = compileC({ root, scratch }, "scripts/soak/load.c", "soak-load");
  const context = { root, after: (tidy: () => unknown) => tidies.push(tidy) };
  const agent = await startAgent(context, { anyCpu: true });
  const [, budget = ""] = await agent.said(/msg="memory at most" kernel=\S+ agent=(\d+)MiB/);
  const firstScrape = await standStill(program, agent);
  const scrapes = scrapeEvery(agent);
  tidies.push(scrapes.stop);

  const { page: first } = await timed(agent);
  const openBefore = total(first, "ringtap_tcp_connections");
  const rounds: Round[] = [];
  const deadline = performance.now() + minutes * 60_000;
  do {
    const open = await Promise.race([runRound(program, agent, rounds.length + 1), scrapes.failed]);
    if (Math.abs(open - openBefore - 2 * load.connections) > 10) {
      throw new Error(`${open - openBefore} ends of connections are shown as open, not ${2 * load.connections}`);
    }
    const { page } = await timed(agent);
    const fill = total(page, "ringtap_identities") / total(page, "ringtap_identities_limit");
    rounds.push({ memory: megabytes(page), fill });
    console.error(
      `soak: round ${rounds.length}: ${megabytes(page).toFixed(0)} MB, process table ${(100 * fill).toFixed(0)} % full`,
    );
  } while (performance.now() < deadline);

  await scrapes.stop();
  const { page } = await timed(agent);
  execFileSync("promtool", ["check", "metrics"], { input: page });
  const times = scrapes.milliseconds.sort((a, b) => a - b);
  const memory = rounds.map((round) => round.memory);
  const warm = rounds.find(({ fill }) => fill > full)?.memory ?? NaN;
  const last = memory.at(-1) ?? NaN;
  const done = (each: number): string => (each * rounds.length).toLocaleString("en");
  console.log(`| signal | produced | consumed | ${reasons.join(" | ")} | in the ring |
|${" --- |".repeat(4 + reasons.length)}
${eventCounts(page).join("\n")}

| | |
| --- | --- |
| rounds | ${rounds.length} |
| system calls in floods, besides all others | ${done(load.calls * availableParallelism())} |
| processes of 5 ms, names | ${done(load.processes)}, ${done(load.comms)} |
| connections opened and held | ${done(load.connections)} |
| resident memory before, MB | ${megabytes(first).toFixed(0)} |
| after each round, MB | ${memory.map((mb) => mb.toFixed(0)).join(", ")} |
| memory that the agent said it takes at most, MB | ${(Number(budget) * 1.048576).toFixed(0)} |
| first scrape after a minute's standstill, ms | ${firstScrape.toFixed(0)} |
| series at the end, folded updates | ${total(page, "ringtap_series")}, ${total(page, "ringtap_series_folded_total")} |
| processes tracked at the end | ${total(page, "ringtap_identities")} |
| scrape p50, p99, longest, ms | ${[0.5, 0.99, 1].map((share) => (times[Math.ceil(share * times.length) - 1] ?? NaN).toFixed(0)).join(", ")} |
| longest stall of the event loop, ms | ${(1000 * scrapes.longestStall()).toFixed(0)} |`);
  if (Math.max(...memory) > Number(budget) * 1.048576) {
    throw new Error(`memory of ${Math.max(...memory).toFixed(0)} MB is more than the agent said: ${budget} MiB`);
  }
  if (!(last <= warm * (1 + growthAllowed))) {
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
