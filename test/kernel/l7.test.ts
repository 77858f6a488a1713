/** l7 against nginx under wrk: its own log, wrk's count and ringtap's are equal, by status. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";

import { startAgent, unlimitedSeries } from "./support/agent.js";
import { eventually } from "./support/eventually.js";
import { scratch } from "./support/program.js";
import { type Samples, select, sum } from "./support/samples.js";
import { type Scope, suiteScope } from "./support/scope.js";
import { end, freePort, listening } from "./support/servers.js";
import { startTrace } from "./support/trace.js";

/** wrk goes through all of these: statuses of four classes, and bodies by sendfile; a POST to a file is 405. */
const targets = ["/index.html", "/big", "/none", "/no-content", "/moved", "/failing", "/index.html"];
const script = `
local targets, n = {${targets.map((target) => JSON.stringify(target)).join(",")}}, 0
request = function()
  n = n + 1
  return wrk.format(n % 11 == 0 and "POST" or "GET", targets[n % #targets + 1])
end`;

interface Nginx {
  readonly url: string;
  /** The process that answers. */
  readonly worker: number;
  /** Requests in its log, by status. */
  log(): Record<string, number>;
  /** The same once it has written all of it. */
  logged(): Promise<Record<string, number>>;
}

async function startNginx(scope: Scope): Promise<Nginx> {
  const folder = scratch("nginx");
  mkdirSync(folder);
  const port = await freePort();
  writeFileSync(`${folder}/index.html`, "x".repeat(612));
  writeFileSync(`${folder}/big`, "y".repeat(300_000));
  writeFileSync(`${folder}/mixed.lua`, script);
  writeFileSync(
    `${folder}/nginx.conf`,
    `user root; daemon off; worker_processes 1; error_log stderr crit; pid ${folder}/nginx.pid;
events { worker_connections 256; }
http {
  log_format status '$status'; access_log ${folder}/access.log status; sendfile on; keepalive_requests 1000000000;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  server {
    listen 127.0.0.1:${port}; root ${folder};
    location /no-content { return 204; }
    location /moved { return 301 /; }
    location /failing { return 503 "no"; }
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
  const log = (): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const [status] of readFileSync(`${folder}/access.log`, "utf8").matchAll(/^\d+$/gm)) {
      counts[status] = (counts[status] ?? 0) + 1;
    }
    return counts;
  };
  return {
    url: `http://127.0.0.1:${port}`,
    worker,
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

/** Has wrk make requests for a while: the child, and what it has counted. */
function startWrk(nginx: Nginx, seconds: number) {
  const args = ["-t1", "-c16", `-d${seconds}s`, "-s", scratch("nginx/mixed.lua"), nginx.url];
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
function byStatus(samples: Samples, role: string, pid: number): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [series, count] of select(samples, `http_${role}_request_duration_seconds_count`, { pid })) {
    const status = /http_response_status_code="(\d+)"/.exec(series)?.[1] ?? "none";
    counts[status] = (counts[status] ?? 0) + count;
  }
  return counts;
}

describe("requests of nginx under wrk", () => {
  const scope = suiteScope();
  const started = startNginx(scope);
  const tracing = startAgent(scope, [
    "--signals=l7,tcp",
    "--web.listen-address=127.0.0.1:0",
    "--ring.size=64KiB",
    ...unlimitedSeries,
  ]);
  const total = (of: Record<string, number>): number => Object.values(of).reduce((sum, count) => sum + count, 0);

  it("are as many as nginx and wrk count, by status, at full rate and while the agent is stopped", async () => {
    const nginx = await started;
    const agent = await tracing;
    const stopping = (async () => {
      await setTimeout(300);
      process.kill(agent.pid, "SIGSTOP");
      await setTimeout(1_000);
      process.kill(agent.pid, "SIGCONT");
    })();
    const wrk = await startWrk(nginx, 2).counts;
    await stopping;
    const logged = await nginx.logged();
    const samples = await agent.scrape();
    assert.deepEqual(byStatus(samples, "server", nginx.worker), logged);
    const complete = select(samples, "http_client_request_duration_seconds_count", { pid: wrk.pid });
    const whole = [...complete].filter(([series]) => !series.includes("error_type="));
    assert.equal(total(Object.fromEntries(whole)), wrk.requests);
    assert.equal(total(Object.fromEntries(whole.filter(([series]) => /status_code="[45]/.test(series)))), wrk.failed);
    for (const pid of [nginx.worker, wrk.pid]) {
      assert.equal(sum(samples, "ringtap_l7_lost_requests_total", { pid }), 0);
      assert.equal(sum(samples, "ringtap_l7_skipped_bytes_total", { pid }), 0);
    }
    assert(wrk.requests > 100 && Object.keys(logged).length >= 5, JSON.stringify({ wrk, logged }));
  });

  it("are as many while their records are watched, and the ring is full", async (t) => {
    const nginx = await started;
    const agent = await tracing;
    const watching = await agent.get("/api/live?tail=1&signals=l7");
    t.after(() => watching.body?.cancel());
    const dropped = async (): Promise<number> =>
      sum(await agent.scrape(), "ringtap_events_dropped_total", { signal: "l7", reason: "ring_full" });
    assert.equal(await dropped(), 0);
    const { child, counts } = startWrk(nginx, 60);
    t.after(() => child.kill("SIGKILL"));
    counts.catch(() => undefined);
    // It cannot drain its ring until that is full of records.
    const records = async (): Promise<number> =>
      sum(await agent.scrape(), "ringtap_events_produced_total", { signal: "l7" });
    await eventually(async () => {
      assert((await records()) > 0);
    });
    const logged = total(nginx.log());
    process.kill(agent.pid, "SIGSTOP");
    t.after(() => process.kill(agent.pid, "SIGCONT"));
    await eventually(() => {
      assert(total(nginx.log()) > logged + 5_000);
    });
    child.kill("SIGINT");
    await counts;
    const log = await nginx.logged();
    process.kill(agent.pid, "SIGCONT");
    assert.deepEqual(byStatus(await agent.scrape(), "server", nginx.worker), log);
    assert((await dropped()) > 0);
  });

  it("are counted when their client is killed: those that it sent were reset, or cut short", async (t) => {
    const nginx = await started;
    const agent = await tracing;
    const earlier = total(nginx.log());
    const { child, counts } = startWrk(nginx, 60);
    t.after(() => child.kill("SIGKILL"));
    counts.catch(() => undefined);
    await eventually(() => {
      assert(total(nginx.log()) > earlier + 500);
    });
    child.kill("SIGKILL");
    await assert.rejects(counts);
    const logged = total(await nginx.logged());
    // The kernel closes the connections a moment after nginx has logged.
    await eventually(async () => {
      const samples = await agent.scrape();
      assert.equal(total(byStatus(samples, "server", nginx.worker)), logged);
      const received = total(byStatus(samples, "server", nginx.worker)) - earlier;
      const sent = total(byStatus(samples, "client", child.pid ?? 0));
      // Of each connection, nginx may not have read the last one.
      assert(received <= sent && sent <= received + 16, `${sent} sent, ${received} received`);
      for (const pid of [nginx.worker, child.pid ?? 0]) {
        assert.equal(sum(samples, "ringtap_l7_lost_requests_total", { pid }), 0);
      }
    });
  });

  it("are counted from an agent that joins late: what was under way is lost as such", async (t) => {
    const nginx = await started;
    const { child, counts } = startWrk(nginx, 60);
    t.after(() => child.kill("SIGKILL"));
    counts.catch(() => undefined);
    await eventually(() => {
      assert(total(nginx.log()) > 500);
    });
    const earlier = total(nginx.log());
    const agent = await startAgent(t, ["--signals=l7", ...unlimitedSeries]);
    const later = total(nginx.log());
    await eventually(async () => {
      assert(total(byStatus(await agent.scrape(), "server", nginx.worker)) > 2_000);
    });
    // It stops, and prints what it has counted.
    child.kill("SIGINT");
    const wrk = await counts;
    const logged = total(await nginx.logged());
    const samples = await agent.scrape();
    const lost = (pid: number, labels = {}): number =>
      sum(samples, "ringtap_l7_lost_requests_total", { pid, ...labels });
    const server = total(byStatus(samples, "server", nginx.worker)) + lost(nginx.worker);
    const client = total(byStatus(samples, "client", wrk.pid)) + lost(wrk.pid);
    // One request for each connection can have been under way, at either end; nothing else is missing.
    for (const end of [nginx.worker, wrk.pid]) {
      assert(lost(end) <= 16 && lost(end) === lost(end, { reason: "joined_late" }), `${lost(end)} lost`);
    }
    assert(logged - later <= server && server <= logged - earlier, `${server} of ${logged} - ${earlier}, ${later}`);
    assert(Math.abs(client - server) <= 16, `${client} sent, ${server} received`);
  });

  it("are shown by trace, those that are asked for", async (t) => {
    const nginx = await started;
    const trace = await startTrace(t, [
      "l7",
      "--output=json",
      "--where",
      `pid=${nginx.worker} role=server status>=500`,
    ]);
    for (const [target, method] of [
      ["/failing", "GET"],
      ["/index.html", "GET"],
      ["/failing", "HEAD"],
      ["/none", "GET"],
    ] as const) {
      await (await fetch(`${nginx.url}${target}`, { method, headers: { connection: "close" } })).text();
    }
    const events = await eventually(() => {
      assert.equal(trace.events().length, 2);
      return trace.events();
    });
    assert.deepEqual(
      events.map(({ signal, comm, protocol, role, operation, status, error }) => [
        signal,
        comm,
        protocol,
        role,
        operation,
        status,
        error,
      ]),
      ["GET", "HEAD"].map((method) => ["l7", "nginx", "http", "server", method, 503, undefined]),
    );
    for (const { duration_seconds, local_port, remote_address } of events) {
      assert(Number(duration_seconds) > 0 && Number(duration_seconds) < 5);
      assert.deepEqual([local_port, remote_address], [Number(new URL(nginx.url).port), "127.0.0.1"]);
    }
  });
});
