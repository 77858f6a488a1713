/** The agent's life: how it starts, serves, ends, and that nothing of it stays behind. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { describe, test, type TestContext } from "node:test";

import { startAgent } from "../support/agent.js";
import { eventually, slowness } from "../support/eventually.js";
import { heldBy, leftOf } from "../support/kernel-objects.js";
import { compileProgram, runProgram } from "../support/program.js";
import { type Ringtap, startRingtap } from "../support/ringtap.js";
import { sum } from "../support/samples.js";

/** All that is promised for the way from a signal to the exit, milliseconds. */
const promptly = 1000 * slowness;

/** Ends the agent by a signal; it must exit with 0 in time, and nothing that it held may stay in the kernel. */
async function endsCleanly(agent: Ringtap, signal: NodeJS.Signals, within = promptly): Promise<void> {
  const held = heldBy(agent.pid);
  assert(held.size > 0);
  const asked = Date.now();
  assert.deepEqual(await agent.stop(signal), { status: 0, signal: null }, agent.stderr);
  const took = Date.now() - asked;
  assert(took < within, `it took ${took} ms to end`);
  await eventually(() => {
    assert.deepEqual(leftOf(held), []);
  });
}

/** Opens a connection that sends `text` and reads nothing of what comes back. */
async function silentClient(t: TestContext, origin: string, text: string): Promise<void> {
  const socket = connect(Number(new URL(origin).port), "127.0.0.1");
  t.after(() => socket.destroy());
  socket.on("error", () => undefined);
  await new Promise((resolve) => {
    socket.pause().write(text, resolve);
  });
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  describe(signal, () => {
    test("ends the agent", async (t) => {
      await endsCleanly(await startAgent(t), signal);
    });

    test("ends it during a scrape", async (t) => {
      const agent = await startAgent(t);
      const request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n";
      await silentClient(t, agent.origin, request);
      await silentClient(t, agent.origin, `${request}\r\n`.repeat(200));
      await endsCleanly(agent, signal);
    });

    test("ends it while it starts", async (t) => {
      const agent = startRingtap(t, ["run", "--web.listen-address=127.0.0.1:0"]);
      await eventually(() => {
        assert(heldBy(agent.pid).size > 0);
      });
      assert.doesNotMatch(agent.stderr, /serving metrics/);
      // What it has begun to load, the kernel verifies to the end.
      await endsCleanly(agent, signal, 5 * promptly);
    });
  });
}

test("SIGKILL leaves nothing in the kernel either", async (t) => {
  const agent = await startAgent(t);
  const held = heldBy(agent.pid);
  assert.deepEqual(await agent.stop("SIGKILL"), { status: null, signal: "SIGKILL" });
  await eventually(() => {
    assert.deepEqual(leftOf(held), []);
  });
});

test("two agents beside each other count the same", async (t) => {
  const [first, second] = await Promise.all([startAgent(t), startAgent(t)]);
  const program = compileProgram("beside", "int main(void) { return 3; }");
  for (let run = 0; run < 20; run++) {
    await assert.rejects(runProgram(program), { code: 3 });
  }
  for (const agent of [first, second]) {
    const samples = await agent.scrape();
    assert.equal(sum(samples, "ringtap_process_execs_total", { comm: "beside" }), 20);
    assert.equal(sum(samples, "ringtap_process_exits_total", { comm: "beside", reason: "error" }), 20);
  }
  await endsCleanly(first, "SIGTERM");
  await assert.rejects(runProgram(program), { code: 3 });
  assert.equal(sum(await second.scrape(), "ringtap_process_execs_total", { comm: "beside" }), 21);
});

/** Passes a socket that listens to the program that follows, as systemd does for a .socket unit: sd_listen_fds(3). */
const passSocket = [
  "perl",
  "-MSocket",
  "-e",
  `$^F = 10;
   socket(S, PF_INET, SOCK_STREAM, 0) && bind(S, sockaddr_in(0, INADDR_LOOPBACK)) && listen(S, 128) or die $!;
   fileno(S) == 3 or die "descriptor ", fileno(S);
   @ENV{"LISTEN_PID", "LISTEN_FDS"} = ($$, 1);
   exec @ARGV;`,
];

test("machines can ask for its health, on a socket that was passed on", async (t) => {
  const agent = await startAgent(t, ["--signals=tcp", "--web.systemd-socket"], { prefix: passSocket });
  for (const [path, text] of [
    ["/healthz", /^ok\b/],
    ["/readyz", /^tcp: up \(tp_btf\)$/m],
  ] as const) {
    const response = await agent.get(path);
    assert.equal(response.status, 200, path);
    assert.match(await response.text(), text);
  }
});
