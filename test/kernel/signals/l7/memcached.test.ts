/** Operations of memcached: conversations of which each one is known, and a server's own count under load, at both ends. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { describe, it } from "node:test";
import { promisify } from "node:util";

import { type Agent, startAgent, unlimitedSeries } from "../../support/agent.js";
import { startBusyClient } from "../../support/busy-client.js";
import { testConversations } from "../../support/conversations.js";
import { eventually } from "../../support/eventually.js";
import { withFullRing } from "../../support/full-ring.js";
import { suite } from "../../support/memcached-conversations.js";
import { by, type Counts, difference } from "../../support/request-counts.js";
import { type Samples, sum } from "../../support/samples.js";
import { type Scope, suiteScope } from "../../support/scope.js";
import { end, freePort, listening } from "../../support/servers.js";
import { startTrace } from "../../support/trace.js";

const { metrics } = suite;

describe("operations of memcached", () => {
  testConversations(suiteScope(), suite);
});

interface Memcached {
  readonly port: number;
  readonly pid: number;
  /** What its statistics say of operations. */
  stats(): Promise<Counts>;
}

/** Sends text on a connection of its own, and resolves to all that comes until its end, which the text asks for. */
async function say(port: number, text: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  const parts: Buffer[] = [];
  socket.on("data", (part: Buffer) => parts.push(part));
  socket.write(text, "latin1");
  await once(socket, "close");
  return Buffer.concat(parts).toString("latin1");
}

async function startMemcached(scope: Scope): Promise<Memcached> {
  const port = await freePort();
  const server = spawn("memcached", ["-u", "root", "-l", "127.0.0.1", "-p", `${port}`, "-t", "2", "-R", "1000"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  scope.after(() => end(server));
  await listening(port);
  return {
    port,
    pid: server.pid ?? 0,
    async stats() {
      const lines = (await say(port, "stats\r\nquit\r\n")).matchAll(/^STAT (\w+) (\d+)\r$/gm);
      return Object.fromEntries(Array.from(lines, ([, name = "", count]) => [name, Number(count)]));
    },
  };
}

/** What of the server's statistics counts these operations; each of them is one key's here. */
const counted: Readonly<Record<string, readonly string[]>> = {
  "get gets mg": ["cmd_get"],
  "set add replace append prepend cas ms": ["cmd_set"],
  "touch gat": ["cmd_touch"],
  "delete md": ["delete_hits", "delete_misses"],
  "incr ma": ["incr_hits", "incr_misses"],
  decr: ["decr_hits", "decr_misses"],
  cas: ["cas_hits", "cas_misses", "cas_badval"],
  flush_all: ["cmd_flush"],
  me: ["cmd_meta"],
};

/** The sums of some counts, for each line of the table above. */
function sums(counts: Counts, namesOf: (line: string) => readonly string[]): Counts {
  return Object.fromEntries(
    Object.keys(counted).map((line) => [line, namesOf(line).reduce((all, name) => all + (counts[name] ?? 0), 0)]),
  );
}

const byServer = (stats: Counts): Counts => sums(stats, (line) => counted[line] ?? []);
const byOperation = (operations: Counts): Counts => sums(operations, (line) => line.split(" "));

describe("operations of a memcached server", () => {
  const scope = suiteScope();
  const started = startMemcached(scope);
  let running: Promise<Agent> | undefined;
  const agentStarted = (): Promise<Agent> =>
    (running ??= started.then(async () =>
      startAgent(scope, ["--signals=l7", "--ring.size=64KiB", ...unlimitedSeries]),
    ));
  const operations = (samples: Samples, metric: string, pid: number): Counts =>
    by("db_operation_name", samples, metric, { pid });

  function assertNothingLost(samples: Samples, ...pids: readonly number[]): void {
    for (const pid of pids) {
      assert.equal(sum(samples, "ringtap_l7_lost_requests_total", { pid }), 0);
      assert.equal(sum(samples, "ringtap_l7_skipped_bytes_total", { pid }), 0);
    }
  }

  const workload = (port: number): string[] => ["-s", `127.0.0.1:${port}`, "-T", "1", "-c", "8"];

  for (const [name, options] of [
    ["text", []],
    ["binary messages", ["-B"]],
    ["binary messages, ten quiet gets at once", ["-B", "-d", "10"]],
  ] as const) {
    it(`are as many as it counts, by name and at both ends: ${name}`, async () => {
      const server = await started;
      const agent = await agentStarted();
      const before = operations(await agent.scrape(), metrics.server, server.pid);
      const earlier = byServer(await server.stats());
      const load = promisify(execFile)("memcaslap", [...workload(server.port), "-x", "40000", ...options]);
      const { pid = 0 } = load.child;
      await load;
      const expected = difference(byServer(await server.stats()), earlier);
      const samples = await agent.scrape();
      const received = difference(operations(samples, metrics.server, server.pid), before);
      const sent = operations(samples, metrics.client, pid);
      assert.deepEqual(difference(byOperation(received), {}), expected);
      assert.deepEqual(difference(byOperation(sent), {}), expected);
      assert.equal((expected["get gets mg"] ?? 0) + (expected["set add replace append prepend cas ms"] ?? 0), 40_000);
      assert.equal(sent.noop ?? 0, received.noop ?? 0);
      assertNothingLost(samples, server.pid, pid);
    });
  }

  it("are as many as it counts in pipelines of all commands, with quiet ones and such without a reply", async () => {
    const server = await started;
    const agent = await agentStarted();
    await agent.scrape();
    const ends = async (): Promise<Counts[]> => {
      const samples = await agent.scrape();
      return [operations(samples, metrics.server, server.pid), operations(samples, metrics.client, process.pid)];
    };
    const [receivedBefore = {}, sentBefore = {}] = await ends();
    const earlier = byServer(await server.stats());
    const commands = [
      ...["set a 0 0 3 noreply\r\none\r\n", "get a\r\n", "gets a\r\n", "get b\r\n", "add a 0 0 1\r\nx\r\n"],
      ...["append a 0 0 1 noreply\r\nx\r\n", "prepend a 0 0 1\r\nx\r\n", "replace b 0 0 1\r\nx\r\n"],
      ...["cas a 0 0 1 1\r\nx\r\n", "cas b 0 0 1 1 noreply\r\nx\r\n", "set n 0 0 1\r\n1\r\n", "incr n 2\r\n"],
      ...["incr b 1 noreply\r\n", "decr n 1\r\n", "touch a 0\r\n", "touch b 0 noreply\r\n", "gat 0 a\r\n"],
      ...["delete a\r\n", "delete b noreply\r\n", "ms m 2 q\r\nab\r\n", "mg m v q\r\n", "mg b v q\r\n", "ma n q\r\n"],
      ...[
        "ma n v\r\n",
        "ms m 1 ME q\r\nx\r\n",
        "md m q\r\n",
        "me n\r\n",
        "mn\r\n",
        "incr n x\r\n",
        "flush_all noreply\r\n",
      ],
    ];
    // More than 8,192 that wait on one connection are lost.
    const times = 200;
    const replies = await say(server.port, `${commands.join("").repeat(times)}quit\r\n`);
    assert.equal(replies.split("MN\r\n").length - 1, times);
    const expected = difference(byServer(await server.stats()), earlier);
    const [received = {}, sent = {}] = await ends();
    assert.deepEqual(difference(byOperation(difference(received, receivedBefore)), {}), {
      ...expected,
      // One of them fails before it is counted.
      "incr ma": (expected["incr ma"] ?? 0) + times,
    });
    assert.equal(expected["touch gat"], 3 * times);
    const { stats: ownReceived, ...others } = difference(received, receivedBefore);
    const { stats: ownSent, ...othersSent } = difference(sent, sentBefore);
    assert.deepEqual([othersSent, ownSent], [others, ownReceived]);
    const samples = await agent.scrape();
    assertNothingLost(samples, server.pid, process.pid);
    const failed = { pid: server.pid, db_system_name: "memcached", error_type: "CLIENT_ERROR" };
    assert.equal(sum(samples, `${metrics.server}_count`, { ...failed, db_operation_name: "incr" }), times);
  });

  it("are those that the client of memccapable asks for, in both protocols", async () => {
    const server = await started;
    const agent = await agentStarted();
    const before = operations(await agent.scrape(), metrics.server, server.pid);
    const testing = promisify(execFile)("memccapable", ["-h", "127.0.0.1", "-p", `${server.port}`]);
    const { pid = 0 } = testing.child;
    assert.match((await testing).stdout, /All tests passed/);
    const samples = await agent.scrape();
    const received = difference(operations(samples, metrics.server, server.pid), before);
    assert.deepEqual(received, difference(operations(samples, metrics.client, pid), {}));
    assert((received.noop ?? 0) > 20 && (received.set ?? 0) > 20 && (received.gets ?? 0) > 1);
    assertNothingLost(samples, server.pid, pid);
  });

  it("are as many while their records are watched, and the ring is full", async () => {
    const server = await started;
    const agent = await agentStarted();
    const before = operations(await agent.scrape(), metrics.server, server.pid);
    const earlier = byServer(await server.stats());
    let client = 0;
    const samples = await withFullRing(agent, async () => {
      const load = promisify(execFile)("memcaslap", [...workload(server.port), "-x", "20000"]);
      client = load.child.pid ?? 0;
      await load;
    });
    const expected = difference(byServer(await server.stats()), earlier);
    const received = difference(operations(samples, metrics.server, server.pid), before);
    assert.deepEqual(difference(byOperation(received), {}), expected);
    assert.deepEqual(difference(byOperation(operations(samples, metrics.client, client)), {}), expected);
  });

  const gets = async (): Promise<number> => (await (await started).stats()).cmd_get ?? 0;

  /** Has memcaslap ask as long as the test runs; resolves once it has asked some hundreds of times. */
  async function startLoad(owner: Scope) {
    return startBusyClient(owner, "memcaslap", [...workload((await started).port), "-t", "1h"], gets);
  }

  it("are counted when their client is killed", async (t) => {
    const server = await started;
    const agent = await agentStarted();
    const before = operations(await agent.scrape(), metrics.server, server.pid).get ?? 0;
    const earlier = await gets();
    const { pid, kill } = await startLoad(t);
    await kill();
    await eventually(async () => {
      const samples = await agent.scrape();
      const received = (operations(samples, metrics.server, server.pid).get ?? 0) - before;
      const sent = operations(samples, metrics.client, pid).get ?? 0;
      assert.equal(received, (await gets()) - earlier);
      // Of each connection, the server may not have read the last one.
      assert(received <= sent && sent <= received + 8, `${sent} sent, ${received} received`);
      assertNothingLost(samples, server.pid, pid);
    });
  });

  it("are counted from an agent that joins late: what was under way is lost as such", async (t) => {
    const server = await started;
    const { pid, kill } = await startLoad(t);
    const earlier = await gets();
    const agent = await startAgent(t, ["--signals=l7", "--l7.protocols=memcached", ...unlimitedSeries]);
    const later = await gets();
    await eventually(async () => {
      assert((operations(await agent.scrape(), metrics.server, server.pid).get ?? 0) > 2_000);
    });
    await kill();
    await eventually(async () => {
      const all = await gets();
      const samples = await agent.scrape();
      const lost = (of: number, labels = {}): number =>
        sum(samples, "ringtap_l7_lost_requests_total", { pid: of, ...labels });
      const received = (operations(samples, metrics.server, server.pid).get ?? 0) + lost(server.pid);
      const sent = (operations(samples, metrics.client, pid).get ?? 0) + lost(pid);
      // One for each connection can have been under way, at either end.
      for (const each of [server.pid, pid]) {
        assert(lost(each) <= 8 && lost(each) === lost(each, { reason: "joined_late" }), `${lost(each)} lost`);
      }
      // Some of what was under way was no get.
      assert(all - later <= received && received <= all - earlier + 8, `${received} of ${all} - ${earlier}, ${later}`);
      assert(Math.abs(sent - received) <= 16, `${sent} sent, ${received} received`);
    });
  });

  it("that fail are shown by trace, without their keys", async (t) => {
    const { port, pid } = await started;
    const where = `pid=${pid} protocol=memcached code=CLIENT_ERROR`;
    const trace = await startTrace(t, ["l7", "--output=json", "--where", where]);
    await say(port, "set secret 0 0 1\r\nx\r\nget secret\r\nincr secret 1\r\nnosuch secret\r\nquit\r\n");
    const events = await eventually(() => {
      assert.equal(trace.events().length, 1);
      return trace.events();
    });
    assert.deepEqual(
      events.map(({ signal, comm, protocol, role, operation, status, code, error }) => [
        ...[signal, comm, protocol, role],
        ...[operation, status, code, error],
      ]),
      [["l7", "memcached", "memcached", "server", "incr", undefined, "CLIENT_ERROR", undefined]],
    );
    assert(!trace.stdout.includes("secret"));
  });
});

describe("a line that looks like a command of memcached", () => {
  it("counts as none when something else answers: the connection is of no protocol that is known", async (t) => {
    const agent = await startAgent(t, ["--signals=l7", ...unlimitedSeries]);
    // As Redis answers lines.
    const server = createServer((socket) => {
      socket.on("data", () => socket.write("$3\r\nfoo\r\n"));
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => server.close());
    const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
    t.after(() => client.destroy());
    for (const line of ["get key\r\n", "get other\r\n"]) {
      client.write(line);
      await once(client, "data");
    }
    client.destroy();
    await eventually(async () => {
      const samples = await agent.scrape();
      const own = { pid: process.pid };
      // Of each direction, at both ends: the second line and both replies are known to be something else.
      assert.equal(sum(samples, "ringtap_l7_bytes_total", { ...own, kind: "opaque", protocol: "unknown" }) > 0, true);
      for (const metric of [`${metrics.client}_count`, `${metrics.server}_count`, "ringtap_l7_lost_requests_total"]) {
        assert.equal(sum(samples, metric, own), 0, metric);
      }
    });
  });
});
