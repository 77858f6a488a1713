/** l7 against dnsmasq and unbound: their own counts, by code and type, and ringtap's are equal, at both ends, for clients that differ. */
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";

import { type Agent, startAgent, unlimitedSeries } from "../../support/agent.js";
import { tally } from "../../support/conversations.js";
import {
  askAll,
  by,
  client,
  clientMetric,
  type Counts,
  dig,
  lessThan,
  resolvingNetwork,
  serverMetric,
  startDnsmasq,
  startInside,
  startUnbound,
} from "../../support/dns-servers.js";
import { eventually } from "../../support/eventually.js";
import { withFullRing } from "../../support/full-ring.js";
import { scratch } from "../../support/program.js";
import { type Samples, sum } from "../../support/samples.js";
import { suiteScope } from "../../support/scope.js";
import { end } from "../../support/servers.js";
import { startTrace } from "../../support/trace.js";

for (const [name, start] of [
  ["dnsmasq", startDnsmasq],
  ["unbound", startUnbound],
] as const) {
  describe(`questions to ${name}`, () => {
    const scope = suiteScope();
    const started = start(scope);
    let running: Promise<Agent> | undefined;
    const agentStarted = async (): Promise<Agent> => {
      await started;
      return (running ??= startAgent(scope, ["--signals=l7", "--ring.size=64KiB", ...unlimitedSeries]));
    };

    it("are as many as it counts, by code and type, of clients that differ, while the agent is stopped", async () => {
      const server = await started;
      const agent = await agentStarted();
      const earlier = await server.counts();
      const before = await agent.scrape();
      const stopping = (async () => {
        await setTimeout(200);
        process.kill(agent.pid, "SIGSTOP");
        await setTimeout(1_000);
        process.kill(agent.pid, "SIGCONT");
      })();
      const clients = await askAll(server.network);
      await stopping;
      const counted = await server.counts();
      const samples = await agent.scrape();
      for (const [label, kind] of [
        ["dns_response_code", "codes"],
        ["dns_question_type", "types"],
      ] as const) {
        const expected = lessThan(counted[kind], earlier[kind]);
        const of = (when: Samples): Counts => by(label, when, serverMetric, server.pids(samples));
        assert.deepEqual(lessThan(of(samples), of(before)), expected, label);
        assert.deepEqual(by(label, samples, clientMetric, clients), expected, `${label} of the clients`);
      }
      const truncated = by("error_type", samples, clientMetric, clients).truncated ?? 0;
      assert(truncated > 0, "no answer was cut");
      for (const pid of [...clients, ...server.pids(samples)]) {
        for (const metric of ["lost_requests", "unanswered_requests", "skipped_bytes", "stray_responses"]) {
          assert.equal(sum(samples, `ringtap_l7_${metric}_total`, { pid }), 0, `${metric} of ${pid}`);
        }
      }
    });

    // dnsmasq closes a connection after a hundred questions, whatever waits on it.
    for (const transport of name === "dnsmasq" ? ["udp"] : ["udp", "tcp"]) {
      it(`are as many as dnsperf counts, where threads share sockets: ${transport}`, async () => {
        const server = await started;
        const agent = await agentStarted();
        const questions = scratch("questions");
        writeFileSync(questions, "a.test A\nnone.test AAAA\nsix.test AAAA\na.other MX\nlong.test MX\n");
        const earlier = await server.counts();
        const options = ["-s", "127.0.0.1", "-d", questions, "-n", "500", "-c", "4", "-T", "2", "-q", "60"];
        const { pid, stdout } = await client(server.network, ["dnsperf", ...options, "-m", transport]);
        const [, codes = ""] = /Response codes: *(.*)/.exec(stdout) ?? [];
        const counted = tally(
          Array.from(codes.matchAll(/([A-Z]+) (\d+) \(/g), ([, code = "", count]) => [code, Number(count)] as const),
        );
        assert.deepEqual(lessThan((await server.counts()).codes, earlier.codes), counted);
        // An answer that comes before the call that sends the question has returned waits for that.
        await eventually(async () => {
          const samples = await agent.scrape();
          assert.deepEqual(by("dns_response_code", samples, clientMetric, [pid]), counted);
          for (const metric of ["lost_requests", "unanswered_requests", "stray_responses", "repeated_requests"]) {
            assert.equal(sum(samples, `ringtap_l7_${metric}_total`, { pid }), 0, metric);
          }
        });
        assert.equal(
          Object.values(counted).reduce((all, count) => all + count, 0),
          2_500,
        );
      });
    }

    it("are as many while their records are watched, and the ring is full", async () => {
      const server = await started;
      const agent = await agentStarted();
      const earlier = await server.counts();
      const before = await agent.scrape();
      const clients: number[] = [];
      const samples = await withFullRing(agent, async () => {
        clients.push(...(await askAll(server.network)), ...(await askAll(server.network)));
      });
      const expected = lessThan((await server.counts()).codes, earlier.codes);
      const of = (when: Samples): Counts => by("dns_response_code", when, serverMetric, server.pids(samples));
      assert.deepEqual(lessThan(of(samples), of(before)), expected);
      assert.deepEqual(by("dns_response_code", samples, clientMetric, clients), expected);
    });
  });
}

/** Asks one question after the other until it is ended, and prints how many. */
const asking = [
  "/usr/bin/python3",
  "-c",
  `import signal, socket, struct
going = True
def stop(*_):
    global going
    going = False
signal.signal(signal.SIGTERM, stop)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("127.0.0.1", 53))
s.settimeout(5)
n = 0
while going:
    s.send(struct.pack("!6H", n & 65535, 0x100, 1, 0, 0, 0) + b"\\x01a\\x04test\\x00" + struct.pack("!2H", 1, 1))
    s.recv(4096)
    n += 1
print(n, flush=True)`,
];

/** Never answers; prints how many datagrams there have been, each time. */
const silent = [
  "/usr/bin/python3",
  "-c",
  `import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 53))
print(0, flush=True)
n = 0
while True:
    s.recv(4096)
    n += 1
    print(n, flush=True)`,
];

/** The last number that a child has printed. */
function lastNumber(child: ChildProcess): () => number {
  let text = "";
  child.stdout?.setEncoding("utf8").on("data", (more: string) => (text += more));
  return () => (text === "" ? -1 : Number(text.trim().split("\n").at(-1)));
}

describe("questions of DNS", () => {
  it("are counted from an agent that joins late", async (t) => {
    const server = await startDnsmasq(t);
    const child = startInside(t, server.network, asking);
    const asked = lastNumber(child);
    const logged = async (): Promise<number> => (await server.counts()).codes.NOERROR ?? 0;
    const atFirst = readFileSync(server.log, "utf8").match(/query\[A\] a\.test/g)?.length ?? 0;
    const agent = await startAgent(t, ["--signals=l7", ...unlimitedSeries]);
    const later = readFileSync(server.log, "utf8").match(/query\[A\] a\.test/g)?.length ?? 0;
    const counted = async (metric: string, pid: number): Promise<number> =>
      sum(await agent.scrape(), `${metric}_count`, { pid });
    await eventually(async () => {
      assert((await counted(clientMetric, child.pid ?? 0)) > 500);
    });
    await end(child);
    const all = await logged();
    const [sent, received] = await Promise.all([
      counted(clientMetric, child.pid ?? 0),
      counted(serverMetric, server.pid),
    ]);
    assert.equal(asked(), all);
    // One question can have been under way; nothing else is missing.
    assert(all - later - 1 <= received && received <= all - atFirst, `${received} of ${all} - ${atFirst}, ${later}`);
    assert(Math.abs(sent - received) <= 1, `${sent} sent, ${received} received`);
  });

  it("that no one answers are as many as the server has received, at both ends", async (t) => {
    const network = resolvingNetwork(t);
    const server = startInside(t, network, silent);
    const received = lastNumber(server);
    await eventually(() => assert.equal(received(), 0));
    const agent = await startAgent(t, ["--signals=l7", "--l7.dns-timeout=1500ms", ...unlimitedSeries]);
    const lookup = ["/usr/bin/python3", "-c", "import socket; socket.getaddrinfo('a.test', 80)"];
    const clients = await Promise.all(
      [["dig", "@127.0.0.1", "+tries=3", "+time=1", "a.test", "MX"], lookup].map((command) => client(network, command)),
    );
    await eventually(async () => {
      const samples = await agent.scrape();
      const pids = clients.map(({ pid }) => pid);
      const errors = { timeout: received() };
      assert.deepEqual(by("error_type", samples, serverMetric, [server.pid ?? 0]), errors);
      assert.deepEqual(by("error_type", samples, clientMetric, pids), errors);
      const types = by("dns_question_type", samples, clientMetric, pids);
      assert.deepEqual(types, by("dns_question_type", samples, serverMetric, [server.pid ?? 0]));
      assert.equal(types.MX, 3);
      assert((types.A ?? 0) >= 2 && types.A === types.AAAA, JSON.stringify(types));
    });
    assert(received() >= 7);
  });

  it("are shown by trace, those that are asked for", async (t) => {
    const server = await startDnsmasq(t);
    const trace = await startTrace(t, [
      "l7",
      "--output=json",
      "--where",
      `protocol=dns pid=${server.pid} code=NXDOMAIN`,
    ]);
    for (const name of ["a.test", "none.test", "six.test", "None2.test"]) {
      await client(server.network, dig(name, "AAAA"));
    }
    const events = await eventually(() => {
      assert.equal(trace.events().length, 2);
      return trace.events();
    });
    for (const {
      signal,
      comm,
      protocol,
      role,
      operation,
      status,
      code,
      error,
      duration_seconds,
      local_port,
    } of events) {
      assert.deepEqual(
        [signal, comm, protocol, role, operation, status, code, error, local_port],
        ["l7", "dnsmasq", "dns", "server", "AAAA", undefined, "NXDOMAIN", undefined, 53],
      );
      assert(Number(duration_seconds) > 0 && Number(duration_seconds) < 5);
    }
  });
});
