/** l7 against nginx under wrk: its own log, wrk's count and ringtap's are equal, by status. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";

import { startAgent, unlimitedSeries } from "../../support/agent.js";
import { eventually } from "../../support/eventually.js";
import { byStatus, type Nginx, startNginx, startWrk } from "../../support/nginx.js";
import { select, sum } from "../../support/samples.js";
import { suiteScope } from "../../support/scope.js";
import { startTrace } from "../../support/trace.js";

/** wrk goes through all of these: statuses of four classes, and bodies by sendfile; a POST to a file is 405. */
const targets = ["/index.html", "/big", "/none", "/no-content", "/moved", "/failing", "/index.html"];
const script = `
local targets, n = {${targets.map((target) => JSON.stringify(target)).join(",")}}, 0
request = function()
  n = n + 1
  return wrk.format(n % 11 == 0 and "POST" or "GET", targets[n % #targets + 1])
end`;

const locations = `location /no-content { return 204; }
    location /moved { return 301 /; }
    location /failing { return 503 "no"; }`;

describe("requests of nginx under wrk", () => {
  const scope = suiteScope();
  const started = startNginx(scope, locations);
  const load = (nginx: Nginx, seconds: number) => startWrk(nginx, script, seconds);
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
    const wrk = await load(nginx, 2).counts;
    await stopping;
    const logged = await nginx.logged();
    const samples = await agent.scrape();
    assert.deepEqual(byStatus(samples, "server", nginx.worker), logged);
    const complete = select(samples, "http_client_request_duration_seconds_count", { pid: wrk.pid });
    const whole = [...complete].filter(([series]) => !/error_type="[a-z]/.test(series));
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
    const earlier = await dropped();
    const { child, counts } = load(nginx, 60);
    t.after(() => child.kill("SIGKILL"));
    counts.catch(() => undefined);
    // It cannot drain its ring until that is full of records.
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
    assert((await dropped()) > earlier);
  });

  it("are counted when their client is killed: those that it sent were reset, or cut short", async (t) => {
    const nginx = await started;
    const agent = await tracing;
    const earlier = total(nginx.log());
    const { child, counts } = load(nginx, 60);
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
    const { child, counts } = load(nginx, 60);
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
