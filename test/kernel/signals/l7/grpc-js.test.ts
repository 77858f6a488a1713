/** Calls of gRPC's own library for Node.js: what a server, a client and ringtap count are equal, by method and code, also from an agent that joins late. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { startAgent, unlimitedSeries } from "../../support/agent.js";
import { byMethod } from "../../support/grpc-counts.js";
import { added, type Counts, difference, total } from "../../support/request-counts.js";
import { sum } from "../../support/samples.js";
import { suiteScope } from "../../support/scope.js";
import { freePort } from "../../support/servers.js";
import { startSteps } from "../../support/steps.js";

const program = fileURLToPath(new URL("../../programs/grpc-calls.js", import.meta.url));

/** As series have them. */
function named(counts: Counts): Counts {
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [`test.Kinds/${name}`, count]));
}

const kinds = ["One", "Many", "Upload", "Chat"] as const;

describe("calls of @grpc/grpc-js", () => {
  const scope = suiteScope();
  const running = (async () => {
    const port = await freePort();
    const agent = await startAgent(scope, ["--signals=l7", `--l7.ports=${port}`, ...unlimitedSeries]);
    const server = startSteps(scope, process.execPath, [program, "server", `${port}`]);
    await server.step("counts");
    const client = startSteps(scope, process.execPath, [program, "client", `${port}`]);
    const counted = async (): Promise<Counts> => JSON.parse(await server.step("counts")) as Counts;
    const make = async (what: string): Promise<Counts> => JSON.parse(await client.step(what)) as Counts;
    return { port, agent, server, client, counted, make };
  })();

  it("are as many as both ends count, by method and code, with 100 streams at once", async () => {
    const { agent, server, client, counted, make } = await running;
    const made: Counts[] = [];
    for (const kind of kinds) {
      const counts = await make(`${kind} 1700 100`);
      assert.deepEqual(counts, Object.fromEntries(Array.from({ length: 17 }, (_, code) => [code, 100])), kind);
      made.push(Object.fromEntries(Object.entries(counts).map(([code, count]) => [`${kind} ${code}`, count])));
    }
    const all = await counted();
    assert.deepEqual(all, added(...made));
    const samples = await agent.scrape();
    assert.deepEqual(byMethod(samples, "client", client.pid), named(all));
    assert.deepEqual(byMethod(samples, "server", server.pid), named(all));
    for (const { pid } of [server, client]) {
      assert.equal(sum(samples, "ringtap_l7_lost_requests_total", { pid }), 0);
      assert.equal(sum(samples, "ringtap_l7_skipped_bytes_total", { pid }), 0);
      assert.equal(sum(samples, "http_server_request_duration_seconds_count", { pid }), 0);
    }
  });

  it("whose deadline passes are reset, or have its code where the server knows first", async () => {
    const { agent, server, client, counted, make } = await running;
    assert.deepEqual(await make("Wait 60 100 300"), { 4: 60 });
    // What the server has read before this one's answer is what the client sent before it.
    await make("One 1 1");
    assert.equal((await counted())["Wait cancelled"], 60);
    const samples = await agent.scrape();
    for (const [role, { pid }] of [
      ["client", client],
      ["server", server],
    ] as const) {
      const counts = byMethod(samples, role, pid);
      const [reset = 0, exceeded = 0] = [counts["test.Kinds/Wait reset"], counts["test.Kinds/Wait 4"]];
      assert.equal(reset + exceeded, 60, role);
      assert.equal(
        sum(samples, "ringtap_l7_unanswered_requests_total", { pid, protocol: "grpc", reason: "reset" }),
        reset,
      );
    }
  });

  it("are counted from an agent that joins late, at both ends", async (t) => {
    const { port, server, client, counted, make } = await running;
    const agent = await startAgent(t, ["--signals=l7", `--l7.ports=${port}`, ...unlimitedSeries]);
    const before = await counted();
    for (const kind of kinds) {
      await make(`${kind} 170 1`);
    }
    await make("One 3400 100");
    const ended = total(difference(await counted(), before));
    const samples = await agent.scrape();
    for (const [role, { pid }] of [
      ["client", client],
      ["server", server],
    ] as const) {
      // What its code was, and that it was a call, an index may say that was given before the agent came.
      const known = total(byMethod(samples, role, pid));
      const requests = known + sum(samples, `http_${role}_request_duration_seconds_count`, { pid });
      // By the first one, the agent learns what the connection is.
      assert.equal(sum(samples, "ringtap_l7_lost_requests_total", { pid, reason: "joined_late" }), 1, role);
      assert.equal(requests, ended - 1, role);
    }
  });
});
