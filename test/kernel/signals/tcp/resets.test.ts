/** tcp's resets at either end, in each state that one can leave in, against the RSTs that the namespace's firewall counts. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { before, describe, it } from "node:test";
import { promisify } from "node:util";
import { type Agent, startAgent } from "../../support/agent.js";
import { eventually } from "../../support/eventually.js";
import { type NetworkNamespace, networkNamespace } from "../../support/network.js";
import { compileProgram, programSource } from "../../support/program.js";
import { sum } from "../../support/samples.js";
import { suiteScope } from "../../support/scope.js";

const source = programSource("tcp-resets");

const count = 3;

/** How the one end leaves, how the other answers, and the RSTs of each connection that the leaving end sends and receives. */
const ways = [
  { leave: "linger", answer: "nothing", sent: 1, received: 0 },
  { leave: "unread", answer: "nothing", sent: 1, received: 0 },
  { leave: "shutdown", answer: "write", sent: 1, received: 0 },
  { leave: "stuck", answer: "write", sent: 1, received: 0 },
  { leave: "close", answer: "write", sent: 1, received: 0 },
  { leave: "half", answer: "write", sent: 1, received: 0 },
  { leave: "linger2", answer: "read", sent: 1, received: 0 },
  { leave: "open", answer: "reset", sent: 0, received: 1 },
  { leave: "shutdown", answer: "reset", sent: 0, received: 1 },
  { leave: "stuck", answer: "reset", sent: 0, received: 1 },
] as const;

describe("tcp's resets", () => {
  const scope = suiteScope();
  let program: string;
  let network: NetworkNamespace;
  let agent: Agent;

  before(async () => {
    program = compileProgram("tcp-resets", source);
    network = networkNamespace(scope);
    const rules = ways.flatMap((_, index) => [
      `tcp sport ${7000 + index} tcp flags rst counter name from${index}`,
      `tcp dport ${7000 + index} tcp flags rst counter name to${index}`,
    ]);
    const counters = ways.flatMap((_, index) => [`counter from${index} {}`, `counter to${index} {}`]);
    network.run(
      "nft",
      `table inet test {
        ${counters.join("\n")}
        chain input {
          type filter hook input priority 0
          ${rules.join("\n")}
        }
      }`,
    );
    agent = await startAgent(scope, ["--signals=tcp"]);
  });

  /** RSTs that the namespace has carried from and to the port of a way. */
  function carried(index: number): { from: number; to: number } {
    const packets = (name: string): number =>
      Number(/packets (\d+)/.exec(network.run("nft", "list", "counter", "inet", "test", name))?.[1]);
    return { from: packets(`from${index}`), to: packets(`to${index}`) };
  }

  for (const [index, { leave, answer, sent, received }] of ways.entries()) {
    it(`counts them at the ends that sent and received them: ${leave}, answered by ${answer}`, async () => {
      const outRsts = network.snmp("Tcp", "OutRsts");
      const [file = "", ...prefix] = network.prefix;
      const running = promisify(execFile)(file, [
        ...prefix,
        program,
        String(7000 + index),
        String(count),
        leave,
        answer,
      ]);
      const { stdout } = await running;
      assert.deepEqual(carried(index), { from: received * count, to: sent * count });
      assert.equal(network.snmp("Tcp", "OutRsts") - outRsts, (sent + received) * count);
      const [leaving, answering] = [Number(stdout), running.child.pid ?? 0];
      await eventually(async () => {
        const samples = await agent.scrape();
        const resets = [leaving, answering].map((pid) => ({
          sent: sum(samples, "ringtap_tcp_resets_total", { pid, direction: "sent" }),
          received: sum(samples, "ringtap_tcp_resets_total", { pid, direction: "received" }),
        }));
        assert.deepEqual(resets, [
          { sent: sent * count, received: received * count },
          { sent: received * count, received: sent * count },
        ]);
      });
    });
  }
});
