/** Servers that are as busy as they can be, each with its usual client, which is not traced: what their own requests cost them. */
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

import { startChild } from "../lib/child.js";
import { settleTime } from "../lib/delay.js";
import { atLeast, figure, range } from "../lib/figures.js";
import { freePort } from "../lib/free-port.js";
import { loadCpu, onCpu, run } from "../lib/programs.js";
import type { BenchContext, FigureTable, Target } from "../lib/scenario.js";
import { bestRatio } from "../lib/spread.js";
import { nothing, ringtap, type Tracer } from "../lib/tracers.js";
import { listening, numberIn, runClient, saturate, startRedis, type Workload } from "../load/workloads.js";

/** What the processes of these servers are called. */
const comms = "nginx,redis-server,postgres";

const serversAlone = ringtap(`ringtap, \`--signals=l7 --l7.comms=${comms}\``, {
  flags: ["--signals=l7", `--l7.comms=${comms}`],
  anyCpu: true,
});

/** A workload, and the share of its requests that it is to keep. */
interface Served extends Workload {
  readonly least: number;
}

function redisServed(port: number, depth: number, least: number): Served {
  /** redis-benchmark counts requests, not seconds: as many as it made in a second the last time. */
  let commandsPerSecond = 50_000;
  return {
    name: `Redis, \`-P ${depth}\``,
    least,
    async perSecond(seconds) {
      const count = Math.round(commandsPerSecond * seconds).toString();
      const asked = ["-p", `${port}`, "-t", "get", "-c", "20", "-P", `${depth}`, "-n", count, "--csv"];
      commandsPerSecond = numberIn(await runClient("redis-benchmark", ...asked), /^"GET","([\d.]+)"/m);
      return commandsPerSecond;
    },
  };
}

/** Debian's newest server that is installed, with a table to select from. Returns the options of its clients. */
async function startPostgres(context: BenchContext): Promise<readonly string[]> {
  const versions = "/usr/lib/postgresql";
  const programs = join(versions, readdirSync(versions).toSorted().at(-1) ?? "", "bin");
  const folder = join(context.scratch, "postgres");
  mkdirSync(folder);
  await run("chmod", "a+x", context.scratch);
  await run("chown", "postgres:", folder);
  // It does not run as root, and wants to see its own folder.
  const asItself = (...command: readonly string[]): string[] => [
    ...["env", `--chdir=${folder}`, "setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"],
    ...command,
  ];
  const data = join(folder, "data");
  await run(
    ...asItself(join(programs, "initdb"), "-D", data, "-A", "trust", "-U", "postgres", "--locale=C", "--no-sync"),
  );
  const port = await freePort();
  const settings = [
    `port=${port}`,
    "listen_addresses=127.0.0.1",
    `unix_socket_directories=${folder}`,
    "autovacuum=off",
  ];
  const server = startChild(
    context,
    ...onCpu(loadCpu, ...asItself(join(programs, "postgres"), "-D", data)),
    ...settings.flatMap((setting) => ["-c", setting]),
  );
  await server.said(/ready to accept connections/);
  await listening(port, "postgres");
  // Without it, its children stay.
  context.after(() => server.stop("SIGINT"));
  const client = ["-h", "127.0.0.1", "-p", `${port}`, "-U", "postgres"];
  await run("pgbench", ...client, "--initialize", "--quiet", "postgres");
  return client;
}

async function startServers(context: BenchContext, url: string): Promise<readonly Served[]> {
  const redis = await startRedis(context);
  const postgres = await startPostgres(context);
  return [
    { name: "nginx, keep-alive", least: 0.94, perSecond: (seconds) => saturate(url, seconds) },
    redisServed(redis, 1, 0.95),
    redisServed(redis, 16, 0.95),
    {
      name: "PostgreSQL, `pgbench -S`",
      least: 0.97,
      async perSecond(seconds) {
        const asked = [...postgres, "--select-only", "--no-vacuum", "-c", "8", "-T", `${seconds}`, "postgres"];
        return numberIn(await runClient("pgbench", ...asked), /^tps = ([\d.]+)/m);
      },
    },
  ];
}

/** Requests a second with nothing attached, and with programs that look at the servers alone. `url` is that of an nginx. */
export async function measureServers(
  context: BenchContext,
  url: string,
): Promise<{ table: FigureTable; targets: readonly Target[]; lost: number }> {
  const servers = await startServers(context, url);
  const rates = new Map<Tracer, ReadonlyMap<Served, number[]>>(
    [nothing, serversAlone].map((tracer) => [tracer, new Map(servers.map((server) => [server, []]))]),
  );
  let lost = 0;
  for (let round = 1; round <= context.rounds; round++) {
    for (const [tracer, ofTracer] of rates) {
      context.progress(`servers, round ${round}, ${tracer.name}`);
      const tracing = await tracer.start(context);
      for (const [server, perSecond] of ofTracer) {
        await server.perSecond(1);
        await setTimeout(settleTime);
        perSecond.push(await server.perSecond(3));
      }
      lost += await tracing.stop();
    }
  }
  const of = (tracer: Tracer, server: Served): readonly number[] => rates.get(tracer)?.get(server) ?? [];
  const share = (server: Served) => bestRatio(of(serversAlone, server), of(nothing, server));
  return {
    table: {
      caption: "Requests a second of saturated servers, of which the servers' ends alone are traced",
      headings: ["traced by", ...servers.map(({ name }) => name)],
      rows: [
        [nothing.name, ...servers.map((server) => `1.00 (${figure(Math.max(...of(nothing, server)))}/s)`)],
        [serversAlone.name, ...servers.map((server) => range(share(server)))],
      ],
    },
    targets: servers.map((server) =>
      atLeast(server.least, share(server), " ×", `saturated: ${server.name}, server side traced`),
    ),
    lost,
  };
}
