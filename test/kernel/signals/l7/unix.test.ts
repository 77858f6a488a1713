/** Requests over Unix sockets: conversations of which each one is known, and servers' own counts, at both ends. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { createServer, Agent as Connections, request } from "node:http";
import { describe, it } from "node:test";
import { promisify } from "node:util";

import { startAgent, unlimitedSeries } from "../../support/agent.js";
import { suite as amqp } from "../../support/amqp-conversations.js";
import { type Suite, testConversations } from "../../support/conversations.js";
import { eventually } from "../../support/eventually.js";
import { suite as grpc } from "../../support/grpc-conversations.js";
import { suite as http } from "../../support/http-conversations.js";
import { suite as http2 } from "../../support/http2-conversations.js";
import { suite as kafka } from "../../support/kafka-conversations.js";
import { suite as memcached } from "../../support/memcached-conversations.js";
import { suite as mysql } from "../../support/mysql-conversations.js";
import { suite as postgresql } from "../../support/postgresql-conversations.js";
import { compileProgram, programSource, runProgram, scratch } from "../../support/program.js";
import { suite as redis } from "../../support/redis-conversations.js";
import { by, type Counts, total } from "../../support/request-counts.js";
import { type Samples, sum } from "../../support/samples.js";
import { type Scope, suiteScope } from "../../support/scope.js";
import { end, listening } from "../../support/servers.js";
import { startTrace } from "../../support/trace.js";

function overUnix<R>(name: string, suite: Suite<R>): void {
  describe(`${name} over a Unix socket`, () => {
    testConversations(suiteScope(), { ...suite, socket: scratch(`${name}.sock`), flags: ["--l7.unix"] });
  });
}

overUnix("http", http);
overUnix("http2", http2);
overUnix("grpc", grpc);
overUnix("postgresql", postgresql);
overUnix("mysql", mysql);
overUnix("redis", redis);
overUnix("memcached", memcached);
overUnix("amqp", amqp);
overUnix("kafka", kafka);

const program = compileProgram("unix-requests", programSource("unix-requests"));

/** Requests of HTTP by how they ended. */
function ended(samples: Samples, role: string, comm: string): Counts {
  return by("error_type", samples, `http_${role}_request_duration_seconds`, { comm });
}

describe("requests over Unix sockets", () => {
  const scope = suiteScope();
  const starting = (async () => {
    const agent = await startAgent(scope, ["--signals=l7,tcp", "--l7.unix", ...unlimitedSeries]);
    // By then it has read which sockets were there before.
    await agent.scrape();
    return agent;
  })();

  it("count for who has the descriptor, of a socketpair too", async () => {
    const agent = await starting;
    await runProgram(program, ["pass"]);
    const samples = await agent.scrape();
    assert.deepEqual(
      [
        ended(samples, "client", "up-client"),
        ended(samples, "server", "up-first"),
        ended(samples, "server", "up-second"),
      ],
      [{ "": 10 }, { "": 4 }, { "": 6 }],
    );
  });

  it("are told apart where sockets follow each other in the same memory, and end with their sockets", async () => {
    const agent = await starting;
    await runProgram(program, ["3000", scratch("short.sock")]);
    // Whether a socket has been closed, the kernel is asked before each scrape.
    const samples = await agent.scrape();
    for (const [role, comm] of [
      ["client", "us-client"],
      ["server", "us-server"],
    ] as const) {
      assert.deepEqual(ended(samples, role, comm), { "": 3_000, closed: 3_000 }, role);
      assert.equal(sum(samples, "ringtap_l7_lost_requests_total", { comm }), 0);
      assert.equal(sum(samples, "ringtap_l7_unanswered_requests_total", { comm, reason: "closed" }), 3_000);
    }
  });

  it("are as many as Redis counts, by name, at full rate and while the agent is stopped", async (t) => {
    const agent = await starting;
    const server = await startRedis(t);
    const { socket, pid } = server;
    const benchmark = promisify(execFile)("redis-benchmark", [
      ...["-s", socket, "-P", "16", "-n", "64000", "-c", "20", "-q"],
      ...["-t", "ping,set,get,incr,lpush,lrange_100,mset"],
    ]);
    process.kill(agent.pid, "SIGSTOP");
    try {
      await benchmark;
    } finally {
      process.kill(agent.pid, "SIGCONT");
    }
    const counted = await server.commands();
    const samples = await agent.scrape();
    const counts = (role: keyof typeof redis.metrics, of: number): Counts => {
      const names = by("db_operation_name", samples, redis.metrics[role], { pid: of });
      return Object.fromEntries(Object.entries(names).filter(([name]) => name !== "INFO"));
    };
    assert.deepEqual(counts("server", pid), counted);
    assert.deepEqual(counts("client", benchmark.child.pid ?? 0), counted);
    assert((counted.SET ?? 0) >= 64_000, JSON.stringify(counted));
    const bytes = (direction: string, of: number): number =>
      sum(samples, "ringtap_l7_unix_bytes_total", { pid: of, protocol: "redis", direction, kind: "parsed" });
    assert(bytes("sent", benchmark.child.pid ?? 0) > 64_000);
    for (const of of [pid, benchmark.child.pid ?? 0]) {
      assert.equal(sum(samples, "ringtap_l7_unix_bytes_total", { pid: of, kind: "skipped" }), 0);
      assert.equal(sum(samples, "ringtap_l7_bytes_total", { pid: of }), 0);
    }
  });

  it("are counted from an agent that joins late, and of connections that begin later on", async (t) => {
    const socketPath = scratch("late.sock");
    const server = createServer((_, response) => response.end("x".repeat(100))).listen(socketPath);
    t.after(() => server.close());
    const ask = (connections: Connections | undefined): Promise<void> =>
      new Promise<void>((resolve, reject) => {
        request({ socketPath, path: "/late", agent: connections }, (response) => response.resume().on("end", resolve))
          .on("error", reject)
          .end();
      });
    const kept = new Connections({ keepAlive: true, maxSockets: 1 });
    t.after(() => kept.destroy());
    await ask(kept);
    const agent = await startAgent(t, ["--signals=l7", "--l7.unix", ...unlimitedSeries]);
    for (let n = 0; n < 7; n++) {
      await ask(kept);
    }
    for (let n = 0; n < 5; n++) {
      await ask(undefined);
    }
    const samples = await agent.scrape();
    for (const role of ["client", "server"]) {
      assert.equal(
        total(by("http_response_status_code", samples, `http_${role}_request_duration_seconds`, { pid: process.pid })),
        12,
        role,
      );
    }
    const skipped = { pid: process.pid, kind: "skipped" };
    assert.equal(sum(samples, "ringtap_l7_unix_bytes_total", { ...skipped, protocol: "http" }), 0);
  });

  it("are shown by trace, with the name of their socket", async (t) => {
    const { socket, pid } = await startRedis(t);
    const trace = await startTrace(t, ["l7", "--l7.unix", "--output=json", "--where", `pid=${pid} operation=GET`]);
    const asking = promisify(execFile)("redis-cli", ["-s", socket, "GET", "some-key"]);
    await asking;
    await eventually(() => {
      assert.equal(trace.events().length, 1);
    });
    for (const { role, operation, unix_socket, local_port, remote_address } of trace.events()) {
      assert.deepEqual(
        [role, operation, unix_socket, local_port, remote_address],
        ["server", "GET", socket, undefined, undefined],
      );
    }
  });

  it("have the name of their socket as that of the peer's service", async (t) => {
    const { socket, pid } = await startRedis(t);
    const agent = await startAgent(t, [
      ...["--signals=l7", "--l7.unix", "--l7.comms=redis-server,redis-cli", "--peer.labels=peer_service"],
      ...unlimitedSeries,
    ]);
    await agent.scrape();
    const asking = promisify(execFile)("redis-cli", ["-s", socket, "GET", "some-key"]);
    await asking;
    const samples = await agent.scrape();
    const labels = { db_operation_name: "GET", peer_service: socket };
    for (const [role, of] of [
      ["client", asking.child.pid ?? 0],
      ["server", pid],
    ] as const) {
      assert.equal(sum(samples, `${redis.metrics[role]}_count`, { ...labels, pid: of }), 1, role);
    }
  });

  it("are not looked for without the flag", async (t) => {
    const agent = await startAgent(t, ["--signals=l7", ...unlimitedSeries]);
    const { socket } = await startRedis(t);
    const asking = promisify(execFile)("redis-cli", ["-s", socket, "GET", "some-key"]);
    await asking;
    const samples = await agent.scrape();
    assert.equal(sum(samples, "ringtap_l7_bytes_total", { pid: asking.child.pid ?? 0 }), 0);
  });
});

interface Redis {
  readonly socket: string;
  readonly pid: number;
  /** Commands that it has received, by name, but for INFO. */
  commands(): Promise<Counts>;
}

async function startRedis(scope: Scope): Promise<Redis> {
  const socket = scratch("redis.sock");
  const options = ["--port", "0", "--unixsocket", socket, "--save", "", "--loglevel", "warning"];
  const server = spawn("redis-server", options, { stdio: ["ignore", "ignore", "inherit"] });
  scope.after(() => end(server));
  await listening(socket);
  return {
    socket,
    pid: server.pid ?? 0,
    async commands() {
      const { stdout } = await promisify(execFile)("redis-cli", ["-s", socket, "INFO", "commandstats"]);
      const counts: Counts = {};
      for (const [, name = "", calls] of stdout.matchAll(/^cmdstat_([^:|]+)\S*:calls=(\d+)/gm)) {
        counts[name.toUpperCase()] = (counts[name.toUpperCase()] ?? 0) + Number(calls);
      }
      return counts;
    },
  };
}
