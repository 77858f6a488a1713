/** Requests of Kafka: conversations of which each one is known, and clients' own counts, at both ends. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { describe, it } from "node:test";
import { promisify } from "node:util";

import { type Agent, startAgent, unlimitedSeries } from "../../support/agent.js";
import { testConversations } from "../../support/conversations.js";
import { eventually } from "../../support/eventually.js";
import { withFullRing } from "../../support/full-ring.js";
import { suite } from "../../support/kafka-conversations.js";
import { compileProgram, programSource } from "../../support/program.js";
import { by, type Counts, difference, total } from "../../support/request-counts.js";
import { type Samples, sum } from "../../support/samples.js";
import { type Scope, suiteScope } from "../../support/scope.js";
import { startTrace } from "../../support/trace.js";

const { metrics } = suite;

describe("requests of Kafka", () => {
  testConversations(suiteScope(), suite);
});

// Names by which an agent may choose these processes alone.
const tag = (process.pid % 46_656).toString(36).padStart(3, "0");
const compile = (name: string): string =>
  compileProgram(`${name}-${tag}`, programSource(name), ["-Wl,--no-as-needed", "-lrdkafka"]);
const [brokersProgram, clientProgram] = [compile("kafka-brokers"), compile("kafka-client")];
const comms = `kafka-brokers-${tag}`.slice(0, 15) + "," + `kafka-client-${tag}`.slice(0, 15);

/** librdkafka's mock cluster, with these arguments: test/kernel/programs/kafka-brokers.c. */
async function startBrokers(scope: Scope, ...args: readonly string[]) {
  const brokers = spawn(brokersProgram, args, { stdio: ["pipe", "pipe", "ignore"] });
  scope.after(() => brokers.kill("SIGKILL"));
  const [addresses] = (await once(brokers.stdout, "data")) as [Buffer];
  return { pid: brokers.pid ?? 0, addresses: addresses.toString().trim() };
}

/** The names that librdkafka's statistics have in other words. */
const spelled: Readonly<Record<string, string>> = { api_version: "api_versions" };

/** How many requests a client has sent, by name: what its statistics say of its brokers. */
function requestsIn(statistics: string): Counts {
  const { brokers } = JSON.parse(statistics) as { brokers: Record<string, { req: Counts }> };
  const counts: Counts = {};
  for (const [name, count] of Object.values(brokers).flatMap(({ req }) => Object.entries(req))) {
    const snake = name.replaceAll(/([a-z])([A-Z])/g, "$1_$2").toLowerCase();
    const operation = spelled[snake] ?? snake;
    counts[operation] = (counts[operation] ?? 0) + count;
  }
  return difference(counts, {});
}

async function runClient(...args: readonly string[]): Promise<{ pid: number; sent: Counts }> {
  const client = promisify(execFile)(clientProgram, args);
  const { pid = 0 } = client.child;
  return { pid, sent: requestsIn((await client).stdout) };
}

const requests = (samples: Samples, role: "client" | "server", pid: number): Counts =>
  by("messaging_operation_name", samples, metrics[role], { pid });

function assertNothingLost(samples: Samples, ...pids: readonly number[]): void {
  for (const pid of pids) {
    assert.equal(sum(samples, "ringtap_l7_lost_requests_total", { pid }), 0);
    assert.equal(sum(samples, "ringtap_l7_skipped_bytes_total", { pid }), 0);
    assert.equal(sum(samples, "ringtap_l7_bytes_total", { pid, kind: "opaque" }), 0);
  }
}

describe("requests of clients of librdkafka", () => {
  const scope = suiteScope();
  const started = startBrokers(scope, "2");
  let running: Promise<Agent> | undefined;
  const agentStarted = (): Promise<Agent> =>
    (running ??= started.then(async () =>
      startAgent(scope, ["--signals=l7", "--ring.size=64KiB", `--l7.comms=${comms}`, ...unlimitedSeries]),
    ));

  for (const [what, role, ...properties] of [
    ["with the acknowledgement of all", "produce", "acks=-1", "batch.num.messages=7"],
    ["without acknowledgement", "produce", "acks=0", "batch.num.messages=7"],
    ["with transactions' ids", "produce", "enable.idempotence=true", "batch.num.messages=11"],
    ["in a group", "consume"],
  ] as const) {
    it(`are as many as its statistics say, by name and at both ends: ${role} ${what}`, async () => {
      const { addresses, pid: server } = await started;
      const agent = await agentStarted();
      const before = requests(await agent.scrape(), "server", server);
      const { pid, sent } = await runClient(addresses, role, "2000", ...properties);
      await eventually(async () => {
        const samples = await agent.scrape();
        assert.deepEqual(difference(requests(samples, "client", pid), {}), sent);
        assert.deepEqual(difference(requests(samples, "server", server), before), sent);
        assertNothingLost(samples, server, pid);
      });
      assert((sent[role === "produce" ? "produce" : "fetch"] ?? 0) > 50, JSON.stringify(sent));
    });
  }

  it("are as many while their records are watched, and the ring is full", async () => {
    const { addresses, pid: server } = await started;
    const agent = await agentStarted();
    const before = requests(await agent.scrape(), "server", server);
    let client = { pid: 0, sent: {} as Counts };
    const samples = await withFullRing(agent, async () => {
      client = await runClient(addresses, "produce", "3000", "batch.num.messages=1", "linger.ms=0");
    });
    assert.equal(client.sent.produce, 3_000);
    assert.deepEqual(difference(requests(samples, "client", client.pid), {}), client.sent);
    assert.deepEqual(difference(requests(samples, "server", server), before), client.sent);
  });

  /** Has a client send without end. */
  const startFlood = (owner: Scope, addresses: string) => {
    const args = [addresses, "produce", "0", "batch.num.messages=1", "max.in.flight=5"];
    const client = spawn(clientProgram, args, { stdio: "ignore" });
    owner.after(() => client.kill("SIGKILL"));
    return client;
  };

  it("are counted when their client is killed", async (t) => {
    const { addresses, pid: server } = await startBrokers(t, "1");
    const agent = await agentStarted();
    const client = startFlood(t, addresses);
    const { pid = 0 } = client;
    await eventually(async () => assert((requests(await agent.scrape(), "client", pid).produce ?? 0) > 500));
    client.kill("SIGKILL");
    await once(client, "close");
    await eventually(async () => {
      const samples = await agent.scrape();
      const sent = requests(samples, "client", pid).produce ?? 0;
      const received = requests(samples, "server", server).produce ?? 0;
      // The brokers may not have read the last ones.
      assert(received <= sent && sent <= received + 5, `${sent} sent, ${received} received`);
      assertNothingLost(samples, server, pid);
    });
  });

  it("are counted from an agent that joins late: what was under way is lost as such", async (t) => {
    const { addresses, pid: server } = await startBrokers(t, "1");
    const client = startFlood(t, addresses);
    const { pid = 0 } = client;
    const agent = await startAgent(t, ["--signals=l7", `--l7.comms=${comms}`, ...unlimitedSeries]);
    await eventually(async () => {
      const samples = await agent.scrape();
      assert((requests(samples, "client", pid).produce ?? 0) > 2_000);
      assert((requests(samples, "server", server).produce ?? 0) > 2_000);
    });
    client.kill("SIGKILL");
    await once(client, "close");
    await eventually(async () => {
      const samples = await agent.scrape();
      const lost = (of: number, labels = {}): number =>
        sum(samples, "ringtap_l7_lost_requests_total", { pid: of, ...labels });
      for (const each of [server, pid]) {
        // Five at a time, and the one that a response was under way to.
        assert(lost(each) <= 6 && lost(each) === lost(each, { reason: "joined_late" }), `${lost(each)} lost`);
        assert.equal(sum(samples, "ringtap_l7_skipped_bytes_total", { pid: each, reason: "malformed" }), 0);
      }
      const sent = total(requests(samples, "client", pid)) + lost(pid);
      const received = total(requests(samples, "server", server)) + lost(server);
      assert(Math.abs(sent - received) <= 16, `${sent} sent, ${received} received`);
    });
  });

  it("that fail are shown by trace, by the name of their code", async (t) => {
    const { addresses, pid } = await startBrokers(t, "1", "10", "15", "15");
    const where = `pid=${pid} protocol=kafka code=COORDINATOR_NOT_AVAILABLE`;
    const trace = await startTrace(t, ["l7", "--output=json", "--where", where]);
    await runClient(addresses, "produce", "10");
    const consumer = spawn(clientProgram, [addresses, "consume", "10"], { stdio: "ignore" });
    t.after(() => consumer.kill("SIGKILL"));
    const events = await eventually(() => {
      assert.equal(trace.events().length, 2);
      return trace.events();
    });
    assert.deepEqual(
      events.map(({ signal, protocol, role, operation, code }) => [signal, protocol, role, operation, code]),
      Array.from({ length: 2 }, () => ["l7", "kafka", "server", "find_coordinator", "COORDINATOR_NOT_AVAILABLE"]),
    );
  });
});

describe("a connection that begins as one of Kafka's may", () => {
  /** What a client sends, and what a server answers; both are this process. Resolves to what is counted. */
  async function counted(scope: Scope, request: string, response: string) {
    const agent = await startAgent(scope, ["--signals=l7", `--l7.pids=${process.pid}`, ...unlimitedSeries]);
    const server = createServer((socket) => {
      socket.on("data", () => socket.write(response, "latin1"));
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    scope.after(() => server.close());
    const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
    scope.after(() => client.destroy());
    client.write(request, "latin1");
    await once(client, "data");
    client.destroy();
    await once(client, "close");
    return agent.scrape();
  }

  const own = { pid: process.pid };

  it("with Metadata is one of Kafka's, though it begins as one of PostgreSQL's does", async (t) => {
    const samples = await counted(
      t,
      "\0\0\0\x12\0\x03\0\0\0\0\0\x01\0\x04test\0\0\0\0",
      "\0\0\0\x0c\0\0\0\x01\0\0\0\0\0\0\0\0",
    );
    for (const role of ["client", "server"] as const) {
      assert.deepEqual(requests(samples, role, process.pid), { metadata: 1 }, role);
    }
    assert.equal(sum(samples, "ringtap_l7_bytes_total", { ...own, kind: "parsed", protocol: "kafka" }), 2 * (22 + 16));
  });

  for (const [what, request, response] of [
    // ConnectRequest and ConnectResponse, which are a Produce without acknowledgement but for the name of its client.
    ["of ZooKeeper", `\0\0\0\x2d${"\0".repeat(45)}`, `\0\0\0\x25${"\0".repeat(37)}`],
    ["whose answer is to no request", "\0\0\0\x0e\0\x12\0\0\0\0\0\x07\0\x04test", "\0\0\0\x08\0\0\0\x08\0\0\0\0"],
    ["of a client with an odd name", "\0\0\0\x0e\0\x12\0\0\0\0\0\x07\0\x04te\nt", "\0\0\0\x08\0\0\0\x07\0\0\0\0"],
  ] as const) {
    it(`and goes on otherwise counts as none: ${what}`, async (t) => {
      const samples = await counted(t, request, response);
      for (const role of ["client", "server"] as const) {
        assert.deepEqual(requests(samples, role, process.pid), {}, role);
      }
      assert.equal(sum(samples, "ringtap_l7_lost_requests_total", own), 0);
      assert(sum(samples, "ringtap_l7_bytes_total", { ...own, kind: "opaque", protocol: "unknown" }) > 0);
    });
  }
});
