/** l7 keeps what it has judged of a process: until the process has another name or control group, or others are chosen. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { before, describe, it } from "node:test";

import { type Agent, startAgent, unlimitedSeries } from "../../support/agent.js";
import { controlGroup, hierarchy } from "../../support/cgroups.js";
import { eventually } from "../../support/eventually.js";
import { compileProgram, programSource, scratch } from "../../support/program.js";
import { sum } from "../../support/samples.js";
import { type Scope, suiteScope } from "../../support/scope.js";

/** The program test/kernel/programs/asker.c at work. */
interface Asker {
  readonly pid: number;
  /** Has it do what a line says. */
  told(line: string): Promise<void>;
}

function startAsker(scope: Scope, program: string, port: number): Asker {
  const child = spawn(program, [port.toString()], { stdio: ["pipe", "pipe", "inherit"] });
  scope.after(() => child.kill("SIGKILL"));
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    pid: child.pid ?? 0,
    async told(line) {
      child.stdin.write(`${line}\n`);
      assert.equal((await lines.next()).value, line);
    },
  };
}

async function requestsOf(agent: Agent, labels: Readonly<Record<string, string | number>>): Promise<number> {
  return sum(await agent.scrape(), "http_client_request_duration_seconds_count", labels);
}

describe("the choice of a process", () => {
  const scope = suiteScope();
  const programs = { chosen: "", other: "" };
  let port = 0;
  before(async () => {
    programs.chosen = compileProgram("rt-asker", programSource("asker"));
    programs.other = compileProgram("rt-asker-too", programSource("asker"));
    const server = createServer((_, response) => response.end("end"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    scope.after(() => server.close());
    port = (server.address() as AddressInfo).port;
  });

  it("follows its name, by prctl(2) and execve(2)", async (t) => {
    const agent = await startAgent(t, ["--signals=l7", "--l7.comms=rt-asker,rt-renamed", ...unlimitedSeries]);
    const asker = startAsker(t, programs.chosen, port);
    const { pid } = asker;
    const steps = [
      ["ask 5", "name rt-not-that", "ask 7", "name rt-asker", "ask 9", "name rt-renamed", "ask 11"],
      [`exec ${programs.other}`, "ask 13", `exec ${programs.chosen}`, "ask 15"],
    ].flat();
    for (const step of steps) {
      await asker.told(step);
    }
    const requests = await Promise.all(["rt-asker", "rt-renamed"].map((comm) => requestsOf(agent, { pid, comm })));
    assert.deepEqual([...requests, await requestsOf(agent, { pid })], [29, 11, 40]);
  });

  it("follows the settings", async (t) => {
    const path = scratch("judged.yaml");
    const configure = (what: string): void => {
      writeFileSync(path, `signals: [l7]\n${what}\n`);
    };
    configure("l7.comms: [rt-asker]");
    const agent = await startAgent(t, [`--config.file=${path}`, ...unlimitedSeries]);
    const asker = startAsker(t, programs.chosen, port);
    const other = startAsker(t, programs.other, port);
    // Of the first one's name: their ids alone tell them apart.
    const namesake = startAsker(t, programs.chosen, port);
    const ask = async (): Promise<number[]> => {
      const all = [asker, other, namesake];
      const before = await Promise.all(all.map(({ pid }) => requestsOf(agent, { pid })));
      await Promise.all(all.map((one) => one.told("ask 10")));
      const after = await Promise.all(all.map(({ pid }) => requestsOf(agent, { pid })));
      return after.map((requests, index) => requests - (before[index] ?? 0));
    };
    const reload = async (what: string): Promise<void> => {
      const seen = agent.stderr.length;
      configure(what);
      process.kill(agent.pid, "SIGHUP");
      await eventually(() => {
        assert.match(agent.stderr.slice(seen), /msg="configuration reloaded"/);
      });
    };
    assert.deepEqual(await ask(), [10, 0, 10]);
    await reload("l7.comms: [rt-asker-too]");
    assert.deepEqual(await ask(), [0, 10, 0]);
    await reload(`l7.pids: [${asker.pid}]`);
    assert.deepEqual(await ask(), [10, 0, 0]);
    await reload(`l7.pids: [${asker.pid}, ${other.pid}]\nl7.comms: [rt-asker-too]`);
    assert.deepEqual(await ask(), [0, 10, 0]);
    await reload("l7.comms: [rt-asker, rt-asker-too]");
    assert.deepEqual(await ask(), [10, 10, 10]);
  });

  it("follows its control group", async (t) => {
    const ids = [randomBytes(32).toString("hex"), randomBytes(32).toString("hex")] as const;
    const [chosen = "", other = ""] = ids.map((id) => id.slice(0, 12));
    const flags = [`--l7.containers=${chosen}`, "--labels=pid,container_id", "--cgroup.hierarchy=unified"];
    const agent = await startAgent(t, ["--signals=l7", ...flags, ...unlimitedSeries]);
    await agent.scrape();
    const asker = startAsker(t, programs.chosen, port);
    const groups = ids.map((id) => controlGroup(t, hierarchy("cgroup2"), `ringtap-test-${id}/docker-${id}.scope`));
    // By now the agent knows both containers.
    await agent.scrape();
    for (const [group, count] of [
      [0, 5],
      [1, 7],
      [0, 9],
      [1, 11],
    ] as const) {
      groups[group]?.enter(asker.pid);
      await asker.told(`ask ${count}`);
    }
    const requests = await Promise.all([chosen, other].map((id) => requestsOf(agent, { container_id: id })));
    assert.deepEqual(requests, [14, 0]);
    assert.equal(await requestsOf(agent, { pid: asker.pid }), 14);
  });
});
