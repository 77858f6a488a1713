/** Connections that HAProxy hands on with a header of the PROXY protocol, to nginx and to Redis: as many requests as these count, at each end. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { describe, it } from "node:test";
import { promisify } from "node:util";

import { startAgent, unlimitedSeries } from "../../support/agent.js";
import { eventually } from "../../support/eventually.js";
import { byStatus, startNginx, startWrk } from "../../support/nginx.js";
import { scratch } from "../../support/program.js";
import { by, type Counts, total } from "../../support/request-counts.js";
import { type Samples, sum } from "../../support/samples.js";
import type { Scope } from "../../support/scope.js";
import { end, freePort, listening } from "../../support/servers.js";
import { certificate } from "../../support/tls.js";

interface Haproxy {
  readonly pid: number;
  /** Has it execute a command of its management guide. */
  command(line: string): Promise<void>;
}

/** Starts HAProxy with these proxies, as one process, and returns once it listens at these ports. */
async function startHaproxy(scope: Scope, proxies: string, ports: readonly number[]): Promise<Haproxy> {
  const folder = scratch(`haproxy-${ports.join("-")}`);
  mkdirSync(folder, { recursive: true });
  const path = `${folder}/haproxy.cfg`;
  writeFileSync(
    path,
    `global
  maxconn 1000
  stats socket ${folder}/admin level admin
defaults
  timeout connect 30s
  timeout check 300s
  timeout client 300s
  timeout server 300s
${proxies}`,
  );
  const haproxy = spawn("haproxy", ["-db", "-f", path], { stdio: ["ignore", "inherit", "inherit"] });
  scope.after(() => end(haproxy));
  for (const port of ports) {
    await listening(port);
  }
  return {
    pid: haproxy.pid ?? 0,
    async command(line) {
      const socket = connect(`${folder}/admin`).resume();
      socket.end(`${line}\n`);
      await once(socket, "close");
    },
  };
}

/** Asserts that nothing of a process was lost, and its bytes are all known. */
function assertNothingLost(samples: Samples, pid: number): void {
  assert.equal(sum(samples, "ringtap_l7_lost_requests_total", { pid }), 0);
  for (const kind of ["opaque", "skipped"]) {
    assert.equal(sum(samples, "ringtap_l7_bytes_total", { pid, kind }), 0, kind);
  }
}

const requests = `
local targets, n = {"/index.html", "/none", "/big", "/failing"}, 0
request = function()
  n = n + 1
  return wrk.format(n % 5 == 0 and "POST" or "GET", targets[n % #targets + 1], nil, n % 5 == 0 and "a=b" or nil)
end`;

describe("requests behind a header of the PROXY protocol", () => {
  for (const version of ["send-proxy", "send-proxy-v2"]) {
    it(`are as many as nginx logs, of HAProxy with ${version}, its checks among them`, async (t) => {
      const [behind, front] = [await freePort(), await freePort()];
      const nginx = await startNginx(
        t,
        `listen 127.0.0.1:${behind} proxy_protocol;
    location /failing { return 503 "no"; }
    location /checked { return 204; }`,
        " $proxy_protocol_addr",
      );
      const agent = await startAgent(t, ["--signals=l7,tcp", "--l7.comms=nginx,haproxy,wrk", ...unlimitedSeries]);
      await agent.scrape();
      const haproxy = await startHaproxy(
        t,
        `listen http
  mode http
  bind 127.0.0.1:${front}
  option httpchk GET /checked
  server nginx 127.0.0.1:${behind} ${version} check inter 50ms
`,
        [front],
      );
      const { pid } = haproxy;
      const wrk = await startWrk({ ...nginx, url: `http://127.0.0.1:${front}` }, requests, 2).counts;
      await haproxy.command("disable health http/nginx");
      // A check may be under way.
      const { logged, samples } = await eventually(async () => {
        const [logged, samples] = [await nginx.logged(), await agent.scrape()];
        assert.deepEqual(byStatus(samples, "server", nginx.worker), logged);
        assert.deepEqual(byStatus(samples, "client", pid), logged);
        return { logged, samples };
      });
      const checks = nginx.lines().filter((line) => line.includes("/checked")).length;
      const proxied = nginx.lines().filter((line) => line.endsWith(" 127.0.0.1")).length;
      assert(checks > 5 && wrk.requests > 100, JSON.stringify({ checks, wrk }));
      // A check of version 2 says that it is the proxy's own (LOCAL).
      assert.equal(proxied, total(logged) - (version === "send-proxy" ? 0 : checks));
      // Those of wrk that were under way at its end were answered to HAProxy alone.
      const served = total(byStatus(samples, "server", pid));
      assert(served >= wrk.requests && served <= wrk.requests + 16, `${served} of ${wrk.requests}`);
      assertNothingLost(samples, nginx.worker);
      assertNothingLost(samples, pid);
    });
  }

  it("are within TLS, which begins behind the header", async (t) => {
    const folder = scratch("proxy-tls");
    mkdirSync(folder, { recursive: true });
    const { cert, key } = certificate(folder);
    const [behind, front] = [await freePort(), await freePort()];
    const nginx = await startNginx(
      t,
      `listen 127.0.0.1:${behind} ssl proxy_protocol; ssl_certificate ${cert}; ssl_certificate_key ${key};
    location /failing { return 503 "no"; }`,
      " $proxy_protocol_addr",
    );
    const agent = await startAgent(t, ["--signals=l7,tcp", "--l7.tls", ...unlimitedSeries]);
    await agent.scrape();
    const proxy = `listen tls
  mode tcp
  bind 127.0.0.1:${front}
  server nginx 127.0.0.1:${behind} send-proxy-v2
`;
    const { pid } = await startHaproxy(t, proxy, [front]);
    await agent.scrape();
    const wrk = await startWrk({ ...nginx, url: `https://127.0.0.1:${front}` }, requests, 2).counts;
    const logged = await nginx.logged();
    // HAProxy's connection that found it listening was handed on, and closed.
    const samples = await eventually(async () => {
      const found = await agent.scrape();
      assert.deepEqual(byStatus(found, "server", nginx.worker), logged);
      return found;
    });
    assert(wrk.requests > 50 && nginx.lines().every((line) => line.endsWith(" 127.0.0.1")));
    assert.equal(total(byStatus(samples, "client", pid)), 0);
    for (const end of [nginx.worker, pid]) {
      assertNothingLost(samples, end);
      assert(sum(samples, "ringtap_l7_bytes_total", { pid: end, kind: "tls" }) > 10_000);
    }
  });

  it("are Redis's, through HAProxy that sends the header and HAProxy that takes it", async (t) => {
    const [port, taking, sending] = [await freePort(), await freePort(), await freePort()];
    const options = ["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--dir", "/tmp"];
    const redis = spawn("redis-server", [...options, "--loglevel", "warning"], { stdio: "ignore" });
    t.after(() => end(redis));
    await listening(port);
    const agent = await startAgent(t, ["--signals=l7,tcp", ...unlimitedSeries]);
    await agent.scrape();
    const { pid: second } = await startHaproxy(
      t,
      `listen taking
  mode tcp
  bind 127.0.0.1:${taking} accept-proxy
  server redis 127.0.0.1:${port}
`,
      [taking],
    );
    const { pid: first } = await startHaproxy(
      t,
      `listen sending
  mode tcp
  bind 127.0.0.1:${sending}
  server haproxy 127.0.0.1:${taking} send-proxy
`,
      [sending],
    );
    const run = promisify(execFile);
    const commands = "ping_mbulk,set,get,incr,lpush,lrange_100";
    await run("redis-benchmark", ["-p", `${sending}`, "-P", "8", "-n", "4000", "-c", "10", "-q", "-t", commands]);
    const { stdout } = await run("redis-cli", ["-p", `${port}`, "INFO", "commandstats"]);
    const counted: Counts = {};
    for (const [, name = "", calls] of stdout.matchAll(/^cmdstat_([^:|]+)\S*:calls=(\d+)/gm)) {
      if (name !== "info") {
        counted[name.toUpperCase()] = (counted[name.toUpperCase()] ?? 0) + Number(calls);
      }
    }
    const samples = await agent.scrape();
    const found = (role: string, pid: number): Counts => {
      const metric = role === "client" ? "db_client_operation" : "ringtap_db_server_operation";
      const counts = by("db_operation_name", samples, `${metric}_duration_seconds`, { pid });
      return Object.fromEntries(Object.entries(counts).filter(([name]) => !["INFO", "COMMAND"].includes(name)));
    };
    delete counted.COMMAND;
    assert(total(counted) > 20_000);
    for (const [role, pid] of [
      ["server", redis.pid ?? 0],
      ["client", second],
      ["server", second],
      ["client", first],
      ["server", first],
    ] as const) {
      assert.deepEqual(found(role, pid), counted, `${role} ${pid}`);
    }
    for (const pid of [first, second]) {
      assertNothingLost(samples, pid);
      for (const direction of ["sent", "received"]) {
        const bytes = sum(samples, "ringtap_l7_bytes_total", { pid, direction });
        assert.equal(bytes, sum(samples, `ringtap_tcp_${direction}_bytes_total`, { pid }), direction);
      }
    }
  });
});
