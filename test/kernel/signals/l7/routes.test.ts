/** Routes of HTTP's requests against the log of nginx: whatever has a record or not, the sum over routes is the log's count. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent as Connections, request } from "node:http";
import { connect } from "node:net";
import { describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";

import { startAgent, unlimitedSeries } from "../../support/agent.js";
import { eventually } from "../../support/eventually.js";
import { byStatus, type Nginx, startNginx, startWrk } from "../../support/nginx.js";
import { type Samples, select, sum } from "../../support/samples.js";
import { suiteScope } from "../../support/scope.js";
import { startTrace } from "../../support/trace.js";

const locations = `location /cart/ { return 503 "no"; }
    location /api/ { return 200 "yes"; }`;

const templates = ["--l7.http.routes=/cart/{cart_id}/items,/cart/{cart_id}", "--l7.http.routes=/files/*"];

/** wrk asks for ids that vary, for words, and for what a template has. */
const script = `
local n = 0
request = function()
  n = n + 1
  local targets = {"/api/users/" .. n * 7919, "/api/orders", "/cart/c" .. n .. "?x=/y", "/none/" .. n .. "/z"}
  return wrk.format("GET", targets[n % 4 + 1])
end`;

const metric = "http_server_request_duration_seconds";

/** Requests by status and route. */
function byRoute(samples: Samples, name: string, pid: number): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [series, count] of select(samples, name, { pid })) {
    const [, status = ""] = /http_response_status_code="(\d+)"/.exec(series) ?? [];
    const [, route = ""] = /(?:http_route|url_template)="([^"]*)"/.exec(series) ?? [];
    counts[`${status} ${route}`] = (counts[`${status} ${route}`] ?? 0) + count;
  }
  return counts;
}

/** Makes requests, one after the other, over one connection. */
async function get({ url }: Nginx, paths: readonly string[]): Promise<void> {
  const agent = new Connections({ keepAlive: true, maxSockets: 1 });
  const { hostname, port } = new URL(url);
  for (const path of paths) {
    await new Promise<void>((resolve, reject) => {
      request({ hostname, port, path, agent }, (response) => response.resume().on("end", resolve))
        .on("error", reject)
        .end();
    });
  }
  agent.destroy();
}

/** Makes a request by calls of one byte each. */
async function getByBytes({ url }: Nginx, path: string): Promise<void> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).setNoDelay();
  const ended = once(socket.resume(), "close");
  for (const byte of `GET ${path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n`) {
    await new Promise((resolve) => socket.write(byte, resolve));
  }
  await ended;
}

/** A flag: what tests beside this one do is left out. */
function onlyPortOf(url: string): string {
  return `--l7.ports=${new URL(url).port}`;
}

const letters = "a b c d e f g h i j k l m n o p q r s t u v w x y z".split(" ");

describe("routes", () => {
  const scope = suiteScope();
  const started = startNginx(scope, locations);
  // Others' requests would fill so small a ring.
  const running = started.then(({ url }) =>
    startAgent(scope, ["--signals=l7", "--ring.size=64KiB", onlyPortOf(url), ...templates, ...unlimitedSeries]),
  );

  it("are the templates that are given, else words and {id}; of each request one", async () => {
    const [nginx, agent] = [await started, await running];
    const words = [...letters, ...letters].map((letter, index) => `/shop/${letter.repeat(1 + (index % 3))}x`);
    const long = `/api/${"long/".repeat(20)}end`;
    await get(nginx, [
      ...["/cart/7/items", "/cart/7/items?a=b", "/cart/8", "/cart/abc", "/cart/7/other", "/cart/"],
      ...["/api/users/17", "/api/users/18/orders", "/api/users/550e8400-e29b-41d4-a716-446655440000"],
      ...["/files/a/b/c", "/files/", "/", "/index.html", "/api//x", "/api/%2e%2e/x", long],
    ]);
    // A ring that fills up has records left out, whose requests have no route: a scrape takes what there is.
    for (let from = 0; from < words.length; from += 13) {
      await agent.scrape();
      await get(
        nginx,
        words.slice(from, from + 13).flatMap((word) => [word, word]),
      );
    }
    await agent.scrape();
    await getByBytes(nginx, "/cart/some-id-of-a-cart/items?and=more");
    await getByBytes(nginx, `/api/${"x".repeat(100)}`);
    const logged = await nginx.logged();
    const samples = await agent.scrape();
    assert.deepEqual(byStatus(samples, "server", nginx.worker), logged);
    const client = byRoute(samples, "http_client_request_duration_seconds_count", process.pid);
    assert.equal(client["503 /cart/{cart_id}/items"], 3);
    assert.equal(client["200 /api/*"], 1);
    const found = Object.entries(byRoute(samples, `${metric}_count`, nginx.worker));
    const isLearned = ([route]: readonly [string, number]): boolean => route.startsWith("404 /shop/");
    const learned = found.filter(isLearned);
    assert.deepEqual(Object.fromEntries(found.filter((each) => !isLearned(each))), {
      "503 /cart/{cart_id}/items": 3,
      "503 /cart/{cart_id}": 3,
      "503 /cart/{id}/other": 1,
      "200 /api/users/{id}": 2,
      "200 /api/users/{id}/orders": 1,
      "404 /files/*": 2,
      "200 /": 1,
      "200 /index.html": 1,
      "200 /api//x": 1,
      "404 /api/{id}/x": 1,
      "200 /api/*": 1,
      "200 /api/long/long/long/long/long/long/long/*": 1,
    });
    // Twenty words are words; when one more comes, all vary.
    assert.equal(
      learned.reduce((total, [, count]) => total + count, 0),
      2 * words.length,
    );
    assert((Object.fromEntries(learned)["404 /shop/{id}"] ?? 0) >= 2 * (words.length - 20), JSON.stringify(learned));
    assert(learned.length <= 21);
  });

  it("add up to what the kernel counts while records are lost: by status, and in each bucket", async () => {
    const [nginx, agent] = [await started, await running];
    const stopping = (async () => {
      await setTimeout(300);
      process.kill(agent.pid, "SIGSTOP");
      await setTimeout(500);
      process.kill(agent.pid, "SIGCONT");
    })();
    const before = await agent.scrape();
    const wrk = await startWrk(nginx, script, 1).counts;
    await stopping;
    const logged = await nginx.logged();
    const samples = await agent.scrape();
    assert.deepEqual(byStatus(samples, "server", nginx.worker), logged);
    const counts = byRoute(samples, `${metric}_count`, nginx.worker);
    for (const route of ["200 /api/users/{id}", "200 /api/orders", "503 /cart/{cart_id}", "404 /none/{id}/z"]) {
      assert((counts[route] ?? 0) > 10, `${route} in ${JSON.stringify(counts)}`);
    }
    const unknown = Object.entries(counts).filter(([route]) => route.endsWith(" ~unknown"));
    assert.deepEqual(unknown.map(([route]) => route).toSorted(), ["200 ~unknown", "404 ~unknown", "503 ~unknown"]);
    assert(!Object.keys(counts).some((route) => route.includes("?")), JSON.stringify(counts));
    // All of it is in buckets, the last of which has it all.
    for (const [series, count] of select(samples, `${metric}_count`, { pid: nginx.worker })) {
      const last = series.replace("_count{", "_bucket{").replace(/\}$/, ',le="+Inf"}');
      assert.equal(samples.get(last), count, series);
    }
    // A client has routes too; what wrk made alone is known of it.
    const client = byRoute(samples, "http_client_request_duration_seconds_count", wrk.pid);
    const total = Object.values(client).reduce((sum, count) => sum + count, 0);
    assert(total >= wrk.requests && total <= wrk.requests + 16, `${total} of ${wrk.requests}`);
    const dropped = (of: Samples): number => sum(of, "ringtap_events_dropped_total", { signal: "l7" });
    assert(dropped(samples) > dropped(before));
  });

  it("of paths that were met often are counted in the kernel, whether anyone reads records or not", async () => {
    const [nginx, agent] = [await started, await running];
    await get(
      nginx,
      Array.from({ length: 12 }, () => "/api/known?a=b"),
    );
    const before = await agent.scrape();
    process.kill(agent.pid, "SIGSTOP");
    const wrk = await startWrk(nginx, 'request = function() return wrk.format("GET", "/api/known?c=d") end', 1).counts;
    process.kill(agent.pid, "SIGCONT");
    const logged = await nginx.logged();
    const samples = await agent.scrape();
    assert.deepEqual(byStatus(samples, "server", nginx.worker), logged);
    const difference = (name: string, pid: number): Record<string, number> => {
      const earlier = byRoute(before, name, pid);
      const counts = Object.entries(byRoute(samples, name, pid));
      return Object.fromEntries(
        counts
          .map(([route, count]) => [route, count - (earlier[route] ?? 0)] as const)
          .filter(([, count]) => count !== 0),
      );
    };
    const { "200 /api/known": known = 0, ...others } = difference(`${metric}_count`, nginx.worker);
    assert.deepEqual(others, {});
    assert(known >= wrk.requests, `${known} of ${wrk.requests}`);
    // The ring has space for a few hundred records.
    assert(known > 2000, `${known}`);
  });

  it("are known of one in so many where records are sampled, and of each request that failed", async (t) => {
    const nginx = await started;
    const agent = await startAgent(t, [
      ...["--signals=l7", "--l7.sample=4", onlyPortOf(nginx.url), "--l7.http.routes=/{word}/{name}"],
      ...unlimitedSeries,
    ]);
    const names = Array.from({ length: 400 }, (_, index) => index);
    await get(
      nginx,
      names.flatMap((name) => [`/api/${name}`, `/cart/${name}`]),
    );
    const samples = await agent.scrape();
    const counts = byRoute(samples, `${metric}_count`, nginx.worker);
    const { "200 /{word}/{name}": known = 0, "200 ~unknown": unknown = 0, ...failed } = counts;
    assert.equal(known + unknown, names.length, JSON.stringify(counts));
    assert.deepEqual(failed, { "503 /{word}/{name}": names.length });
    // A quarter of 400, give or take more than five standard deviations.
    assert(known > 50 && known < 150, JSON.stringify(counts));
    const client = byRoute(samples, "http_client_request_duration_seconds_count", process.pid);
    assert.equal(
      sum(samples, "ringtap_events_dropped_total", { signal: "l7", reason: "sampled" }),
      unknown + (client["200 ~unknown"] ?? 0),
    );
  });

  it("are traced, and chosen by", async (t) => {
    const nginx = await started;
    const where = `pid=${nginx.worker} status>=500 duration>1ns route=/cart/{cart_id}`;
    const trace = await startTrace(t, ["l7", "--output=json", onlyPortOf(nginx.url), ...templates, "--where", where]);
    await get(nginx, ["/cart/1", "/api/2", "/cart/2/items", "/cart/3"]);
    await eventually(() => {
      assert.equal(trace.events().length, 2);
    });
    assert.deepEqual(
      trace.events().map(({ role, route, status }) => [role, route, status]),
      [
        ["server", "/cart/{cart_id}", 503],
        ["server", "/cart/{cart_id}", 503],
      ],
    );
  });

  it("are none where none are wanted", async (t) => {
    const nginx = await started;
    const agent = await startAgent(t, ["--signals=l7", "--l7.http.routes-limit=0", ...unlimitedSeries]);
    await get(nginx, ["/cart/1", "/api/2", "/none"]);
    await eventually(async () => {
      const samples = await agent.scrape();
      assert.deepEqual(byRoute(samples, `${metric}_count`, nginx.worker), { "503 ": 1, "200 ": 1, "404 ": 1 });
    });
  });
});
