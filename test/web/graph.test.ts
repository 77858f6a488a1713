import assert from "node:assert/strict";
import { test } from "node:test";
import type { Link } from "../../src/views/protocol.js";
import { Filter } from "../../web/filter.js";
import { bytes, count, endpoint, seconds } from "../../web/format.js";
import { graphOf } from "../../web/graph.js";

function link(fields: Partial<Link> & Pick<Link, "role" | "comm" | "port">, connects = 1) {
  const ends = { address: "10.0.0.2", local: "10.0.0.1", remote: "10.0.0.2", pid: 1, process: 1, id: 1 };
  const totals = { connects, failures: 0, sent_bytes: 10, received_bytes: 20, open: 1 };
  const row: Link = { ...ends, ...totals, labels: { comm: fields.comm }, peer: {}, ...fields };
  const { requests = [], failures } = row;
  const asked = { requests: 2 * requests.length, request_failures: requests.length };
  return { row, rates: { connects: row.connects, failures, sent_bytes: 10, received_bytes: 20, ...asked } };
}

function told(links: readonly ReturnType<typeof link>[], most = 9): string[] {
  return graphOf(links, "comm", "connects", most).lines.map(
    ({ from, to, value }) => `${from.name} → ${to.name} ${value}`,
  );
}

test("a connection between two processes of this machine is one line", () => {
  const client = link({ role: "client", comm: "curl", port: 80 }, 3);
  const server = link(
    { role: "server", comm: "nginx", port: 80, address: "10.0.0.2", local: "10.0.0.2", remote: "10.0.0.1" },
    3,
  );
  assert.deepEqual(told([client, server]), ["curl → nginx :80 3"]);
});

test("a line has the requests of its links, by protocol, and fails with them", () => {
  const http = { protocol: "http", requests: 10, failures: 1, p99: 0.5 };
  const requests = [http, { ...http, protocol: "redis", p99: 2 }];
  const links = [
    link({ role: "client", comm: "curl", port: 80, requests }, 0),
    link({ role: "client", comm: "curl", port: 80, local: "10.0.0.9", requests: [{ ...http, p99: 1 }] }, 0),
  ];
  const [line, ...others] = graphOf(links, "comm", "requests", 9).lines;
  assert.deepEqual(others, []);
  assert.deepEqual([line?.value, line?.asking, line?.failing], [6, 6, 3]);
  assert.deepEqual(
    [...(line?.requests.values() ?? [])],
    [
      { protocol: "http", requests: 20, failures: 2, p99: 1 },
      { protocol: "redis", requests: 10, failures: 1, p99: 2 },
    ],
  );
});

test("far ends go by their address, or by their service where one is known", () => {
  const named = { peer_service: "checkout", peer_namespace: "shop" };
  const local = { address: "10.0.0.1", local: "10.0.0.1" };
  assert.deepEqual(
    told([
      link({ role: "client", comm: "curl", port: 443 }),
      link({ role: "client", comm: "curl", port: 443, address: "::2", remote: "::2" }),
      link({ role: "client", comm: "curl", port: 8080, peer: named }),
      link({ role: "client", comm: "curl", port: 53, peer: { peer_service: "~private" } }),
      link({ role: "server", comm: "nginx", port: 80, ...local }),
    ]),
    [
      ...["curl → 10.0.0.2:443 1", "curl → [::2]:443 1", "curl → checkout.shop:8080 1", "curl → 10.0.0.2:53 1"],
      "10.0.0.2 → nginx :80 1",
    ],
  );
});

test("what is beyond the limit goes to one node", () => {
  const links = [5, 3, 2, 1].map((connects, index) =>
    link({ role: "client", comm: `c${index}`, port: 1000 + index }, connects),
  );
  assert.deepEqual(told(links, 2), ["c0 → 10.0.0.2:1000 5", "c1 → 10.0.0.2:1001 3", "~other → ~other 3"]);
});

test("a filter's words must all be found, a pid as a whole", () => {
  const labels = { pid: "42", comm: "nginx", container: "web" };
  const matches = (text: string) => new Filter(text).matches(labels);
  assert.deepEqual(["", "ngi", "pid:42", "42", "comm:ngi container:web"].map(matches), Array(5).fill(true));
  assert.deepEqual(["curl", "pid:4", "4", "comm:web", "ngi curl", "pod:x"].map(matches), Array(6).fill(false));
  assert.deepEqual(new Filter("pid:42").forAgent, { pid: "42" });
  assert.deepEqual(new Filter("ngi").forAgent, {});
  // What the agent would refuse is looked for on the page alone.
  assert.deepEqual(
    ["pid:abc", "pid:", "pid:12345678901"].map((text) => new Filter(text).forAgent),
    [{}, {}, {}],
  );
});

test("numbers have three digits and a unit", () => {
  assert.deepEqual([0, 7, 0.5, 12.34, 999, 1234, 5e6].map(count), ["·", "7", "0.50", "12.3", "999", "1.23k", "5.00M"]);
  assert.deepEqual([0, 100, 2048, 5 * 2 ** 30].map(bytes), ["·", "100", "2.00K", "5.00G"]);
  assert.deepEqual([0, 65.5e-6, 0.5, 100].map(seconds), ["·", "65.5us", "500ms", "100s"]);
});

test("the colons of an IPv6 address are not those before a port", () => {
  assert.deepEqual(
    ["10.0.0.2", "::2", "checkout.shop"].map((address) => endpoint(address, 443)),
    ["10.0.0.2:443", "[::2]:443", "checkout.shop:443"],
  );
});
