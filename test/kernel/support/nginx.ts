/** nginx under wrk: what each has counted, and what ringtap has. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";

import { eventually } from "./eventually.js";
import { scratch } from "./program.js";
import { type Samples, select } from "./samples.js";
import type { Scope } from "./scope.js";
import { end, freePort, listening } from "./servers.js";

export interface Nginx {
  readonly url: string;
  readonly folder: string;
  /** The process that answers. */
  readonly worker: number;
  /** Lines of its log: a status, a blank, the path, and what was asked for besides. */
  lines(): readonly string[];
  /** Requests in its log, by status. */
  log(): Record<string, number>;
  /** The same once it has written all of it. */
  logged(): Promise<Record<string, number>>;
}

/** Starts nginx with one worker; `locations` are those of its only server, `logged` is what each line of its log has besides. */
export async function startNginx(scope: Scope, locations: string, logged = ""): Promise<Nginx> {
  const port = await freePort();
  const folder = scratch(`nginx-${port}`);
  mkdirSync(folder);
  writeFileSync(`${folder}/index.html`, "x".repeat(612));
  writeFileSync(`${folder}/big`, "y".repeat(300_000));
  writeFileSync(
    `${folder}/nginx.conf`,
    `user root; daemon off; worker_processes 1; error_log stderr crit; pid ${folder}/nginx.pid;
events { worker_connections 256; }
http {
  log_format status '$status $uri${logged}'; access_log ${folder}/access.log status; sendfile on; keepalive_requests 1000000000;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  server {
    listen 127.0.0.1:${port}; root ${folder};
    ${locations}
  }
}
`,
  );
  const nginx = spawn("nginx", ["-p", folder, "-e", "stderr", "-c", `${folder}/nginx.conf`], { stdio: "inherit" });
  // The master takes its worker with it at SIGTERM.
  scope.after(() => end(nginx));
  await listening(port);
  const worker = await eventually(() => {
    const pid = Number(readFileSync(`/proc/${nginx.pid}/task/${nginx.pid}/children`, "utf8"));
    assert(pid > 0);
    return pid;
  });
  const lines = (): readonly string[] => readFileSync(`${folder}/access.log`, "utf8").split("\n").slice(0, -1);
  const log = (): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const line of lines()) {
      const status = line.slice(0, 3);
      counts[status] = (counts[status] ?? 0) + 1;
    }
    return counts;
  };
  return {
    url: `http://127.0.0.1:${port}`,
    folder,
    worker,
    lines,
    log,
    async logged() {
      let known = "";
      while (JSON.stringify(log()) !== known) {
        known = JSON.stringify(log());
        await setTimeout(200);
      }
      return log();
    },
  };
}

/** Has wrk make requests for a while, which a Lua script chooses: the child, and what it has counted. */
export function startWrk({ url, folder }: Nginx, script: string, seconds: number) {
  writeFileSync(`${folder}/wrk.lua`, script);
  const args = ["-t1", "-c16", `-d${seconds}s`, "-s", `${folder}/wrk.lua`, url];
  const running = promisify(execFile)("wrk", args);
  const { child } = running;
  const counts = running.then(({ stdout }) => {
    const numberIn = (pattern: RegExp): number => Number(pattern.exec(stdout)?.[1] ?? 0);
    const requests = numberIn(/^ *(\d+) requests in/m);
    return { pid: child.pid ?? 0, requests, failed: numberIn(/Non-2xx or 3xx responses: (\d+)/) };
  });
  return { child, counts };
}

/** Requests of a role by status, in what two scrapes differ by; those that were cut short are with their status. */
export function byStatus(samples: Samples, role: string, pid: number): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [series, count] of select(samples, `http_${role}_request_duration_seconds_count`, { pid })) {
    const status = /http_response_status_code="(\d+)"/.exec(series)?.[1] ?? "none";
    counts[status] = (counts[status] ?? 0) + count;
  }
  return counts;
}
