/** The agent as Prometheus sees it: valid, and with the numbers that the traffic has. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, describe, it } from "node:test";
import { query, queryUntilAnswered, startPrometheus } from "../exposition/prometheus-server.js";
import { checkMetrics } from "../exposition/promtool.js";
import { type Agent, startAgent } from "./support/agent.js";
import { eventually } from "./support/eventually.js";
import { compileProgram, runProgram } from "./support/program.js";
import { suiteScope } from "./support/scope.js";

const source = readFileSync(new URL("../../../test/kernel/programs/tcp-traffic.c", import.meta.url), "utf8");

/** Nobody listens there. */
const closedPort = "1";

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
    assert.deepEqual(checkMetrics(await (await agent.get("/metrics")).text()), { status: 0, output: "" });
  });

  it("scrapes them, and answers queries with the exact numbers", async () => {
    const prometheus = await startPrometheus(scope, new URL(agent.origin).host);
    await queryUntilAnswered(prometheus, "ringtap_build_info");
    const { pid } = await runProgram(traffic, ["connect", "4", "127.0.0.1", closedPort, "b", "17", "0", "0"]);
    const value = async (expression: string): Promise<number> => {
      const [series, ...others] = await query(prometheus, expression);
      assert.deepEqual(others, [], expression);
      return Number(series?.value[1]);
    };
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
      'histogram_quantile(1, sum by (le) (ringtap_syscall_duration_seconds_bucket{syscall="connect"}))',
    );
    assert.ok(slowest > 0 && slowest < Infinity);
  });
});
