/** Requests of HTTP/2: what nghttpd answers, h2load counts and ringtap counts are equal, by status, at both ends. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { promisify } from "node:util";

import { startAgent, unlimitedSeries } from "../../support/agent.js";
import { eventually } from "../../support/eventually.js";
import { scratch } from "../../support/program.js";
import { type Samples, select, sum } from "../../support/samples.js";
import { type Scope, suiteScope } from "../../support/scope.js";
import { end, freePort, listening } from "../../support/servers.js";
import { startTrace } from "../../support/trace.js";

/** Statuses of three classes, of which 301 is in no static table; h2load takes them in turn, for each of its connections. */
const targets = { "/index.html": "200", "/folder": "301", "/none": "404", "/big": "200" };
const clients = 8;

interface Nghttpd {
  readonly url: string;
  readonly pid: number;
}

async function startNghttpd(scope: Scope): Promise<Nghttpd> {
  const folder = scratch("nghttpd");
  mkdirSync(`${folder}/folder`, { recursive: true });
  const port = await freePort();
  writeFileSync(`${folder}/index.html`, "x".repeat(612));
  writeFileSync(`${folder}/big`, "y".repeat(70_000));
  const server = spawn("nghttpd", ["--no-tls", "-a", "127.0.0.1", "-d", folder, `${port}`], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  scope.after(() => end(server));
  await listening(port);
  return { url: `http://127.0.0.1:${port}`, pid: server.pid ?? 0 };
}

/** Has h2load make requests: the child, and how many responses of each class it has counted. */
function startH2load({ url }: Nghttpd, streams: number, requests: number, options: readonly string[] = []) {
  const urls = Object.keys(targets).map((target) => `${url}${target}`);
  const running = promisify(execFile)("h2load", [
    ...["-n", `${requests}`, "-c", `${clients}`, "-m", `${streams}`, "-t", "1"],
    ...options,
    ...urls,
  ]);
  const { child } = running;
  const counts = running.then(({ stdout }) => {
    const [, ...classes] = /^status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx$/m.exec(stdout) ?? [];
    const [ok, moved, missing, failed] = classes.map(Number);
    return { "200": ok, "301": moved, "404": missing, failed };
  });
  return { child, counts };
}

/** Requests of a role by status, those that were cut short by how they were. */
function byStatus(samples: Samples, role: string, pid: number): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [series, count] of select(samples, `http_${role}_request_duration_seconds_count`, {
    pid,
    network_protocol_version: "2",
  })) {
    const [, error] = /error_type="(\w+)"/.exec(series) ?? [];
    const status = error ?? /http_response_status_code="([^"]*)"/.exec(series)?.[1] ?? "none";
    counts[status] = (counts[status] ?? 0) + count;
  }
  return counts;
}

/** The same by status and path. */
function byRoute(samples: Samples, role: "client" | "server", pid: number): Record<string, number> {
  const counts: Record<string, number> = {};
  const label = role === "client" ? "url_template" : "http_route";
  for (const [series, count] of select(samples, `http_${role}_request_duration_seconds_count`, { pid })) {
    const valueOf = (name: string): string => new RegExp(`${name}="([^"]*)"`).exec(series)?.[1] ?? "";
    const key = `${valueOf("http_response_status_code")} ${valueOf(label)}`;
    counts[key] = (counts[key] ?? 0) + count;
  }
  return counts;
}

/** Requests by status and path: of each path as many as there may be, with no other status; those that have none are as many as it lacks. */
function checkRoutes(counts: Record<string, number>, each: number): void {
  const expected = Object.entries(targets).map(([path, status]) => `${status} ${path}`);
  for (const [route, count] of Object.entries(counts)) {
    assert(expected.includes(route) ? count <= each : route.endsWith(" ~unknown"), `${count} of ${route}`);
  }
  for (const status of new Set(Object.values(targets))) {
    const ofStatus = Object.entries(counts).filter(([route]) => route.startsWith(`${status} `));
    const paths = expected.filter((route) => route.startsWith(`${status} `));
    assert.equal(total(Object.fromEntries(ofStatus)), paths.length * each, JSON.stringify(counts));
  }
}

function difference(counts: Record<string, number>, before: Record<string, number>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(counts)
      .map(([status, count]) => [status, count - (before[status] ?? 0)] as const)
      .filter(([, count]) => count !== 0),
  );
}

const total = (counts: Record<string, number>): number => Object.values(counts).reduce((sum, count) => sum + count, 0);

describe("requests of nghttpd under h2load", () => {
  const scope = suiteScope();
  const started = startNghttpd(scope);
  const tracing = startAgent(scope, [
    "--signals=l7,tcp",
    "--web.listen-address=127.0.0.1:0",
    "--ring.size=64KiB",
    ...unlimitedSeries,
  ]);

  for (const streams of [20, 100]) {
    it(`are as many as both count, by status, with ${clients} x ${streams} streams`, async () => {
      const server = await started;
      const agent = await tracing;
      const earlier = await agent.scrape();
      const before = byStatus(earlier, "server", server.pid);
      const routesBefore = byRoute(earlier, "server", server.pid);
      const { child, counts } = startH2load(server, streams, 24_000);
      const { failed, ...expected } = await counts;
      const samples = await agent.scrape();
      const client = child.pid ?? 0;
      assert.deepEqual(byStatus(samples, "client", client), expected);
      assert.deepEqual(difference(byStatus(samples, "server", server.pid), before), expected);
      assert.deepEqual([failed, total(expected as Record<string, number>)], [0, 24_000]);
      const routes = byRoute(samples, "client", client);
      checkRoutes(routes, 6_000);
      assert(Object.keys(routes).length >= 4, JSON.stringify(routes));
      checkRoutes(difference(byRoute(samples, "server", server.pid), routesBefore), 6_000);
      assert(Object.values(expected).every((count) => (count ?? 0) >= 3_000));
      for (const pid of [server.pid, client]) {
        assert.equal(sum(samples, "ringtap_l7_lost_requests_total", { pid }), 0);
        assert.equal(sum(samples, "ringtap_l7_skipped_bytes_total", { pid }), 0);
        assert.equal(sum(samples, "ringtap_l7_bytes_total", { pid, kind: "opaque" }), 0);
      }
    });
  }

  it("are as many while the agent is stopped, and the ring is full of records that are watched", async (t) => {
    const server = await started;
    const agent = await tracing;
    const watching = await agent.get("/api/live?tail=1&signals=l7");
    t.after(() => watching.body?.cancel());
    const account = async (metric: string, labels = {}): Promise<number> =>
      sum(await agent.scrape(), metric, { signal: "l7", ...labels });
    await startH2load(server, 1, clients).counts;
    // It cannot drain its ring until that is full of records.
    await eventually(async () => {
      await startH2load(server, 1, clients).counts;
      assert((await account("ringtap_events_produced_total")) > 0);
    });
    const before = byStatus(await agent.scrape(), "server", server.pid);
    process.kill(agent.pid, "SIGSTOP");
    t.after(() => process.kill(agent.pid, "SIGCONT"));
    const { child, counts } = startH2load(server, 100, 16_000);
    const { failed, ...expected } = await counts;
    process.kill(agent.pid, "SIGCONT");
    const samples = await agent.scrape();
    assert.deepEqual(byStatus(samples, "client", child.pid ?? 0), expected);
    assert.deepEqual(difference(byStatus(samples, "server", server.pid), before), expected);
    assert.equal(failed, 0);
    assert((await account("ringtap_events_dropped_total", { reason: "ring_full" })) > 0);
    // Neither did header blocks find a place; those that follow have their paths.
    checkRoutes(byRoute(samples, "client", child.pid ?? 0), 4_000);
    assert(sum(samples, "ringtap_l7_unnamed_requests_total", { reason: "ring_full" }) > 0);
    const after = startH2load(server, 1, 4 * clients);
    await after.counts;
    const routes = byRoute(await agent.scrape(), "client", after.child.pid ?? 0);
    assert.deepEqual(
      routes,
      Object.fromEntries(Object.entries(targets).map(([path, status]) => [`${status} ${path}`, clients])),
    );
  });

  it("are counted when their client is killed: those that it sent have ended, or were cut off", async (t) => {
    const server = await started;
    const agent = await tracing;
    const before = await agent.scrape();
    const { child, counts } = startH2load(server, 100, 100_000_000);
    t.after(() => child.kill("SIGKILL"));
    counts.catch(() => undefined);
    const client = child.pid ?? 0;
    await eventually(async () => {
      assert(total(byStatus(await agent.scrape(), "client", client)) > 500);
    });
    child.kill("SIGKILL");
    await assert.rejects(counts);
    const active = async () => {
      const samples = await agent.scrape();
      const received = difference(byStatus(samples, "server", server.pid), byStatus(before, "server", server.pid));
      const sent = byStatus(samples, "client", client);
      // Of each connection, nghttpd may not have read what was sent last.
      const most = clients * 100;
      assert(
        total(received) <= total(sent) && total(sent) <= total(received) + most,
        JSON.stringify({ received, sent }),
      );
      return { samples, received, sent };
    };
    const { samples, sent } = await eventually(active);
    const cut = (sent.closed ?? 0) + (sent.reset ?? 0) + (sent.truncated ?? 0);
    assert(cut > 0 && cut <= clients * 100, JSON.stringify(sent));
    for (const pid of [server.pid, client]) {
      assert.equal(sum(samples, "ringtap_l7_lost_requests_total", { pid }), 0);
    }
  });

  it("are counted from an agent that joins late: what was under way is lost as such", async (t) => {
    const server = await started;
    const { child, counts } = startH2load(server, 20, 100_000_000, ["--rps=400"]);
    t.after(() => child.kill("SIGKILL"));
    counts.catch(() => undefined);
    const client = child.pid ?? 0;
    const earlier = await tracing;
    await eventually(async () => {
      assert(total(byStatus(await earlier.scrape(), "client", client)) > 500);
    });
    const agent = await startAgent(t, ["--signals=l7", ...unlimitedSeries]);
    const lost = (samples: Samples, labels = {}): number =>
      sum(samples, "ringtap_l7_lost_requests_total", { pid: client, ...labels });
    const found = (samples: Samples): number => total(byStatus(samples, "client", client)) + lost(samples);
    let skipped = -1;
    await eventually(async () => {
      const samples = await agent.scrape();
      const before = skipped;
      skipped = sum(samples, "ringtap_l7_skipped_bytes_total", { pid: client });
      assert(found(samples) > 3_000 && skipped === before);
    });
    // From here on both see the same requests.
    const atLeast = await agent.scrape();
    const reference = total(byStatus(await earlier.scrape(), "client", client));
    const atMost = await agent.scrape();
    child.kill("SIGKILL");
    await assert.rejects(counts);
    await eventually(async () => {
      const since = total(byStatus(await earlier.scrape(), "client", client)) - reference;
      const samples = await agent.scrape();
      assert(found(samples) - found(atMost) <= since && since <= found(samples) - found(atLeast), `${since}`);
      assert(total(byStatus(samples, "client", client)) > 0 && lost(samples) > 0);
      assert.equal(lost(samples), lost(samples, { reason: "joined_late" }));
      // A status that was in a header table before is not known.
      for (const status of Object.keys(byStatus(samples, "client", client))) {
        assert.match(status, /^(200|301|404|~unknown|closed|reset|truncated)$/);
      }
      // h2load writes its paths out, so that they are known without what came before; none has another one's status.
      const pairs = Object.entries(targets).map(([path, known]) => `${known} ${path}`);
      const routes = Object.keys(byRoute(samples, "client", client));
      for (const [path, known] of Object.entries(targets)) {
        assert(routes.includes(`${known} ${path}`) || routes.includes(`~unknown ${path}`), JSON.stringify(routes));
      }
      const named = routes.filter((route) => /^\d.* \//.test(route));
      assert.deepEqual(
        named.filter((route) => !pairs.includes(route)),
        [],
      );
    });
  });

  it("are shown by trace, those that are asked for", async (t) => {
    const server = await started;
    const trace = await startTrace(t, ["l7", "--output=json", "--where", `pid=${server.pid} role=server status=404`]);
    await startH2load(server, 1, 4 * clients).counts;
    const events = await eventually(() => {
      assert.equal(trace.events().length, clients);
      return trace.events();
    });
    for (const { comm, protocol, operation, status, error, duration_seconds } of events) {
      assert.deepEqual([comm, protocol, operation, status, error], ["nghttpd", "http2", "GET", 404, undefined]);
      assert(Number(duration_seconds) > 0 && Number(duration_seconds) < 5);
    }
  });
});
