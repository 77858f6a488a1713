/** tcp and connections that are older than the agent, in each state in which it may find them, against what their program does. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { before, describe, it } from "node:test";
import { type Agent, startAgent } from "../../support/agent.js";
import { eventually } from "../../support/eventually.js";
import { compileProgram, programSource } from "../../support/program.js";
import { type Samples, sum } from "../../support/samples.js";
import { suiteScope } from "../../support/scope.js";

const source = programSource("tcp-older");

/** What the program sends each time when the agent is there. */
const bytes = 1_000_000;

/** A running tcp-older, its connections open. */
interface Older {
  readonly pid: number;
  /** Lets it send, and waits until all was received. */
  go(): Promise<void>;
}

describe("tcp, of connections older than the agent", () => {
  const scope = suiteScope();
  const olders = new Map<string, Older>();
  let agent: Agent;

  async function start(program: string, how: string): Promise<Older> {
    const child = spawn(program, [how], { stdio: ["pipe", "pipe", "inherit"] });
    scope.after(() => child.kill());
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    const says = async (words: string): Promise<void> => {
      await eventually(() => {
        assert.equal(output, words);
      });
    };
    await says("ready\n");
    return {
      pid: child.pid ?? 0,
      async go() {
        child.stdin.write("\n");
        await says("ready\ndone\n");
      },
    };
  }

  before(async () => {
    const program = compileProgram("tcp-older", source);
    for (const how of ["backlog", "listened", "connecting", "half", "passed"]) {
      olders.set(how, await start(program, how));
    }
    agent = await startAgent(scope, ["--signals=tcp"]);
    // It serves before it has found them all; a scrape waits for that.
    await agent.scrape();
  });

  /** Lets one go on; returns what the agent then says, and the pid. */
  async function afterwards(how: string): Promise<{ samples: Samples; pid: number }> {
    const older = olders.get(how) ?? assert.fail(how);
    await older.go();
    return { samples: await agent.scrape(), pid: older.pid };
  }

  /** Connections of a process, by role. */
  function roles(samples: Samples, pid: number): Record<string, number> {
    return Object.fromEntries(
      ["client", "server", "unknown"].map((role) => [role, sum(samples, "ringtap_tcp_connections", { pid, role })]),
    );
  }

  function carried(samples: Samples, labels: Record<string, string | number>): { sent: number; received: number } {
    return {
      sent: sum(samples, "ringtap_tcp_sent_bytes_total", labels),
      received: sum(samples, "ringtap_tcp_received_bytes_total", labels),
    };
  }

  for (const how of ["backlog", "listened"]) {
    it(`tells the connected end from the accepted one: ${how}`, async () => {
      const { samples, pid } = await afterwards(how);
      assert.deepEqual(roles(samples, pid), { client: 1, server: 1, unknown: 0 });
      assert.deepEqual(carried(samples, { pid }), { sent: bytes, received: bytes });
    });
  }

  it("counts the outcome of a connect that was under way, and its bytes", async () => {
    const { samples, pid } = await afterwards("connecting");
    assert.equal(sum(samples, "ringtap_tcp_connects_total", { pid, result: "established" }), 1);
    assert.equal(sum(samples, "ringtap_tcp_connects_total", { pid }), 1);
    assert.deepEqual(roles(samples, pid), { client: 2, server: 2, unknown: 0 });
    assert.deepEqual(carried(samples, { pid }), { sent: bytes, received: bytes });
  });

  it("counts what still comes to an end that has shut down its sending side", async () => {
    const { samples, pid } = await afterwards("half");
    assert.deepEqual(roles(samples, pid), { client: 0, server: 1, unknown: 0 });
    assert.deepEqual(carried(samples, { pid }), { sent: bytes, received: bytes });
  });

  it("counts a socket in no descriptor table for no known process", async () => {
    const earlier = carried(await agent.scrape(), { comm: "~unknown" });
    const { samples, pid } = await afterwards("passed");
    assert.deepEqual(roles(samples, pid), { client: 1, server: 0, unknown: 0 });
    assert.deepEqual(carried(samples, { pid }), { sent: 5000, received: 0 });
    assert.equal(carried(samples, { comm: "~unknown" }).received - earlier.received, 5000);
    assert.equal(sum(samples, "ringtap_tcp_connections", { comm: "~unknown", role: "server" }), 1);
  });
});
