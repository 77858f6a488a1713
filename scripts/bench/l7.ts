/** What it costs a server that its requests are counted. */
import { setTimeout } from "node:timers/promises";

import { compileC } from "./lib/build.js";
import { cpuUse } from "./lib/child.js";
import { settleTime } from "./lib/delay.js";
import { atLeast, atMost, figure, range } from "./lib/figures.js";
import { loadCpu, onCpu, runForNumbers } from "./lib/programs.js";
import type { BenchContext, Result, Scenario } from "./lib/scenario.js";
import { bestRatio, leastAdded, type Spread, spread } from "./lib/spread.js";
import { attachedObject, nothing, ringtap, type Tracer } from "./lib/tracers.js";
import { measureServers } from "./l7/servers.js";
import { type Nginx, runClient, saturate, startNginx } from "./load/workloads.js";

const l7Alone = ringtap("ringtap, `--signals=l7`", { flags: ["--signals=l7"], anyCpu: true });
const byCalls = attachedObject("programs on ten system calls, simulated", "scripts/bench/l7/by-calls.bpf.c");
const few: readonly Tracer[] = [nothing, l7Alone];
const more: readonly Tracer[] = [
  byCalls,
  ringtap("ringtap, `--signals=cgroup,process,tcp,l7`", { flags: ["--signals=cgroup,process,tcp,l7"], anyCpu: true }),
];

/** Of the steady load, a second. */
const rate = 20_000;

/** Seconds after which V8 has compiled what an agent does again and again. */
const warmUp = 30;

/** Seconds in which an agent does at least once all that it does again and again: scrapes aside, every five at the most. */
const shareWindow = 5;

/** What one tracer was measured at, round by round. */
interface Runs {
  /** Of saturated nginx, a second. */
  readonly requests: number[];
  /** CPU time of nginx for one of them, microseconds. */
  readonly saturated: number[];
  /** The same at the steady rate. */
  readonly steady: number[];
  /** Of the agent's userspace at the steady rate, a share of one core, later: {@link measureAgent}. */
  readonly agent: number[];
  /** Of a getppid(2), nanoseconds. */
  readonly unrelated: number[];
}

interface Load {
  readonly nginx: Nginx;
  /** The steady client. */
  readonly client: string;
  /** The loop of getppid(2). */
  readonly loop: string;
  readonly seconds: number;
}

/** At the steady rate. Resolves to the number of requests. */
async function askSteadily({ nginx, client }: Load, seconds: number): Promise<number> {
  return Number(await runClient(client, `${nginx.port}`, nginx.path, `${rate}`, `${seconds}`));
}

/** What an agent takes of a core that has been at work for a while, in windows of the steady load. Resolves to the records that it lost. */
async function measureAgent(context: BenchContext, tracer: Tracer, load: Load, shares: number[]): Promise<number> {
  context.progress(`the agent's share, ${tracer.name}`);
  const tracing = await tracer.start(context);
  await askSteadily(load, context.quick ? 5 : warmUp);
  for (let round = 1; round <= context.rounds; round++) {
    const [cpu, begin] = [tracing.cpuSeconds(), performance.now()];
    await askSteadily(load, shareWindow);
    shares.push((tracing.cpuSeconds() - cpu) / ((performance.now() - begin) / 1e3));
  }
  return tracing.stop();
}

async function measureOnce(context: BenchContext, tracer: Tracer, load: Load, runs: Runs): Promise<number> {
  const { nginx, loop, seconds } = load;
  const tracing = await tracer.start(context);
  // Its hot functions are compiled before what counts.
  await saturate(nginx.url, 1);
  await setTimeout(settleTime);

  let cpu = cpuUse(nginx.worker).seconds;
  const perSecond = await saturate(nginx.url, seconds);
  runs.requests.push(perSecond);
  runs.saturated.push(((cpuUse(nginx.worker).seconds - cpu) / (perSecond * seconds)) * 1e6);

  cpu = cpuUse(nginx.worker).seconds;
  const requests = await askSteadily(load, seconds);
  runs.steady.push(((cpuUse(nginx.worker).seconds - cpu) / requests) * 1e6);

  const [call = NaN] = await runForNumbers(...onCpu(loadCpu, loop, "1", "64", context.quick ? "5000" : "20000"));
  runs.unrelated.push(call);
  return tracing.stop();
}

/** Percent. */
function agentShare({ agent }: Runs): Spread {
  return spread(agent.map((share) => 100 * share));
}

async function runL7(context: BenchContext): Promise<Result> {
  const load: Load = {
    nginx: await startNginx(context),
    client: compileC(context, "scripts/bench/l7/requests.c", "requests"),
    loop: compileC(context, "scripts/bench/syscall/loop.c", "syscall-loop"),
    seconds: context.quick ? 1 : 3,
  };
  const tracers = context.quick ? few : [...few, ...more];
  const measured = new Map<Tracer, Runs>(
    tracers.map((tracer) => [tracer, { requests: [], saturated: [], steady: [], agent: [], unrelated: [] }]),
  );
  let lost = 0;
  for (let round = 1; round <= context.rounds; round++) {
    for (const [tracer, runs] of measured) {
      context.progress(`round ${round}, ${tracer.name}`);
      lost += await measureOnce(context, tracer, load, runs);
    }
  }
  for (const [tracer, { agent }] of measured) {
    if (tracer !== nothing && tracer !== byCalls) {
      lost += await measureAgent(context, tracer, load, agent);
    }
  }
  const servers = context.quick ? undefined : await measureServers(context, load.nginx.url);
  lost += servers?.lost ?? 0;
  const base = measured.get(nothing) as Runs;
  const traced = measured.get(l7Alone) as Runs;
  return {
    tables: [
      {
        headings: [
          "traced by",
          "saturated: requests/s, both ends traced",
          "saturated: µs of nginx's CPU a request",
          `${rate.toLocaleString("en")} requests/s: µs of nginx's CPU a request`,
          "the same: agent's share of a core, %",
          "ns a getppid(2)",
        ],
        rows: [...measured].map(([tracer, runs]) =>
          tracer === nothing
            ? [
                tracer.name,
                `1.00 (${figure(Math.max(...base.requests))}/s)`,
                ...[base.saturated, base.steady].map((costs) => figure(Math.min(...costs))),
                "–",
                figure(Math.min(...base.unrelated)),
              ]
            : [
                tracer.name,
                range(bestRatio(runs.requests, base.requests)),
                ...[
                  [runs.saturated, base.saturated],
                  [runs.steady, base.steady],
                ].map(([costs = [], bare = []]) => `+${range(leastAdded(costs, bare))}`),
                tracer === byCalls ? "–" : range(agentShare(runs)),
                `+${range(leastAdded(runs.unrelated, base.unrelated))}`,
              ],
        ),
      },
      ...(servers === undefined ? [] : [servers.table]),
    ],
    targets: [
      atMost(1.5, leastAdded(traced.steady, base.steady), " µs", `nginx, a request, at ${rate.toLocaleString("en")}/s`),
      atMost(1, agentShare(traced), " %", "the agent, of a core, at the same rate"),
      atLeast(0.88, bestRatio(traced.requests, base.requests), " ×", "saturated nginx, both ends traced"),
      atMost(2, leastAdded(traced.unrelated, base.unrelated), " ns", "an unrelated system call"),
      ...(servers?.targets ?? []),
    ],
    notes: [`Records that ringtap lost in all these runs: ${lost.toLocaleString("en")}.`],
  };
}

export const l7: Scenario = {
  name: "l7",
  title: "Counting requests",
  method:
    "nginx with one worker serves a file of 612 bytes over 16 connections that are kept: to `wrk -t1 -c16`, as fast as it can, and to a client in C that asks " +
    "20,000 times a second. The server is pinned to one core, its client to another; the agent's userspace has to find room on either. Both ends are traced; " +
    "what a request costs the server is the CPU time that the scheduler charges nginx's worker, which has the BPF programs' time in it. The agent's share is that of all its threads, in windows of five seconds after 30 of the steady load; in those before, " +
    "V8 compiles what it will do again and again. What is " +
    "added, and the ratios, compare the best round of a tracer with the best one of nothing, since what else a machine does only slows; in brackets the least and the " +
    "most that rounds gave, each of which takes all tracers in turn. No peer could be run from packages at hand: *programs on ten system calls* is the least that the method of Coroot's agent costs " +
    "(`scripts/bench/l7/by-calls.bpf.c`), without what its userspace does. In the second table the clients' ends are left out, by the names of " +
    "the servers' processes: nginx is asked by `wrk -t1 -c16`, Redis by `redis-benchmark -t get -c 20`, one command at a time and 16, PostgreSQL by " +
    "`pgbench -S -c 8`, a SELECT by primary key from a table that fits into memory.",
  packages: ["nginx-light", "wrk", "redis-server", "redis-tools", "postgresql", "postgresql-contrib"],
  run: runL7,
};
