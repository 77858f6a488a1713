/** Requests of HTTP/1.x that a server receives through io_uring. */
import assert from "node:assert/strict";
import { it } from "node:test";

import { startAgent, unlimitedSeries } from "../../support/agent.js";
import { compileProgram, programSource, runProgram } from "../../support/program.js";
import { sum } from "../../support/samples.js";

const source = programSource("uring-requests");

it("requests through io_uring are unreadable bytes, and are counted from the next one on that can be read", async (t) => {
  const program = compileProgram("l7-uring", source);
  const agent = await startAgent(t, ["--signals=l7", ...unlimitedSeries]);
  await runProgram(program);
  const samples = await agent.scrape();
  const [request, response] = [30, 41];
  for (const [role, comm, requests, unreadable] of [
    ["client", "ur-client", 11, 0],
    ["server", "ur-server", 6, 5],
  ] as const) {
    assert.equal(sum(samples, `http_${role}_request_duration_seconds_count`, { comm }), requests, role);
    for (const [direction, size] of [
      ["sent", role === "client" ? request : response],
      ["received", role === "client" ? response : request],
    ] as const) {
      const bytes = (kind: string): number => sum(samples, "ringtap_l7_bytes_total", { comm, direction, kind });
      assert.deepEqual(
        [bytes("parsed"), bytes("skipped"), bytes("opaque")],
        [requests * size, unreadable * size, 0],
        `${role}, ${direction}`,
      );
      const skipped = { comm, direction, reason: "unreadable" };
      assert.equal(sum(samples, "ringtap_l7_skipped_bytes_total", skipped), unreadable * size);
    }
    assert.equal(sum(samples, "ringtap_l7_lost_requests_total", { comm }), 0);
  }
});
