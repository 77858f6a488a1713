/** What an application loses: requests a second of saturated servers, traced and not. */
import { setTimeout } from "node:timers/promises";

import { atLeast, atMost, figure, range } from "./lib/figures.js";
import { run } from "./lib/programs.js";
import type { BenchContext, Result, Scenario } from "./lib/scenario.js";
import { bestRatio, type Spread, spread } from "./lib/spread.js";
import { nothing, peer, ringtap, together, type Tracer, type Tracing } from "./lib/tracers.js";
import { prepareWorkloads, type Workload } from "./load/workloads.js";

/** The agent has no CPU of its own: what it takes, the servers and their clients lack. */
const agent = (name: string, ...flags: readonly string[]): Tracer => ringtap(name, { flags, anyCpu: true });

const byDefault = agent("ringtap, the default");
const tcpAndProcess = agent("ringtap, `--signals=tcp,process`", "--signals=tcp,process");
const withNode = agent(
  "ringtap, the default with `sched`, `block`, `memory`, `drop`, `udp`",
  "--signals=default,+sched,+block,+memory,+drop,+udp",
);
const syscount = peer("`syscount -L -P` (bcc libbpf-tools)", 2, "syscount", "-L", "-P");
const tools = [syscount, peer("tcplife", 1, "tcplife"), peer("opensnoop", 2, "opensnoop")];

/** In quick mode, and in full mode too. */
const few: readonly Tracer[] = [nothing, tcpAndProcess, byDefault, withNode];
const more: readonly Tracer[] = [
  agent("ringtap, the default with `--syscall.timing=all`", "--syscall.timing=all"),
  agent("ringtap, `--signals=file`", "--signals=file"),
  agent("ringtap, `--signals=syscall`", "--signals=syscall"),
  syscount,
  together("`syscount -L -P`, `tcplife`, `opensnoop` together", tools),
];

/** Those whose userspace is measured, at work side by side, under the same load. */
const agents: readonly Tracer[] = [tcpAndProcess, byDefault, withNode];

/** Between the load that warms a tracer up and what counts, milliseconds. */
const settleTime = 300;

/** Seconds of each workload after which V8 has compiled what an agent does again and again. */
const warmUp = 10;

/** Seconds in which an agent does at least once all that it does again and again: scrapes aside, every five at the most. */
const shareWindow = 5;

/** What tracers were measured at, by tracer, then workload: second by second, or window by window. */
type Measured = ReadonlyMap<Tracer, ReadonlyMap<Workload, number[]>>;

function noFigures(tracers: readonly Tracer[], workloads: readonly Workload[]): Measured {
  return new Map(tracers.map((tracer) => [tracer, new Map(workloads.map((workload) => [workload, []]))]));
}

/** Requests a second. */
async function measureRates(
  context: BenchContext,
  tracers: readonly Tracer[],
  workloads: readonly Workload[],
): Promise<{ rates: Measured; lost: number }> {
  const rates = noFigures(tracers, workloads);
  const seconds = context.quick ? 1 : 3;
  let lost = 0;
  for (let round = 1; round <= (context.quick ? 2 : context.rounds); round++) {
    for (const [tracer, ofTracer] of rates) {
      context.progress(`round ${round}, ${tracer.name}`);
      const tracing = await tracer.start(context);
      for (const [workload, perSecond] of ofTracer) {
        // Its hot functions are compiled before what counts.
        await workload.perSecond(1);
        await setTimeout(settleTime);
        for (let second = 0; second < seconds; second++) {
          perSecond.push(await workload.perSecond(1));
        }
      }
      lost += await tracing.stop();
    }
  }
  return { rates, lost };
}

/** What the agents' userspace takes of one core, percent, once they have been at work for a while. */
async function measureShares(
  context: BenchContext,
  workloads: readonly Workload[],
): Promise<{ shares: Measured; lost: number }> {
  const shares = noFigures(agents, workloads);
  const tracings = new Map<Tracer, Tracing>();
  for (const tracer of agents) {
    tracings.set(tracer, await tracer.start(context));
  }
  const cpuOf = (tracer: Tracer): number => tracings.get(tracer)?.cpuSeconds() ?? NaN;
  context.progress("the agents are warmed up");
  for (const workload of workloads) {
    await workload.perSecond(warmUp);
  }
  for (const workload of workloads) {
    context.progress(`the agents' share, ${workload.name}`);
    for (let round = 1; round <= (context.quick ? 2 : context.rounds); round++) {
      const [before, begin] = [agents.map(cpuOf), performance.now()];
      await workload.perSecond(shareWindow);
      const seconds = (performance.now() - begin) / 1e3;
      for (const [index, tracer] of agents.entries()) {
        const taken = cpuOf(tracer) - (before[index] ?? NaN);
        shares
          .get(tracer)
          ?.get(workload)
          ?.push((100 * taken) / seconds);
      }
    }
  }
  let lost = 0;
  for (const tracing of tracings.values()) {
    lost += await tracing.stop();
  }
  return { shares, lost };
}

/** What a tracer was measured at, one after the other. */
function figuresOf(measured: Measured, tracer: Tracer, workload: Workload): readonly number[] {
  return measured.get(tracer)?.get(workload) ?? [];
}

/** Requests a second, as a share of what there were with nothing attached, or another tracer. */
function kept(rates: Measured, tracer: Tracer, workload: Workload, than = nothing): Spread {
  return bestRatio(figuresOf(rates, tracer, workload), figuresOf(rates, than, workload));
}

/** What an agent's userspace takes beyond another's, of the same load. */
function moreCpu(shares: Measured, tracer: Tracer, workload: Workload, than: Tracer): Spread {
  const base = figuresOf(shares, than, workload);
  return spread(figuresOf(shares, tracer, workload).map((part, round) => part - (base[round] ?? NaN)));
}

async function versions(): Promise<string> {
  const packages = ["nginx-light", "redis-server", "redis-tools", "wrk", "apache2-utils", "libbpf-tools"];
  const query = ["dpkg-query", "--show", "--showformat", "${Package} ${Version}; ", ...packages];
  return `Packages: ${(await run(...query)).replace(/; $/, "")}.`;
}

async function runLoad(context: BenchContext): Promise<Result> {
  const workloads = await prepareWorkloads(context);
  const { rates, lost } = await measureRates(context, context.quick ? few : [...few, ...more], workloads);
  const { shares, lost: lostByAgents } = await measureShares(context, workloads);
  const wanted: readonly [tracer: Tracer, limits: readonly number[], what: string][] = [
    [byDefault, [0.9, 0.91, 0.85], "traced by default"],
    [tcpAndProcess, [0.98, 0.98, 0.88], "traced by tcp and process"],
  ];
  return {
    tables: [
      {
        headings: ["traced by", ...workloads.map(({ name }) => name)],
        rows: [...rates].map(([tracer, ofTracer]) => [
          tracer.name,
          ...[...ofTracer].map(([workload, perSecond]) =>
            tracer === nothing ? `1.00 (${figure(Math.max(...perSecond))}/s)` : range(kept(rates, tracer, workload)),
          ),
        ]),
      },
      {
        caption: "What the agent's userspace takes of a core under these loads, %",
        headings: ["agent", ...workloads.map(({ name }) => name)],
        rows: [...shares].map(([tracer, ofTracer]) => [
          tracer.name,
          ...[...ofTracer.values()].map((rounds) => range(spread(rounds))),
        ]),
      },
    ],
    targets: [
      ...wanted.flatMap(([tracer, limits, what]) =>
        workloads.map((workload, index) =>
          atLeast(limits[index] ?? NaN, kept(rates, tracer, workload), " ×", `${workload.name}, ${what}`),
        ),
      ),
      ...workloads.flatMap((workload) => [
        atLeast(
          0.98,
          kept(rates, withNode, workload, byDefault),
          " ×",
          `${workload.name}, with the node's signals, of that without`,
        ),
        atMost(
          0.3,
          moreCpu(shares, withNode, workload, byDefault),
          " % of a core",
          `taken by the agent, ${workload.name}, with the node's signals, beyond that without`,
        ),
      ]),
    ],
    notes: [
      ...(context.quick ? [] : [await versions()]),
      `Records that ringtap lost in all these runs: ${(lost + lostByAgents).toLocaleString("en")}.`,
      "`tcpconnect`, the fourth tool that one would run beside these three, needs kprobes, which this kernel does not have.",
    ],
  };
}

export const load: Scenario = {
  name: "load",
  title: "What an application loses",
  method:
    "Requests a second of servers that have as much to do as they can, as a share of what they serve when nothing is attached. nginx with one worker " +
    "serves a file of 612 bytes to `wrk -t1 -c16` (keep-alive) and to `ab -c4` (a connection per request); `redis-benchmark -t get -c 20` asks Redis. The server " +
    "is pinned to one core, its client to another; both ends are traced, and the tracer's userspace has to find room on either core. Each figure compares the best second of a tracer with the best one of " +
    "nothing, since what else a machine does only slows; in brackets the least and the most that a second gave, against the same second of nothing; a round takes all tracers in turn. A tracer meets a second of the load before the three of a round that count. " +
    "What the agent's userspace takes is measured by itself: three agents are at work side by side and count the same load, ten seconds of each first, in which " +
    "V8 compiles what they will do again and again, then windows of five. What grows: the kernel's part with the number of " +
    "system calls, connections and opened files a request, whatever the number of cores; the agent's with records (connections, processes), not with requests; its memory and the scrape with series " +
    "(*A scrape*, *Start, rest, memory*).",
  packages: ["nginx-light", "redis-server", "redis-tools", "wrk", "apache2-utils", "libbpf-tools"],
  run: runLoad,
};
