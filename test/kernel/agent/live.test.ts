/** Snapshots, breakdowns, links and events, against traffic in exact numbers and against what /metrics says. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";

import { createLogger } from "../../../src/log/logger.js";
import { type RunningAgent, startAgent } from "../../../src/agent/start-agent.js";
import { renderText } from "../../../src/exposition/text/prometheus-text.js";
import type { Live } from "../../../src/views/live.js";
import { processRates } from "../../../src/views/processes.js";
import type { Link, ProcessTotals } from "../../../src/views/protocol.js";
import { signals } from "../../../src/signals/index.js";
import { readText } from "../../exposition/text/read-text.js";
import { type NetworkNamespace, networkNamespace } from "../support/network.js";
import { compileProgram, programSource } from "../support/program.js";
import { parseSamples, type Samples, sum } from "../support/samples.js";
import { suiteScope } from "../support/scope.js";
import { startWaiting, type Waiting } from "../support/waiting.js";

const source = programSource("tcp-traffic");
const comm = "rt-live";

/** The processes of these tests, and their sums. */
function own(processes: readonly ProcessTotals[]): ProcessTotals[] {
  return processes.filter(({ labels }) => labels.comm === comm);
}

describe("live", () => {
  const scope = suiteScope();
  let program: string;
  let network: NetworkNamespace;
  let agent: RunningAgent;
  let live: Live;

  const traffic = (...args: readonly (string | number)[]): Promise<Waiting> => {
    const [file = "", ...rest] = [...network.prefix, program, ...args.map(String)];
    return startWaiting(scope, file, rest);
  };

  /** Lets a server send 100 bytes on each of `count` connections, whose clients send 1000. */
  async function exchange(port: number, count: number): Promise<void> {
    const server = await traffic("serve", 4, port, count, 100);
    const client = await traffic("connect", 4, "127.0.0.1", port, "b", count, 100, 1000);
    await Promise.all([client.go(), server.go()]);
  }

  before(() => {
    program = compileProgram(comm, source);
    network = networkNamespace(scope);
    agent = startAgent({ strict: true, log: createLogger("warn", "logfmt") });
    scope.after(() => {
      agent.close();
    });
    ({ live } = agent);
  });

  it("has of each process what /metrics says at the same collect", async () => {
    await exchange(8001, 5);
    const refused = await traffic("connect", 4, "127.0.0.1", 9, "b", 3, 0, 0);
    await refused.go();
    const { processes } = await live.snapshot();
    const samples: Samples = parseSamples(await readText(renderText(agent.catalog)));

    const total = (name: string): number => own(processes).reduce((all, { totals }) => all + (totals[name] ?? 0), 0);
    assert.deepEqual(
      [total("connects"), total("connect_failures"), total("accepts"), total("sent_bytes"), total("received_bytes")],
      [8, 3, 5, 5 * 1100, 5 * 1100],
    );
    assert.equal(own(processes).length, 3);
    for (const { labels, totals } of own(processes)) {
      const said = (metric: string): number => sum(samples, metric, labels);
      assert.ok((totals.syscalls ?? 0) > 0 && (totals.file_opens ?? 0) > 0);
      assert.equal(totals.syscalls, said("ringtap_syscalls_total"));
      assert.equal(totals.syscall_errors, said("ringtap_syscall_errors_total"));
      assert.ok(Math.abs((totals.syscall_seconds ?? NaN) - said("ringtap_syscall_estimated_seconds_total")) < 1e-9);
      assert.equal(totals.file_opens, said("ringtap_file_opens_total"));
      assert.equal(totals.connects, said("ringtap_tcp_connects_total"));
    }
  });

  it("breaks the calls of a process down", async () => {
    const { processes } = await live.snapshot();
    const failed = own(processes).find(({ totals }) => totals.connect_failures === 3);
    assert.ok(failed);
    const calls = live.breakdowns(failed.id).find(({ signal }) => signal === "syscall")?.rows ?? [];
    const connect = calls.find(({ name }) => name === "connect");
    assert.deepEqual([connect?.count, connect?.failures], [3, { ECONNREFUSED: 3 }]);
    assert.equal(
      calls.reduce((all, call) => all + call.count, 0),
      failed.totals.syscalls,
    );
  });

  it("gives rates between two snapshots", async () => {
    const first = await live.snapshot();
    await exchange(8002, 4);
    const second = await live.snapshot();
    const rates = processRates(first, second, 2);
    const clients = own(second.processes).filter(({ totals }) => totals.connects === 4);
    assert.deepEqual(
      clients.map(({ id }) => rates.get(id)?.connects),
      [2],
    );
    const idle = own(second.processes).filter(({ totals }) => totals.connects === 5);
    assert.deepEqual(
      idle.map(({ id }) => rates.get(id)?.connects),
      [0],
    );
  });

  it("knows both ends of connections, their failures and bytes, from the time that they are watched", async () => {
    const watch = live.watchLinks();
    try {
      await live.snapshot();
      await exchange(8003, 6);
      const refused = await traffic("connect", 4, "127.0.0.1", 9, "b", 2, 0, 0);
      await refused.go();
      await live.snapshot();
      const edges = watch.links().filter((edge) => edge.comm === comm);
      const told = ({ role, address, port, remote, connects, failures, sent_bytes, received_bytes }: Link) =>
        [role, `${address}:${port}`, remote, connects, failures, sent_bytes, received_bytes].join(" ");
      assert.deepEqual(edges.map(told).sort(), [
        "client 127.0.0.1:8003 127.0.0.1 6 0 6000 600",
        "client 127.0.0.1:9 127.0.0.1 0 2 0 0",
        "server 127.0.0.1:8003 127.0.0.1 6 0 600 6000",
      ]);
    } finally {
      watch.close();
    }
  });

  it("counts what connections carry while they are open, and those that were open before", async () => {
    const server = await traffic("serve", 4, 8004, 1, 700);
    const client = await traffic("connect", 4, "127.0.0.1", 8004, "bh", 1, 700, 0);
    const watch = live.watchLinks();
    try {
      await live.snapshot();
      const seen = (): (number | string)[][] =>
        watch
          .links()
          .filter(({ port }) => port === 8004)
          .map(({ role, open, received_bytes }) => [role, open, received_bytes])
          .sort();
      assert.deepEqual(seen(), [
        ["client", 1, 0],
        ["server", 1, 0],
      ]);
      await Promise.all([client.go(), server.go()]);
      await live.snapshot();
      assert.deepEqual(
        seen().map(([role, open]) => [role, open]),
        [
          ["client", 0],
          ["server", 0],
        ],
      );
    } finally {
      watch.close();
    }
  });

  it("hands events over as trace shows them, and counts those beyond the limit", async () => {
    const all = live.tail({ signals: ["tcp"], comm }, 1000);
    const failures = live.tail({ comm: "rt-l", failures: true }, 1000);
    const small = live.tail({ signals: ["tcp"], comm }, 2);
    const ofTwo = live.tail({ signals: ["process", "tcp"], comm }, 1000);
    try {
      await exchange(8005, 2);
      const refused = await traffic("connect", 4, "127.0.0.1", 9, "b", 1, 0, 0);
      await refused.go();
      await agent.collect();
      const events = all.take();
      assert.deepEqual(
        events.map(({ event: { event, role, result } }) => [event, role, result].join(" ")).sort(),
        [
          ...["accept server ", "accept server ", "close client ", "close client ", "close server ", "close server "],
          ...["connect client established", "connect client established", "connect client refused"],
          "reset_received client ",
        ].sort(),
      );
      const failed = failures.take().filter(({ event: { signal } }) => signal === "tcp");
      assert.deepEqual(failed.map(({ event: { event } }) => event).sort(), ["connect", "reset_received"]);
      assert.deepEqual([small.take().length, small.dropped, all.dropped], [2, events.length - 2, 0]);
      assert.deepEqual(all.take(), []);
      const mixed = ofTwo.take();
      assert.deepEqual(new Set(mixed.map(({ event: { signal } }) => signal)), new Set(["process", "tcp"]));
      const times = mixed.map(({ event: { time } }) => time);
      assert.deepEqual(times, times.toSorted());
    } finally {
      for (const tail of [all, failures, small, ofTwo]) {
        tail.close();
      }
    }
    await exchange(8006, 1);
    await agent.collect();
    assert.deepEqual(all.take(), []);
  });

  it("tells latencies by comm, and how the agent fares", async () => {
    const { latencies, health } = await live.snapshot();
    const connect = latencies.find(({ name }) => name === "connect");
    const counts = connect?.counts.get(comm) ?? [];
    assert.equal(counts.length, (connect?.bounds.length ?? 0) + 1);
    assert.equal(
      counts.reduce((all, count) => all + count, 0),
      5 + 4 + 6 + 1 + 2 + 1,
    );
    assert.ok(latencies.some(({ name, counts }) => name === "syscall" && counts.has(comm)));
    assert.deepEqual(
      health.signals.map(({ name, up }) => [name, up]),
      signals.filter(({ optIn }) => optIn !== true).map(({ name }) => [name, true]),
    );
    assert.ok(health.consumed > 0 && health.cpuSeconds > 0 && health.residentBytes > 1e6 && health.series > 0);
    assert.equal(health.dropped, 0);
  });
});
