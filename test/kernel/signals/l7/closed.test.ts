/** Connections of which the kernel leaves out the program at their end, as it may from Linux 7.0 on: they are found all the same. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { it } from "node:test";

import { openAgent } from "ringtap";

import type { AnySignal } from "../../../../src/sdk/signal.js";
import { l7 } from "../../../../src/signals/l7/signal.js";
import { eventually } from "../../support/eventually.js";
import { parseSamples, sum } from "../../support/samples.js";

/** The signal without the program that runs at a socket's end. It looks for closed sockets each second. */
const withoutEnds: AnySignal = {
  ...l7,
  name: "l7_without_ends",
  setup: (...given: Parameters<typeof l7.setup>) => {
    const setup = l7.setup(...given);
    return {
      ...setup,
      constants: { ...setup.constants, closed_interval: 1e9 },
      without: [...(setup.without ?? []), "l7_destroy"],
    };
  },
};

/** So many that few of their sockets' memory is another one's before they are found: that would end them, too. */
const closing = 200;

const { pid } = process;

it("requests that wait on a connection that has been closed end, those on another one do not", async (t) => {
  const agent = openAgent({ signals: [withoutEnds], strict: true });
  t.after(() => {
    agent.close();
  });
  const server = createServer((socket: Socket) => socket.resume());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const clients = Array.from({ length: 1 + closing }, () => connect(port, "127.0.0.1").resume());
  t.after(() => {
    clients.forEach((client) => client.destroy());
    server.close();
  });
  for (const client of clients) {
    client.write("GET /waits HTTP/1.1\r\nhost: here\r\n\r\n".repeat(2));
  }
  const counts = async (): Promise<readonly number[]> => {
    const samples = parseSamples((await agent.metrics("text/plain")).body.toString());
    return ["client", "server"].flatMap((role) => [
      sum(samples, `http_${role}_active_requests`, { pid }),
      sum(samples, "ringtap_l7_unanswered_requests_total", { pid, role, reason: "closed" }),
    ]);
  };
  await eventually(async () => {
    const all = 2 * clients.length;
    assert.deepEqual(await counts(), [all, 0, all, 0]);
  });
  clients.slice(1).forEach((client) => client.end());
  await eventually(async () => {
    assert.deepEqual(await counts(), [2, 2 * closing, 2, 2 * closing]);
  });
});
