/** tcp's bytes, while the memory of sockets is used again in the middle of snapshot scans. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { before, describe, it } from "node:test";
import { type Agent, startAgent } from "../../support/agent.js";
import { eventually } from "../../support/eventually.js";
import { type NetworkNamespace, networkNamespace } from "../../support/network.js";
import { compileProgram, programSource } from "../../support/program.js";
import { sum } from "../../support/samples.js";
import { suiteScope } from "../../support/scope.js";

const source = programSource("tcp-churn");

/** Connections, of two sockets each: more than the kernel's map of preallocated ones has a place for (PREALLOCATED_MAX, bpf/tcp/connection.h). */
const idle = 5_000;
const scrapes = 30;
const sentBytes = 4_000;
const replyBytes = 7_000;

describe("tcp and sockets whose memory is used again", () => {
  const scope = suiteScope();
  let program: string;
  let network: NetworkNamespace;
  let agent: Agent;

  before(async () => {
    program = compileProgram("tcp-churn", source);
    network = networkNamespace(scope);
    // The ring holds all that is recorded, so that no count depends on when the agent gets a processor.
    agent = await startAgent(scope, ["--signals=tcp", "--ring.size=64MiB"]);
  });

  it("counts bytes exactly beside 10,000 idle sockets, one scrape after the other", async (test) => {
    const [file = "", ...prefix] = network.prefix;
    const args = [idle, sentBytes, replyBytes].map(String);
    const child = spawn(file, [...prefix, program, ...args], { stdio: ["pipe", "pipe", "inherit"] });
    test.after(() => child.kill());
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    await eventually(() => {
      assert.match(output, /^ready\n/);
    });
    for (let scrape = 0; scrape < scrapes; scrape++) {
      await agent.scrape();
    }
    child.stdin.end();
    const [, count = NaN] = await eventually(() => /^ready\n(\d+)\n/.exec(output) ?? assert.fail(output));
    const pid = child.pid ?? 0;
    test.diagnostic(`${count} came and went`);
    await eventually(async () => {
      const samples = await agent.scrape();
      assert.equal(sum(samples, "ringtap_tcp_connections", { pid, role: "client" }), idle);
      assert.equal(sum(samples, "ringtap_tcp_connections", { pid, role: "server" }), idle);
    });
    const samples = await agent.scrape();
    assert.equal(sum(samples, "ringtap_events_dropped_total", { signal: "tcp" }), 0);
    const carried = Number(count) * (sentBytes + replyBytes);
    assert.equal(sum(samples, "ringtap_tcp_sent_bytes_total", { pid }), carried);
    assert.equal(sum(samples, "ringtap_tcp_received_bytes_total", { pid }), carried);
    assert.equal(sum(samples, "ringtap_tcp_accepts_total", { pid }), idle + Number(count));
  });
});
