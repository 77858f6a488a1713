/**
 * Requests over connections that the kernel encrypts: what the program writes and what comes on the wire differ by 29 bytes each time,
 * the nonce, the tag and the head of a record. Needs a kernel with TLS: the guests' (scripts/vm/test-kernels), not the host's.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { before, describe, it } from "node:test";

import { type Agent, startAgent, unlimitedSeries } from "../../support/agent.js";
import { isOlderThan } from "../../support/kernel-version.js";
import { compileProgram, programSource, runProgram } from "../../support/program.js";
import { type Samples, sum } from "../../support/samples.js";
import { suiteScope } from "../../support/scope.js";

const source = programSource("ktls-requests");
const [requests, greeting, overhead] = [20, 9, 29];
const request = requests * 30;
const response = requests * 41;

const program = compileProgram("l7-ktls", source);
spawnSync("modprobe", ["tls"]);
const skip =
  (spawnSync(program, ["try"]).status === 3 && "this kernel has no TLS (CONFIG_TLS)") ||
  (isOlderThan("5.17") && "l7 is left out before Linux 5.17");

describe("requests over connections that the kernel encrypts", { skip }, () => {
  const scope = suiteScope();
  let agent: Agent;

  before(async () => {
    agent = await startAgent(scope, ["--signals=l7,tcp,process", ...unlimitedSeries]);
  });

  /** Bytes of a program in one direction, by kind; all of them are tcp's. */
  function bytes(samples: Samples, pid: number, direction: "sent" | "received"): Record<string, number> {
    const kinds = ["parsed", "tls", "opaque", "skipped"].map(
      (kind) => [kind, sum(samples, "ringtap_l7_bytes_total", { pid, direction, kind })] as const,
    );
    const all = kinds.reduce((total, [, count]) => total + count, 0);
    assert.equal(all, sum(samples, `ringtap_tcp_${direction}_bytes_total`, { pid }), direction);
    return Object.fromEntries(kinds.filter(([, count]) => count > 0));
  }

  it("are bytes of TLS behind a handshake, without what the kernel adds", async () => {
    const { pid } = await runProgram(program, ["hello"]);
    const samples = await agent.scrape();
    const skipped = requests * overhead;
    assert.deepEqual(bytes(samples, pid, "sent"), { tls: greeting + request, skipped });
    assert.deepEqual(bytes(samples, pid, "received"), { tls: greeting + response, skipped });
    for (const direction of ["sent", "received"]) {
      assert.equal(sum(samples, "ringtap_l7_skipped_bytes_total", { pid, direction, reason: "gap" }), skipped);
    }
    assert.equal(sum(samples, "http_client_request_duration_seconds_count", { pid }), 0);
  });

  it("are lost to a gap each where there was no handshake", async () => {
    const { pid } = await runProgram(program, ["plain"]);
    const samples = await agent.scrape();
    assert.deepEqual(bytes(samples, pid, "sent"), { parsed: request, skipped: requests * overhead });
    assert.deepEqual(bytes(samples, pid, "received"), { skipped: response + requests * overhead });
    assert.equal(sum(samples, "ringtap_l7_lost_requests_total", { pid, role: "client", reason: "gap" }), requests);
    assert.equal(sum(samples, "http_client_request_duration_seconds_count", { pid }), 0);
  });
});
