/** Operations of AMQP 0-9-1: conversations of which each one is known, and RabbitMQ's own count under load, at both ends. */
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { type Agent, startAgent, unlimitedSeries } from "../../support/agent.js";
import { suite } from "../../support/amqp-conversations.js";
import { startBusyClient } from "../../support/busy-client.js";
import { testConversations } from "../../support/conversations.js";
import { eventually } from "../../support/eventually.js";
import { withFullRing } from "../../support/full-ring.js";
import { startRabbitMq } from "../../support/rabbitmq.js";
import { by, type Counts, difference } from "../../support/request-counts.js";
import { type Samples, sum } from "../../support/samples.js";
import { suiteScope } from "../../support/scope.js";
import { startTrace } from "../../support/trace.js";

const { metrics } = suite;

describe("operations of AMQP", () => {
  testConversations(suiteScope(), suite);
});

const python = "/usr/bin/python3";
const load = fileURLToPath(new URL("../../../../../test/kernel/programs/amqp-load.py", import.meta.url));

/** What RabbitMQ counts as messages, by the operations that carry one each. */
function byBroker(counts: Counts): Counts {
  return {
    "basic.publish": counts.received ?? 0,
    "basic.deliver": (counts.delivered_consume_manual_ack ?? 0) + (counts.delivered_consume_auto_ack ?? 0),
    "basic.get":
      (counts.delivered_get_manual_ack ?? 0) + (counts.delivered_get_auto_ack ?? 0) + (counts.get_empty ?? 0),
    "basic.ack": counts.acknowledged ?? 0,
    "basic.return": counts.unroutable_returned ?? 0,
  };
}

/** Of some operations, those that RabbitMQ counts. */
function ofMessages(operations: Counts): Counts {
  return difference(Object.fromEntries(Object.keys(byBroker({})).map((name) => [name, operations[name] ?? 0])), {});
}

const operations = (samples: Samples, metric: string, pid: number): Counts =>
  by("messaging_operation_name", samples, metric, { pid, messaging_system: "rabbitmq" });

function assertNothingLost(samples: Samples, ...pids: readonly number[]): void {
  for (const pid of pids) {
    assert.equal(sum(samples, "ringtap_l7_lost_requests_total", { pid }), 0);
    assert.equal(sum(samples, "ringtap_l7_skipped_bytes_total", { pid, protocol: "amqp" }), 0);
  }
}

describe("operations of a RabbitMQ broker", () => {
  const scope = suiteScope();
  const started = startRabbitMq(scope);
  let running: Promise<Agent> | undefined;
  const agentStarted = (): Promise<Agent> =>
    (running ??= started.then(async ({ port }) =>
      startAgent(scope, ["--signals=l7", `--l7.ports=${port}`, "--ring.size=64KiB", ...unlimitedSeries]),
    ));

  /** Runs a client. Resolves to what it says that it has done, and to what both ends and the broker have counted of it. */
  async function run(what: string, around: (work: () => Promise<unknown>) => Promise<Samples>) {
    const broker = await started;
    const agent = await agentStarted();
    const before = operations(await agent.scrape(), metrics.server, broker.pid);
    const earlier = byBroker(await broker.counts());
    let [client, said] = [0, ""];
    const samples = await around(async () => {
      const running = promisify(execFile)(python, [load, `${broker.port}`, what]);
      client = running.child.pid ?? 0;
      said = (await running).stdout;
    });
    return {
      samples,
      client,
      done: difference(JSON.parse(said) as Counts, {}),
      received: difference(operations(samples, metrics.server, broker.pid), before),
      sent: difference(operations(samples, metrics.client, client), {}),
      counted: difference(byBroker(await broker.counts()), earlier),
    };
  }

  const scraped = async (work: () => Promise<unknown>): Promise<Samples> => {
    await work();
    return (await agentStarted()).scrape();
  };

  it("are those that a client says that it has done, and as many as the broker counts", async () => {
    const { samples, client, done, received, sent, counted } = await run("mixed", scraped);
    assert.deepEqual([received, sent], [done, done]);
    assert.deepEqual(ofMessages(received), counted);
    assert.equal(done["basic.publish"], 161);
    assertNothingLost(samples, (await started).pid, client);
    for (const [metric, pid] of [
      [metrics.server, (await started).pid],
      [metrics.client, client],
    ] as const) {
      assert.deepEqual(difference(by("error_type", samples, metric, { pid }), {}).NOT_FOUND, 3);
      assert.equal(sum(samples, `${metric}_count`, { pid, error_type: "NO_ROUTE" }), 1);
    }
  });

  it("end with their confirmations, many of which come at once", async () => {
    const { confirmed = 0 } = await (await started).counts();
    const { samples, client, done, received, sent } = await run("confirmed", scraped);
    assert.deepEqual([received, sent], [done, done]);
    assert.equal(((await (await started).counts()).confirmed ?? 0) - confirmed, 3000);
    assertNothingLost(samples, (await started).pid, client);
    for (const pid of [(await started).pid, client]) {
      assert.equal(sum(samples, "ringtap_l7_unanswered_requests_total", { pid }), 0);
    }
    const publishing = { pid: client, messaging_operation_name: "basic.publish" };
    const seconds = sum(samples, `${metrics.client}_sum`, publishing);
    // What is sent alone takes less than a microsecond here.
    assert(seconds / 3000 > 20e-6 && seconds / 3000 < 10, `${seconds / 3000} s each`);
  });

  it("are as many while their records are watched, and the ring is full", async () => {
    const { done, received, sent } = await run("confirmed", async (work) => withFullRing(await agentStarted(), work));
    assert.deepEqual([received, sent], [done, done]);
  });

  it("are those of the clients of another library, too", async () => {
    const broker = await started;
    const agent = await agentStarted();
    const before = operations(await agent.scrape(), metrics.server, broker.pid);
    const earlier = byBroker(await broker.counts());
    const url = ["-s", "127.0.0.1", "--port", `${broker.port}`];
    execFileSync("amqp-declare-queue", [...url, "-q", "tools"]);
    for (const body of ["one", "x".repeat(300_000), "three"]) {
      execFileSync("amqp-publish", [...url, "-r", "tools"], { input: body });
    }
    assert.equal(execFileSync("amqp-get", [...url, "-q", "tools"], { encoding: "utf8" }), "one");
    execFileSync("amqp-consume", [...url, "-q", "tools", "-c", "2", "cat"], { stdio: "ignore" });
    execFileSync("amqp-delete-queue", [...url, "-q", "tools"], { stdio: "ignore" });
    const received = difference(operations(await agent.scrape(), metrics.server, broker.pid), before);
    assert.deepEqual(ofMessages(received), difference(byBroker(await broker.counts()), earlier));
    assert.deepEqual(received, {
      ...{ "basic.ack": 2, "basic.consume": 1, "basic.deliver": 2, "basic.get": 1, "basic.publish": 3, "basic.qos": 1 },
      ...{ "channel.close": 7, "channel.open": 7, "connection.close": 7, "connection.open": 7 },
      ...{ "queue.declare": 1, "queue.delete": 1 },
    });
  });

  const got = async (): Promise<number> => byBroker(await (await started).counts())["basic.get"] ?? 0;

  it("are counted when their client is killed", async (t) => {
    const broker = await started;
    const agent = await agentStarted();
    const before = operations(await agent.scrape(), metrics.server, broker.pid);
    const earlier = byBroker(await broker.counts());
    const { pid, kill } = await startBusyClient(t, python, [load, `${broker.port}`, "busy"], got);
    await kill();
    await eventually(async () => {
      const samples = await agent.scrape();
      const received = difference(operations(samples, metrics.server, broker.pid), before);
      const sent = operations(samples, metrics.client, pid);
      assert.deepEqual(ofMessages(received), difference(byBroker(await broker.counts()), earlier));
      // The broker may not have read the last ones.
      for (const name of ["basic.publish", "basic.get", "basic.ack"]) {
        const [ofBroker = 0, ofClient = 0] = [received[name], sent[name]];
        assert(ofBroker > 100 && ofBroker <= ofClient && ofClient <= ofBroker + 3, `${name}: ${ofClient}, ${ofBroker}`);
      }
      assertNothingLost(samples, broker.pid, pid);
    });
  });

  it("are counted from an agent that joins late: what was under way is lost as such", async (t) => {
    const broker = await started;
    const { pid, kill } = await startBusyClient(t, python, [load, `${broker.port}`, "busy"], got);
    const earlier = await got();
    const agent = await startAgent(t, ["--signals=l7", `--l7.ports=${broker.port}`, ...unlimitedSeries]);
    const later = await got();
    await eventually(async () => {
      assert((operations(await agent.scrape(), metrics.server, broker.pid)["basic.get"] ?? 0) > 1_000);
    });
    await kill();
    await eventually(async () => {
      const all = await got();
      const samples = await agent.scrape();
      const ends = [
        [metrics.server, broker.pid],
        [metrics.client, pid],
      ] as const;
      for (const [metric, each] of ends) {
        const lost = sum(samples, "ringtap_l7_lost_requests_total", { pid: each });
        assert(
          lost <= 1 && lost === sum(samples, "ringtap_l7_lost_requests_total", { pid: each, reason: "joined_late" }),
        );
        const ended = (operations(samples, metric, each)["basic.get"] ?? 0) + lost;
        // The first one behind the agent's beginning tells where each direction is followed from.
        assert(all - later - 2 <= ended && ended <= all - earlier + 2, `${ended} of ${all} - ${earlier}, ${later}`);
      }
    });
  });

  it("that fail are shown by trace, without the names of queues", async (t) => {
    const { port, pid } = await started;
    const trace = await startTrace(t, ["l7", "--output=json", "--where", `pid=${pid} protocol=amqp code=NOT_FOUND`]);
    assert.throws(() =>
      execFileSync("amqp-get", ["-s", "127.0.0.1", "--port", `${port}`, "-q", "secret"], { stdio: "ignore" }),
    );
    const [event] = await eventually(() => {
      assert.equal(trace.events().length, 1);
      return trace.events();
    });
    const { signal, comm, protocol, role, operation, code, error } = event ?? {};
    assert.deepEqual(
      [signal, comm, protocol, role, operation, code, error],
      ["l7", "beam.smp", "amqp", "server", "basic.get", "NOT_FOUND", undefined],
    );
    assert(!trace.stdout.includes("secret"));
  });
});
