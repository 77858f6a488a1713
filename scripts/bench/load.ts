/** What an application loses: requests a second of saturated servers, traced and not. */
import { setTimeout } from "node:timers/promises";

import { settleTime } from "./lib/delay.js";
import { atLeast, atMost, figure, range } from "./lib/figures.js";
import { run } from "./lib/programs.js";
import type { BenchContext, Result, Scenario } from "./lib/scenario.js";
import { bestRatio, median, type Spread, spread } from "./lib/spread.js";
import { nothing, peer, ringtap, together, type Tracer } from "./lib/tracers.js";
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
  agent("ringtap, the default with `--syscall.timing=sampled`", "--syscall.timing=sampled"),
  agent("ringtap, `--signals=file`", "--signals=file"),
  agent("ringtap, `--signals=syscall`", "--signals=syscall"),
  syscount,
  together("`syscount -L -P`, `tcplife`, `opensnoop` together", tools),
];

/** What a tracer was measured at under one workload. */
interface Runs {
  /** Second by second, over all rounds. */
  readonly perSecond: number[];
  /** Of its userspace, as a share of one core, round by round; of peers it is not asked. */
  readonly cpu: number[];
}

/** By tracer, then workload. */
type Measured = ReadonlyMap<Tracer, ReadonlyMap<Workload, Runs>>;

async function measure(
  context: BenchContext,
  tracers: readonly Tracer[],
  workloads: readonly Workload[],
): Promise<{ measured: Measured; lost: number }> {
  const measured: Measured = new Map(
    tracers.map((tracer) => [tracer, new Map(workloads.map((workload) => [workload, { perSecond: [], cpu: [] }]))]),
  );
  const seconds = context.quick ? 1 : 3;
  let lost = 0;
  for (let round = 1; round <= (context.quick ? 2 : context.rounds); round++) {
    for (const [tracer, ofTracer] of measured) {
      context.progress(`round ${round}, ${tracer.name}`);
      const tracing = await tracer.start(context);
      for (const [workload, runs] of ofTracer) {
        // Its hot functions are compiled before what counts.
        await workload.perSecond(1);
        await setTimeout(settleTime);
        const [cpu, begin] = [tracing.cpuSeconds(), performance.now()];
        for (let second = 0; second < seconds; second++) {
          runs.perSecond.push(await workload.perSecond(1));
        }
        runs.cpu.push((tracing.cpuSeconds() - cpu) / ((performance.now() - begin) / 1e3));
      }
      lost += await tracing.stop();
    }
  }
  return { measured, lost };
}

/** Requests a second, as a share of what there were with nothing attached, or another tracer. */
function share(measured: Measured, tracer: Tracer, workload: Workload, than = nothing): Spread {
  const rate = (one: Tracer): readonly number[] => measured.get(one)?.get(workload)?.perSecond ?? [];
  return bestRatio(rate(tracer), rate(than));
}

/** What a tracer's userspace takes of a core beyond another's, percent. */
function moreCpu(measured: Measured, tracer: Tracer, workload: Workload, than: Tracer): Spread {
  const cpu = (one: Tracer): readonly number[] =>
    measured
      .get(one)
      ?.get(workload)
      ?.cpu.map((part) => 100 * part) ?? [];
  const rounds = cpu(tracer).map((part, round) => part - (cpu(than)[round] ?? NaN));
  return { ...spread(rounds), value: median(cpu(tracer)) - median(cpu(than)) };
}

async function versions(): Promise<string> {
  const packages = ["nginx-light", "redis-server", "redis-tools", "wrk", "apache2-utils", "libbpf-tools"];
  const query = ["dpkg-query", "--show", "--showformat", "${Package} ${Version}; ", ...packages];
  return `Packages: ${(await run(...query)).replace(/; $/, "")}.`;
}

async function runLoad(context: BenchContext): Promise<Result> {
  const workloads = await prepareWorkloads(context);
  const { measured, lost } = await measure(context, context.quick ? few : [...few, ...more], workloads);
  const wanted: readonly [tracer: Tracer, limits: readonly number[], what: string][] = [
    [byDefault, [0.9, 0.91, 0.85], "traced by default"],
    [tcpAndProcess, [0.98, 0.98, 0.88], "traced by tcp and process"],
  ];
  return {
    tables: [
      {
        headings: [
          "traced by",
          ...workloads.map(({ name }) => name),
          ...workloads.map(({ name }) => `agent's share of a core, %: ${name}`),
        ],
        rows: [...measured].map(([tracer, ofTracer]) => [
          tracer.name,
          ...[...ofTracer].map(([workload, { perSecond }]) =>
            tracer === nothing
              ? `1.00 (${figure(Math.max(...perSecond))}/s)`
              : range(share(measured, tracer, workload)),
          ),
          ...[...ofTracer.values()].map(({ cpu }) => (median(cpu) > 0 ? figure(100 * median(cpu)) : "–")),
        ]),
      },
    ],
    targets: [
      ...wanted.flatMap(([tracer, limits, what]) =>
        workloads.map((workload, index) =>
          atLeast(limits[index] ?? NaN, share(measured, tracer, workload), " ×", `${workload.name}, ${what}`),
        ),
      ),
      ...workloads.flatMap((workload) => [
        atLeast(
          0.98,
          share(measured, withNode, workload, byDefault),
          " ×",
          `${workload.name}, with the node's signals, of that without`,
        ),
        atMost(
          0.3,
          moreCpu(measured, withNode, workload, byDefault),
          " % of a core",
          `taken by the agent, ${workload.name}, with the node's signals, beyond that without`,
        ),
      ]),
    ],
    notes: [
      ...(context.quick ? [] : [await versions()]),
      `Records that ringtap lost in all these runs: ${lost.toLocaleString("en")}.`,
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
    "nothing, since what else a machine does only slows; in brackets the least and the most that a second gave, against the same second of nothing; a round takes all tracers in turn. A tracer meets a second of the load before the three of a round that count. What grows: the kernel's part with the number of " +
    "system calls, connections and opened files a request, whatever the number of cores; the agent's with records (connections, processes), not with requests; its memory and the scrape with series " +
    "(*A scrape*, *Start, rest, memory*).",
  packages: ["nginx-light", "redis-server", "redis-tools", "wrk", "apache2-utils", "libbpf-tools"],
  run: runLoad,
};
