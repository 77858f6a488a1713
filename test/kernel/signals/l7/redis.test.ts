/** Commands of Redis: conversations of which each one is known, and a server's own count under redis-benchmark, at both ends. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { describe, it } from "node:test";
import { promisify } from "node:util";

import { type Agent, startAgent, unlimitedSeries } from "../../support/agent.js";
import { startBusyClient } from "../../support/busy-client.js";
import { testConversations } from "../../support/conversations.js";
import { eventually } from "../../support/eventually.js";
import { withFullRing } from "../../support/full-ring.js";
import { scratch } from "../../support/program.js";
import { suite } from "../../support/redis-conversations.js";
import { by, type Counts, difference, total } from "../../support/request-counts.js";
import { type Samples, sum } from "../../support/samples.js";
import { type Scope, suiteScope } from "../../support/scope.js";
import { end, freePort, listening } from "../../support/servers.js";
import { startTrace } from "../../support/trace.js";

const metrics = {
  client: "db_client_operation_duration_seconds",
  server: "ringtap_db_server_operation_duration_seconds",
};

describe("commands of Redis", () => {
  testConversations(suiteScope(), suite);
});

interface Redis {
  readonly port: number;
  readonly pid: number;
  /** Sends commands in lines, and resolves to what it answers: as many bytes as there are within a while. */
  readonly client: Socket;
  /** Commands that it has received, by name. */
  commands(): Promise<Counts>;
  /** Errors that it has answered, by their first word. */
  errors(): Promise<Counts>;
}

/** What INFO says of a client's connection. */
async function info(port: number, section: string): Promise<string> {
  const { stdout } = await promisify(execFile)("redis-cli", ["-p", `${port}`, "INFO", section]);
  return stdout;
}

async function startRedis(scope: Scope): Promise<Redis> {
  const folder = scratch("redis");
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const options = ["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder];
  const server = spawn("redis-server", [...options, "--loglevel", "warning"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  scope.after(() => end(server));
  await listening(port);
  const client = connect(port, "127.0.0.1");
  scope.after(() => client.destroy());
  return {
    port,
    pid: server.pid ?? 0,
    client,
    async commands() {
      const counts: Counts = {};
      const lines = (await info(port, "commandstats")).matchAll(
        /^cmdstat_([^:|]+)\S*:calls=(\d+),.*rejected_calls=(\d+)/gm,
      );
      for (const [, name = "", calls, rejected] of lines) {
        counts[name.toUpperCase()] = (counts[name.toUpperCase()] ?? 0) + Number(calls) + Number(rejected);
      }
      return counts;
    },
    async errors() {
      const lines = (await info(port, "errorstats")).matchAll(/^errorstat_(\w+):count=(\d+)/gm);
      return Object.fromEntries(Array.from(lines, ([, code = "", count]) => [code, Number(count)]));
    },
  };
}

/** Entries but for those that are 0, or of a command that the test itself sends meanwhile. */
function cleaned(counts: Counts): Counts {
  return Object.fromEntries(
    Object.entries(counts)
      .filter(([name, count]) => count !== 0 && name !== "INFO")
      .toSorted(),
  );
}

describe("commands of a Redis server", () => {
  const scope = suiteScope();
  const started = startRedis(scope);
  let running: Promise<Agent> | undefined;
  const agentStarted = (): Promise<Agent> =>
    (running ??= started.then(async () =>
      startAgent(scope, ["--signals=l7", "--ring.size=64KiB", ...unlimitedSeries]),
    ));

  for (const depth of [1, 16, 100]) {
    it(`are as many as it counts, by name, with pipelines of ${depth} and at both ends`, async () => {
      const redis = await started;
      const agent = await agentStarted();
      await agent.scrape();
      const earlier = await redis.commands();
      const before = by("db_operation_name", await agent.scrape(), metrics.server, { pid: redis.pid });
      const benchmark = promisify(execFile)("redis-benchmark", [
        ...["-p", `${redis.port}`, "-P", `${depth}`, "-n", `${depth * 2_000}`, "-c", "20", "-q"],
        ...["-t", "ping,set,get,incr,lpush,rpop,sadd,hset,zadd,lrange_100,mset"],
      ]);
      const { pid = 0 } = benchmark.child;
      await benchmark;
      const counted = await redis.commands();
      const samples = await agent.scrape();
      const server = by("db_operation_name", samples, metrics.server, { pid: redis.pid });
      const expected = cleaned(
        Object.fromEntries(Object.entries(counted).map(([name, count]) => [name, count - (earlier[name] ?? 0)])),
      );
      const difference = Object.entries(server).map(([name, count]) => [name, count - (before[name] ?? 0)] as const);
      assert.deepEqual(cleaned(Object.fromEntries(difference)), expected);
      assert.deepEqual(cleaned(by("db_operation_name", samples, metrics.client, { pid })), expected);
      assert((expected.SET ?? 0) >= depth * 2_000);
      for (const each of [redis.pid, pid]) {
        assert.equal(sum(samples, "ringtap_l7_lost_requests_total", { pid: each }), 0);
        assert.equal(sum(samples, "ringtap_l7_skipped_bytes_total", { pid: each }), 0);
      }
    });
  }

  const operations = (samples: Samples, metric: string, pid: number): Counts =>
    cleaned(by("db_operation_name", samples, metric, { pid }));

  it("are as many while their records are watched, and the ring is full", async () => {
    const redis = await started;
    const agent = await agentStarted();
    const earlier = await redis.commands();
    const before = operations(await agent.scrape(), metrics.server, redis.pid);
    const options = ["-p", `${redis.port}`, "-P", "4", "-n", "10000", "-c", "10", "-q", "-t", "set,get,lpush"];
    let client = 0;
    const samples = await withFullRing(agent, async () => {
      const benchmark = promisify(execFile)("redis-benchmark", options);
      client = benchmark.child.pid ?? 0;
      await benchmark;
    });
    const expected = cleaned(difference(await redis.commands(), earlier));
    assert.deepEqual(cleaned(difference(operations(samples, metrics.server, redis.pid), before)), expected);
    assert.deepEqual(operations(samples, metrics.client, client), expected);
    assert.equal(expected.LPUSH, 10_000);
  });

  /** Has redis-benchmark send commands, eight at once, as long as the test runs; resolves once it has sent some. */
  async function startBenchmark(owner: Scope) {
    const redis = await started;
    const options = ["-p", `${redis.port}`, "-P", "2", "-n", "100000000", "-c", "4", "-q", "-t", "incr"];
    return startBusyClient(owner, "redis-benchmark", options, async () => total(await redis.commands()));
  }

  it("are counted when their client is killed", async (t) => {
    const redis = await started;
    const agent = await agentStarted();
    const before = operations(await agent.scrape(), metrics.server, redis.pid).INCR ?? 0;
    const earlier = (await redis.commands()).INCR ?? 0;
    const { pid, kill } = await startBenchmark(t);
    await kill();
    await eventually(async () => {
      const samples = await agent.scrape();
      const received = (operations(samples, metrics.server, redis.pid).INCR ?? 0) - before;
      const sent = operations(samples, metrics.client, pid).INCR ?? 0;
      assert.equal(received, ((await redis.commands()).INCR ?? 0) - earlier);
      // Of each connection, the server may not have read the last two.
      assert(received <= sent && sent <= received + 8, `${sent} sent, ${received} received`);
      for (const each of [redis.pid, pid]) {
        assert.equal(sum(samples, "ringtap_l7_lost_requests_total", { pid: each }), 0);
      }
    });
  });

  it("are counted from an agent that joins late: what was under way is lost as such", async (t) => {
    const redis = await started;
    const { pid, kill } = await startBenchmark(t);
    const increments = async (): Promise<number> => (await redis.commands()).INCR ?? 0;
    const earlier = await increments();
    const agent = await startAgent(t, ["--signals=l7", ...unlimitedSeries]);
    const later = await increments();
    await eventually(async () => {
      assert((operations(await agent.scrape(), metrics.server, redis.pid).INCR ?? 0) > 2_000);
    });
    await kill();
    await eventually(async () => {
      const all = await increments();
      const samples = await agent.scrape();
      const lost = (of: number, labels = {}): number =>
        sum(samples, "ringtap_l7_lost_requests_total", { pid: of, ...labels });
      const received = (operations(samples, metrics.server, redis.pid).INCR ?? 0) + lost(redis.pid);
      const sent = (operations(samples, metrics.client, pid).INCR ?? 0) + lost(pid);
      // Two for each connection can have been under way, at either end.
      for (const each of [redis.pid, pid]) {
        assert(lost(each) <= 8 && lost(each) === lost(each, { reason: "joined_late" }), `${lost(each)} lost`);
      }
      // What was under way of several commands is one response at the least.
      assert(all - later - 4 <= received && received <= all - earlier, `${received} of ${all} - ${earlier}, ${later}`);
      assert(Math.abs(sent - received) <= 8, `${sent} sent, ${received} received`);
    });
  });

  it("that fail are as many as it counts, by error, and trace shows them", async (t) => {
    const redis = await started;
    const agent = await agentStarted();
    const trace = await startTrace(t, [
      "l7",
      "--output=json",
      "--where",
      `pid=${redis.pid} protocol=redis code=WRONGTYPE`,
    ]);
    await agent.scrape();
    const before = by("error_type", await agent.scrape(), metrics.server, { pid: redis.pid });
    const earlier = await redis.errors();
    redis.client.write(
      "PING\r\nSET text secret\r\nLPUSH text x\r\nEVALSHA 0 0\r\nGET\r\nNOSUCH text\r\nMULTI\r\nGET\r\nEXEC\r\nHSET text a b\r\n" +
        "EVAL \"return redis.error_reply('MINE it is')\" 0\r\nPING\r\n",
    );
    await eventually(async () => {
      assert.equal((await redis.errors()).MINE, (earlier.MINE ?? 0) + 1);
    });
    const errors = Object.entries(await redis.errors()).map(
      ([code, count]) => [code, count - (earlier[code] ?? 0)] as const,
    );
    const { MINE = 0, ...others } = Object.fromEntries(errors);
    const counted = Object.entries(by("error_type", await agent.scrape(), metrics.server, { pid: redis.pid }));
    const { "": ok = 0, ...failed } = Object.fromEntries(
      counted.map(([code, count]) => [code, count - (before[code] ?? 0)]),
    );
    assert.deepEqual(cleaned(failed), cleaned({ ...others, _OTHER: MINE }));
    assert(ok >= 4);
    const events = await eventually(() => {
      assert.equal(trace.events().length, 2);
      return trace.events();
    });
    assert.deepEqual(
      events.map(({ signal, comm, protocol, role, operation, status, code, error }) => [
        ...[signal, comm, protocol, role],
        ...[operation, status, code, error],
      ]),
      ["LPUSH", "HSET"].map((name) => [
        "l7",
        "redis-server",
        "redis",
        "server",
        name,
        undefined,
        "WRONGTYPE",
        undefined,
      ]),
    );
    assert(!JSON.stringify(events).includes("text"));
  });
});
