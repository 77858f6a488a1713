/** Tests of requests between sockets of one process, by calls that are hard to tell apart when they return. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { it } from "node:test";

import { hasCompatCallers } from "../../../src/host/compat-callers.js";
import { type Agent, startAgent, unlimitedSeries } from "./agent.js";
import type { BuildCopy } from "./build-copy.js";
import { compileProgram, runProgram } from "./program.js";
import { by, type Counts } from "./request-counts.js";
import { sum } from "./samples.js";
import type { Scope } from "./scope.js";

/** Bytes of the request in l7-descriptors.c, and of its response. */
const requestBytes = 33;
const responseBytes = 40;

const roles = ["client", "server"] as const;

/** Declares the tests, which share an agent of this build. */
export function testDescriptors(scope: Scope, build?: BuildCopy): void {
  const program = compileProgram(
    "l7-descriptors",
    readFileSync(new URL("../../../../test/kernel/programs/l7-descriptors.c", import.meta.url), "utf8"),
  );
  let running: Promise<Agent> | undefined;
  const started = (): Promise<Agent> =>
    (running ??= startAgent(scope, ["--signals=l7,tcp", ...unlimitedSeries], build));

  /** Runs the program, and resolves to what was counted: requests by status, lost ones, and bytes that were skipped as a gap. */
  async function count(mode: string) {
    const agent = await started();
    const { pid } = await runProgram(program, [mode]);
    const samples = await agent.scrape();
    for (const direction of ["sent", "received"]) {
      const bytes = sum(samples, "ringtap_l7_bytes_total", { pid, direction });
      assert.equal(bytes, sum(samples, `ringtap_tcp_${direction}_bytes_total`, { pid }), direction);
    }
    const [client, server] = roles.map((role) => ({
      ...by("http_response_status_code", samples, `http_${role}_request_duration_seconds`, { pid }),
      lost: sum(samples, "ringtap_l7_lost_requests_total", { pid, role }),
      gap: sum(samples, "ringtap_l7_skipped_bytes_total", { pid, role, reason: "gap" }),
    }));
    const returns = sum(samples, "ringtap_signal_info", { signal: "l7", hook: "sys_exit" }) === 1;
    return { client, server, returns };
  }

  for (const [mode, which, requests] of [
    ["swap", "another connection", 5],
    ["fresh", "a new connection", 4],
  ] as const) {
    it(`are a gap where another thread gives the descriptor to ${which}`, async () => {
      const { client, server, returns } = await count(mode);
      assert.deepEqual(client, { 200: requests, lost: 0, gap: 0 });
      // A program within the call knows its socket; on arm64 not whether the registers are those of the call.
      const isKnown = !returns && process.arch === "x64";
      const lost = isKnown ? 0 : 1;
      assert.deepEqual(server, { 200: requests - lost, lost, gap: returns ? requestBytes : 0 });
    });
  }

  it("are counted whose bodies sendfile and splice carry", async () => {
    const { client, server, returns } = await count("files");
    assert.deepEqual(server, { 200: 3, lost: 0, gap: 0 });
    // No program within calls sees splice from a socket.
    assert.deepEqual(client, { 200: 3, lost: 0, gap: returns ? 0 : 100_000 });
  });

  it("have ended where a process ends their connection at once: the other end has a RST", async () => {
    const { client, server } = await count("abort");
    // One is under way then: closed at the end that did it, reset at the other one.
    const expected = { "": 1, 200: 3, lost: 0, gap: 0 };
    assert.deepEqual([client, server], [expected, expected]);
  });

  it("are counted whose response is sent to a client that has gone", async () => {
    const { client, server } = await count("late");
    assert.deepEqual(client, { "": 3, lost: 0, gap: 0 });
    assert.deepEqual(server, { 200: 3, lost: 0, gap: 0 });
  });

  it("are counted that preadv2 and pwritev2 carry, by a program within the call", async () => {
    const { client, server, returns } = await count("vectors");
    const carried = 3 * (requestBytes + responseBytes);
    for (const { 200: ok = 0, lost = 0, gap = 0 } of [client, server] as readonly Counts[]) {
      // At their return they are not looked for; what is behind them may be lost to the gap.
      assert.deepEqual([ok + lost, returns || lost === 0], [returns ? 2 : 5, true]);
      assert(returns ? gap >= carried : gap === 0, `${gap} bytes`);
    }
  });

  it("are counted that 32-bit calls carry, those of socketcall(2) among them", async (t) => {
    if (process.arch !== "x64" || !hasCompatCallers()) {
      t.skip("this machine has no such calls");
      return;
    }
    const { client, server } = await count("narrow");
    const expected = { 200: 3, lost: 0, gap: 0 };
    assert.deepEqual([client, server], [expected, expected]);
  });
}
