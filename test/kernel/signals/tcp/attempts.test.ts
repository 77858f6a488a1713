/** Every way to begin an active open, and to end it, against the namespace's /proc/net/snmp: a SYN is one attempt with one outcome. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { before, describe, it } from "node:test";
import { readDocument } from "../../../docs/documents.js";
import { type Agent, startAgent } from "../../support/agent.js";
import { type Attempt, attemptTable } from "../../support/attempt-table.js";
import { eventually } from "../../support/eventually.js";
import { type NetworkNamespace, networkNamespace } from "../../support/network.js";
import { compileProgram, programSource } from "../../support/program.js";
import { type Samples, select, sum } from "../../support/samples.js";
import { suiteScope } from "../../support/scope.js";
import { startWaiting } from "../../support/waiting.js";

const source = programSource("tcp-attempts");

/** A port on which the program itself listens. */
const listening = 0;
/** Ports on which the namespace's firewall does something else than to let pass. */
const silent = 9001;
const unreachable = 9002;
const closed = 9003;
/** The first SYN is dropped, the second answered: whoever waits does so for a second. */
const lateUnreachable = [9004, 9005] as const;

const routeless = 9006;

const firewall = `
table inet test {
  chain input {
    type filter hook input priority 0;
    tcp dport ${silent} drop
    meta nfproto ipv4 tcp dport ${unreachable} reject with icmp type host-unreachable
    meta nfproto ipv6 tcp dport ${unreachable} reject with icmpv6 type addr-unreachable
    ${lateUnreachable
      .map(
        (port) => `
    tcp dport ${port} limit rate over 1/day burst 1 packets reject with icmp type host-unreachable
    tcp dport ${port} drop`,
      )
      .join("")}
  }
}`;

/** What is at a port, in words for the table. */
const places: Readonly<Record<number, string>> = {
  [listening]: "a listener",
  [silent]: "a port that drops",
  [unreachable]: "a host that is unreachable",
  [closed]: "a closed port",
  [routeless]: "a host without a route",
  [lateUnreachable[0]]: "a host that is unreachable to the second SYN",
  [lateUnreachable[1]]: "a host that is unreachable to the second SYN",
};

interface Case extends Attempt {
  readonly port: number;
}

const cases: Case[] = [];

/** 32-bit x86 alone has such a call; other tests of this file take int $0x80 for granted there, too. */
const hasSocketcall = process.arch === "x64";

function expect(
  begin: string,
  end: string,
  port: number,
  result: string | undefined,
  options: { count?: number; address?: string; times?: number; unsent?: Readonly<Record<string, number>> } = {},
): void {
  const { count = 3, address = "127.0.0.1", times = count, unsent = {} } = options;
  const sent = result === undefined ? {} : { [result]: times };
  cases.push({ begin, end, port, at: places[port] ?? "", count, address, sent, unsent });
}

// connect(2) that sends no SYN: the first write does.
expect("defer", "write", closed, "refused");
expect("defer", "write", listening, "established");
expect("defer", "write", unreachable, "unreachable");
expect("defer", "write", silent, "timed_out");
expect("defer", "write-close", silent, "aborted");
expect("defer-blocking", "write", closed, "refused");
expect("defer-blocking", "write", listening, "established");
expect("defer-cookie", "write", listening, "established", { times: 4 });
expect("defer", "write", closed, "refused", { address: "::ffff:127.0.0.1" });
expect("defer", "write", closed, "refused", { address: "::1" });
for (const end of ["close", "unspec", "shutdown", "exit", "kill"]) {
  expect("defer", end, closed, undefined);
}

// Every call that sends a SYN at once, given up after that.
for (const begin of ["poll", "sendto", "sendto32", "sendmsg", "sendmmsg", "mptcp"]) {
  if (process.arch === "x64" || !begin.endsWith("32")) {
    expect(begin, "close", silent, "aborted", { count: 5 });
    expect(begin, "wait", closed, "refused");
    expect(begin, "wait-blind", listening, "established");
  }
}
for (const end of ["unspec", "shutdown", "exit"]) {
  expect("poll", end, silent, "aborted");
  expect("sendto", end, silent, "aborted");
}
expect("poll", "kill", silent, "aborted", { times: 1 });
expect("sendto", "kill", silent, "aborted", { times: 1 });
expect("sendto", "close", silent, "aborted", { address: "::1" });
expect("sendto-blocking", "close", closed, "refused");
expect("uring", "close", closed, "refused");
expect("uring", "close", listening, "established");
expect("uring-worker", "close", closed, "refused");
expect("uring-worker", "close", listening, "established");
expect("uring-timeout", "close", silent, "aborted");
if (process.arch === "x64") {
  expect("connect32", "close", closed, "refused");
  expect("connect32", "close", listening, "established");
  for (const begin of ["socketcall", "socketcall-poll"]) {
    expect(begin, "wait", closed, "refused");
    expect(begin, "wait", unreachable, "unreachable");
    expect(begin, "wait", listening, "established");
    expect(begin, "close", routeless, undefined, { address: "192.0.2.1", unsent: { unreachable: 3 } });
  }
}

// Whoever reads the outcome, however often: it is counted once.
for (const [port, result] of [
  [closed, "refused"],
  [unreachable, "unreachable"],
] as const) {
  for (const end of ["wait", "wait-blind", "wait-receive", "again"]) {
    expect("poll", end, port, result);
  }
  expect("connect", "wait", port, result);
}
expect("connect", "waiters", silent, "timed_out", { count: 1 });
expect("connect", "waiters", lateUnreachable[0], "unreachable", { count: 1 });
expect("connect", "moved", silent, "timed_out", { count: 1 });
expect("connect", "moved", lateUnreachable[1], "unreachable", { count: 1 });

// One socket, one attempt after the other.
for (const begin of ["connect", "poll"]) {
  const sent = { aborted: 1, refused: 1 };
  cases.push({
    begin,
    end: "anew",
    port: silent,
    at: places[silent] ?? "",
    count: 1,
    address: "127.0.0.1",
    sent,
    unsent: {},
  });
}

// What connect(2) refuses without a SYN: that adds no bytes.
expect("poll", "unreachable", closed, "refused", { unsent: { unreachable: 3 } });
expect("connect", "bad-address", listening, "established", { unsent: { other: 3 } });

// A connection that is restored, not opened.
expect("repair", "wait", closed, undefined);

describe("tcp attempts", () => {
  const scope = suiteScope();
  let program: string;
  let network: NetworkNamespace;
  let rejecting: NetworkNamespace;
  let agent: Agent;
  let samples: Samples;
  const pids = new Map<Case, number>();

  function namespace(): NetworkNamespace {
    const made = networkNamespace(scope);
    made.run("sysctl", "-qw", "net.ipv4.tcp_syn_retries=1", "net.ipv4.tcp_fastopen=3");
    made.run("nft", firewall);
    return made;
  }

  async function run(one: Case): Promise<void> {
    const { address, port, begin, end, count } = one;
    const { prefix } = port === unreachable ? rejecting : network;
    const args = [...prefix.slice(1), program, address, String(port), begin, end, String(count)];
    const child = spawn(prefix[0] ?? "", args, { stdio: ["ignore", "inherit", "inherit"] });
    pids.set(one, child.pid ?? 0);
    const [status, killed] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
    assert.deepEqual([status, killed], end === "kill" ? [null, "SIGKILL"] : [0, null], args.join(" "));
  }

  before(async () => {
    program = compileProgram("tcp-attempts", source);
    network = namespace();
    rejecting = namespace();
    agent = await startAgent(scope, ["--signals=tcp", "--ring.size=32MiB"]);
    await Promise.all(cases.map(run));
    samples = await agent.scrape();
  });

  for (const one of cases) {
    const { begin, end, port, address, sent, unsent } = one;
    it(`${begin} to ${address} ${port}, then ${end}`, () => {
      const pid = pids.get(one) ?? 0;
      const counted: Record<string, number> = {};
      for (const [series, count] of select(samples, "ringtap_tcp_connects_total", { pid })) {
        const result = series.replace(/.*result="(\w+)".*/, "$1");
        counted[result] = (counted[result] ?? 0) + count;
      }
      assert.deepEqual(counted, { ...sent, ...unsent });
    });
  }

  // The table has the 32-bit calls, which other architectures lack.
  it("are those of docs/tcp-attempts.md", { skip: process.arch !== "x64" }, () => {
    const table = attemptTable(cases);
    assert(readDocument("docs/tcp-attempts.md").endsWith(`\n${table}\n`), `the table should be:\n${table}`);
  });

  it("agree with /proc/net/snmp", () => {
    const total = (some: readonly Case[], ...results: readonly string[]): number =>
      some.flatMap(({ sent }) => results.map((result) => sent[result] ?? 0)).reduce((sum, count) => sum + count, 0);
    const failures = ["refused", "unreachable", "timed_out"];
    const opens = network.snmp("Tcp", "ActiveOpens") + rejecting.snmp("Tcp", "ActiveOpens");
    assert.equal(total(cases, "established", "aborted", ...failures), opens);
    // Those that are given up after a rejection that came while the socket was in use are no failures to the kernel.
    const others = cases.filter(({ port }) => port !== unreachable);
    assert.equal(total(others, ...failures), network.snmp("Tcp", "AttemptFails"));
  });

  it("count no byte twice when connect(2) fails beside a connection", () => {
    const one = cases.find(({ end }) => end === "bad-address");
    assert.ok(one);
    assert.equal(sum(samples, "ringtap_tcp_sent_bytes_total", { pid: pids.get(one) ?? 0 }), 12);
  });

  it("of MPTCP subflows that the kernel adds belong to the process whose connection it is", async (test) => {
    const own = networkNamespace(test);
    own.run("ip", "mptcp", "limits", "set", "subflows", "2", "add_addr_accepted", "2");
    own.run("ip", "mptcp", "endpoint", "add", "127.0.0.2", "dev", "lo", "subflow");
    const args = [...own.prefix.slice(1), program, "127.0.0.1", "0", "mptcp", "talk", "3"];
    const talk = await startWaiting(test, own.prefix[0] ?? "", args);
    await eventually(async () => {
      const now = await agent.scrape();
      const opens = sum(now, "ringtap_tcp_connects_total", { pid: talk.pid });
      assert.ok(opens >= 6, "each connection has two subflows");
      assert.equal(opens, own.snmp("Tcp", "ActiveOpens"));
      assert.equal(sum(now, "ringtap_tcp_accepts_total", { pid: talk.pid }), 3);
    });
    await talk.go();
  });

  it("and accepts of 32-bit programs count that go by socketcall(2)", { skip: !hasSocketcall }, async (test) => {
    const own = networkNamespace(test);
    const args = [...own.prefix.slice(1), program, "127.0.0.1", "0", "socketcall", "talk", "3"];
    const talk = await startWaiting(test, own.prefix[0] ?? "", args);
    const now = await agent.scrape();
    assert.equal(sum(now, "ringtap_tcp_connects_total", { pid: talk.pid, result: "established" }), 3);
    assert.equal(sum(now, "ringtap_tcp_accepts_total", { pid: talk.pid }), own.snmp("Tcp", "PassiveOpens"));
    assert.equal(own.snmp("Tcp", "PassiveOpens"), 3);
    await talk.go();
  });
});
