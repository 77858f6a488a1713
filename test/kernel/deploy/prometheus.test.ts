/** The agent as Prometheus sees it: valid, and with the numbers that the traffic has. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { before, describe, it, type TestContext } from "node:test";
import { readOpenMetrics } from "../../exposition/text/openmetrics-referee.js";
import { query, queryExemplars, queryUntilAnswered, startPrometheus } from "../../exposition/prometheus-server.js";
import { checkMetrics } from "../../exposition/promtool.js";
import { type Agent, startAgent } from "../support/agent.js";
import { eventually } from "../support/eventually.js";
import { compileProgram, programSource, runProgram } from "../support/program.js";
import { select } from "../support/samples.js";
import { suiteScope } from "../support/scope.js";

const source = programSource("tcp-traffic");

/** Nobody listens there. */
const closedPort = "1";

/** The value of the only series that answers. */
async function valueOf(prometheus: string, expression: string): Promise<number> {
  const [series, ...others] = await query(prometheus, expression);
  assert.deepEqual(others, [], expression);
  return Number(series?.value[1]);
}

/** Accepts and closes connections until the test ends; returns the port. */
async function listen(test: TestContext): Promise<string> {
  const server = createServer((socket) => socket.resume()).listen(0, "127.0.0.1");
  await once(server, "listening");
  test.after(() => server.close());
  return `${(server.address() as AddressInfo).port}`;
}

/** How many connects of the program took at most how long, by the agent's own page. */
async function connectBuckets(agent: Agent): Promise<{ bound: number; counted: number }[]> {
  const buckets = select(await agent.scrape(), "ringtap_tcp_connect_seconds_bucket", { comm: "rt-prometheus" });
  return Array.from(buckets, ([bucket, counted]) => ({
    bound: Number(/le="([^"]*)"/.exec(bucket)?.[1]?.replace("+Inf", "Infinity")),
    counted,
  }));
}

describe("a real Prometheus", () => {
  const scope = suiteScope();
  let agent: Agent;
  let traffic: string;

  before(async () => {
    traffic = compileProgram("rt-prometheus", source);
    agent = await startAgent(scope, []);
  });

  it("finds nothing wrong with the metrics", async () => {
    await runProgram(traffic, ["connect", "4", "127.0.0.1", closedPort, "b", "3", "0", "0"]);
    const text = await (await agent.get("/metrics")).text();
    assert.deepEqual(checkMetrics(text), { status: 0, output: "" });
    // The same metrics in OpenMetrics, by a parser that is stricter.
    const headers = { Accept: "application/openmetrics-text;version=1.0.0" };
    const families = readOpenMetrics(await (await fetch(`${agent.origin}/metrics`, { headers })).text());
    assert.deepEqual(
      families.map(({ name, type }) => `${name}${type === "counter" ? "_total" : ""}`),
      Array.from(text.matchAll(/^# TYPE (\S+)/gm), ([, name]) => name),
    );
  });

  it("scrapes them, and answers queries with the exact numbers", async () => {
    const prometheus = await startPrometheus(scope, new URL(agent.origin).host);
    await queryUntilAnswered(prometheus, "ringtap_build_info");
    const { pid } = await runProgram(traffic, ["connect", "4", "127.0.0.1", closedPort, "b", "17", "0", "0"]);
    const value = (expression: string): Promise<number> => valueOf(prometheus, expression);
    await eventually(async () => {
      const process = `pid="${pid.toString()}",comm="rt-prometheus"`;
      assert.equal(await value(`ringtap_tcp_connects_total{${process},family="ipv4",result="refused"}`), 17);
      assert.equal(await value(`ringtap_syscalls_total{${process},syscall="connect"}`), 17);
      assert.equal(await value(`ringtap_syscall_errors_total{${process},syscall="connect",errno="ECONNREFUSED"}`), 17);
      assert.equal(await value('sum(ringtap_process_execs_total{comm="rt-prometheus"})'), 2);
      assert.ok((await value(`sum(ringtap_file_opens_total{${process},result="ok"})`)) > 0);
    });
    assert.equal(await value("min(ringtap_signal_up)"), 1);
    assert.equal(await value("sum(ringtap_events_dropped_total)"), 0);
    const slowest = await value(
      'histogram_quantile(1, sum by (le) (ringtap_syscall_estimated_duration_seconds_bucket{syscall="connect"}))',
    );
    assert.ok(slowest > 0 && slowest < Infinity);
  });

  for (const { asks, features, count, buckets } of [
    { asks: "OpenMetrics", features: [], count: (rate: string) => rate.replace("{", "_count{"), buckets: "_bucket" },
    {
      asks: "protobuf with native histograms",
      features: ["native-histograms"],
      count: (rate: string) => `histogram_count(${rate})`,
      buckets: "",
    },
  ]) {
    it(`gets the latencies of known traffic when it asks for ${asks}`, async (test) => {
      const byComm = await startAgent(test, ["--labels=comm", "--signals=tcp"]);
      const prometheus = await startPrometheus(test, new URL(byComm.origin).host, {}, [
        "exemplar-storage",
        ...features,
      ]);
      const ask = (expression: string): Promise<number> => valueOf(prometheus, expression);
      const port = await listen(test);
      const connect = (times: number) =>
        runProgram(traffic, ["connect", "4", "127.0.0.1", port, "b", `${times}`, "0", "0"]);
      const series = 'ringtap_tcp_connect_seconds{comm="rt-prometheus"}';

      const began = Date.now() / 1000;
      const first = await connect(3);
      await eventually(async () => {
        assert.equal(await ask(count(series)), 3);
      });
      const before = await connectBuckets(byComm);
      const second = await connect(200);
      await eventually(async () => {
        assert.equal(await ask(count(series)), 203);
      });
      const after = await connectBuckets(byComm);

      // The scrapes lie a second apart, and Prometheus extrapolates by half of that to either side.
      const increase = 60 * (await ask(count(`rate(${series}[1m])`)));
      assert.ok(increase >= 200 && increase <= 410, `${increase}`);
      const median = await ask(
        `histogram_quantile(0.5, rate(ringtap_tcp_connect_seconds${buckets}{comm="rt-prometheus"}[1m]))`,
      );
      const slot = after.findIndex(({ counted }, index) => counted - (before[index]?.counted ?? NaN) >= 100);
      assert.ok(median > (after[slot - 1]?.bound ?? 0) && median <= (after[slot]?.bound ?? NaN), `${median}`);

      const exemplars = await queryExemplars(prometheus, `ringtap_tcp_connect_seconds${buckets}{comm="rt-prometheus"}`);
      const pids = [first.pid, second.pid].map(String);
      assert.ok(exemplars.length > 0);
      for (const { labels, value, timestamp } of exemplars) {
        assert.deepEqual(
          { ...labels, pid: pids.includes(labels.pid ?? "") },
          {
            pid: true,
            remote_address: "127.0.0.1",
            remote_port: port,
          },
        );
        assert.ok(Number(value) > 0 && timestamp >= began - 1 && timestamp <= Date.now() / 1000);
      }
      if (features.length === 0) {
        const created = await ask('ringtap_tcp_connect_seconds_created{comm="rt-prometheus"}');
        assert.ok(created >= began - 5.01 && created <= Date.now() / 1000, `${created}, began ${began}`);
      }
    });
  }
});
