/** tcp's bytes, where this machine's own queue refuses packets. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startAgent } from "../../support/agent.js";
import { eventually } from "../../support/eventually.js";
import { networkNamespace } from "../../support/network.js";
import { compileProgram, programSource } from "../../support/program.js";
import { sum } from "../../support/samples.js";
import { startWaiting } from "../../support/waiting.js";

const source = programSource("tcp-traffic");
const connections = 3;
const request = 300_000;
const reply = 200_000;

test("bytes that a queue of this machine refuses count once, when they are sent", async (t) => {
  const network = networkNamespace(t);
  // Packets of 1500 bytes, of which the queue holds a few.
  network.run("ip", "link", "set", "lo", "mtu", "1500");
  network.run("tc", "qdisc", "add", "dev", "lo", "root", "tbf", "rate", "50mbit", "burst", "5kb", "limit", "6kb");
  const agent = await startAgent(t, ["--signals=tcp"]);
  const [file, ...prefix] = [...network.prefix, compileProgram("tcp-traffic", source)];
  const server = await startWaiting(t, file, [...prefix, "serve", "4", "7600", `${connections}`, `${reply}`]);
  const client = await startWaiting(t, file, [
    ...prefix,
    ..."connect 4 127.0.0.1 7600 b".split(" "),
    `${connections}`,
    `${reply}`,
    `${request}`,
  ]);
  await client.go();
  await server.go();
  const refused = /dropped (\d+)/.exec(network.run("tc", "-s", "qdisc", "show", "dev", "lo"))?.[1];
  assert.ok(Number(refused) > 0, "the queue has refused packets");
  await eventually(async () => {
    const samples = await agent.scrape();
    const bytes = (direction: string, pid: number): number =>
      sum(samples, `ringtap_tcp_${direction}_bytes_total`, { pid });
    assert.deepEqual(
      [
        bytes("sent", client.pid),
        bytes("received", server.pid),
        bytes("sent", server.pid),
        bytes("received", client.pid),
      ],
      [request, request, reply, reply].map((size) => connections * size),
    );
  });
});
