/** Servers under a load that keeps both of their CPUs busy: nginx and Redis, each with its usual client. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

import { startChild } from "../lib/child.js";
import { freePort } from "../lib/free-port.js";
import { agentCpu, loadCpu, onCpu, run } from "../lib/programs.js";
import type { BenchContext } from "../lib/scenario.js";

/** A server with its client. */
export interface Workload {
  readonly name: string;
  /** Has the client ask for about so many seconds; requests a second. */
  perSecond(seconds: number): Promise<number>;
}

/** The server has a CPU, its client another; the tracer's userspace has to find room on either. */
const [serverCpu, clientCpu] = [loadCpu, agentCpu];

/** Body of nginx's answer, bytes: the size of its own index.html. */
const bodyBytes = 612;

/** Waits until somebody listens on the port. Throws after ten seconds. */
export async function listening(port: number, what: string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(true)).on("error", () => resolve(false));
      socket.on("connect", () => socket.destroy());
    });
    if (open) {
      return;
    }
    await setTimeout(50);
  }
  throw new Error(`${what}: does not listen on port ${port} after ten seconds`);
}

/** The number after `pattern`, its first group, in what a client printed. */
export function numberIn(text: string, pattern: RegExp): number {
  const value = Number(pattern.exec(text)?.[1]);
  if (!(value > 0)) {
    throw new Error(`expected ${String(pattern)} in:\n${text}`);
  }
  return value;
}

/** An nginx that serves one file. */
export interface Nginx {
  readonly port: number;
  readonly path: string;
  readonly url: string;
  /** The process that answers. */
  readonly worker: number;
}

/** nginx with one worker, which opens the file for each request, as it does by default. */
export async function startNginx(context: BenchContext): Promise<Nginx> {
  const folder = join(context.scratch, "nginx");
  mkdirSync(folder);
  const port = await freePort();
  writeFileSync(join(folder, "index.html"), "x".repeat(bodyBytes));
  writeFileSync(
    join(folder, "nginx.conf"),
    `user root; daemon off; worker_processes 1; error_log stderr; pid ${folder}/nginx.pid;
events { worker_connections 1024; }
http {
  access_log off; sendfile on; keepalive_requests 1000000000;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  server { listen 127.0.0.1:${port}; root ${folder}; }
}
`,
  );
  const nginx = startChild(context, ...onCpu(serverCpu, "nginx", "-p", folder, "-c", join(folder, "nginx.conf")));
  await listening(port, "nginx");
  // Its master takes the worker with it at SIGTERM, not at the SIGKILL that ends children left over.
  context.after(() => nginx.stop());
  const path = "/index.html";
  const url = `http://127.0.0.1:${port}${path}`;
  // Its master listens before it has a worker.
  await (await fetch(url)).text();
  const worker = Number(readFileSync(`/proc/${nginx.pid}/task/${nginx.pid}/children`, "utf8"));
  return { port, path, url, worker };
}

/** A Redis that keeps nothing on disk. Resolves to its port. */
export async function startRedis(context: BenchContext): Promise<number> {
  const port = await freePort();
  startChild(
    context,
    ...onCpu(serverCpu, "redis-server", "--port", port.toString(), "--bind", "127.0.0.1"),
    ...["--save", "", "--appendonly", "no", "--dir", context.scratch],
  );
  await listening(port, "redis-server");
  return port;
}

/** Runs a client to its end, on a CPU of its own; what it printed. */
export function runClient(...command: readonly string[]): Promise<string> {
  return run(...onCpu(clientCpu, ...command));
}

/** Has wrk keep nginx as busy as it can be for so many seconds; requests a second. */
export async function saturate(url: string, seconds: number): Promise<number> {
  return numberIn(await runClient("wrk", "-t1", "-c16", `-d${seconds}s`, url), /Requests\/sec:\s+([\d.]+)/);
}

/** Starts the servers, which run until the scenario ends. */
export async function prepareWorkloads(context: BenchContext): Promise<readonly Workload[]> {
  const { url } = await startNginx(context);
  const redis = await startRedis(context);

  /** redis-benchmark counts requests, not seconds: as many as it made in a second the last time. */
  let commandsPerSecond = 50_000;
  return [
    {
      name: "nginx, keep-alive",
      perSecond: (seconds) => saturate(url, seconds),
    },
    {
      name: "Redis",
      async perSecond(seconds) {
        const count = Math.round(commandsPerSecond * seconds).toString();
        const asked = ["-p", redis.toString(), "-t", "get", "-c", "20", "-n", count, "--csv"];
        commandsPerSecond = numberIn(await runClient("redis-benchmark", ...asked), /^"GET","([\d.]+)"/m);
        return commandsPerSecond;
      },
    },
    {
      name: "nginx, a connection per request",
      perSecond: async (seconds) =>
        numberIn(
          await runClient("ab", "-q", "-c4", `-t${seconds}`, "-n100000000", url),
          /^Requests per second:\s+([\d.]+)/m,
        ),
    },
  ];
}
