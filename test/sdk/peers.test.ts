import assert from "node:assert/strict";
import { test } from "node:test";

import { IpFamily } from "../../src/signals/tcp/records.js";
import { Peers } from "../../src/kubernetes/peers/peers.js";
import { Dimension } from "../../src/metrics/dimension.js";
import { DetailsByPeer, peerOf, type RemoteEnd } from "../../src/sdk/peers.js";
import { endpointSlice } from "../kubernetes/support/manifests.js";

/** The far end as a record has it: words in network order. */
function end(family: number, bytes: readonly number[], remotePort: number): RemoteEnd {
  const words = Buffer.from([...bytes, ...Array.from({ length: 16 - bytes.length }, () => 0)]);
  return { family, remotePort, remoteAddress: (index) => words.readUInt32LE(4 * index) };
}

const directory = new Peers();
directory.endpointSlices.put("1", endpointSlice("web", { "web-1": ["10.1.0.1", "2001:db8::1"] }, [80], "shop"));
const web4 = end(IpFamily.ipv4, [10, 1, 0, 1], 80);
const web6 = end(IpFamily.ipv6, [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 80);
const far = end(IpFamily.ipv4, [9, 9, 9, 9], 443);

test("the peer of a record, by address and port", () => {
  const labels = [web4, web6, far].map((record) => directory.dimension.values(peerOf(directory, record)));
  assert.deepEqual(labels, [
    ["web", "shop"],
    ["web", "shop"],
    ["~public", ""],
  ]);
  assert.equal(peerOf(undefined, web4), 0);
});

test("details with and without peers", () => {
  const details = [["ok"], ["failed"]];
  const plain = new DetailsByPeer(new Dimension(["result"]), details, undefined);
  assert.deepEqual(plain.dimension.values(plain.id(1, 0)), ["failed"]);

  const names = ["result", ...directory.dimension.names];
  const byPeer = new DetailsByPeer(new Dimension(names), details, directory);
  const id = byPeer.id(1, peerOf(directory, web4));
  assert.deepEqual(byPeer.dimension.values(id), ["failed", "web", "shop"]);
  assert.equal(byPeer.id(1, peerOf(directory, web6)), id);
  assert.deepEqual(byPeer.dimension.values(byPeer.id(0, peerOf(directory, far))), ["ok", "~public", ""]);
  for (const detail of [undefined, 2, -1]) {
    assert.equal(byPeer.id(detail, 0), byPeer.dimension.other);
  }
});
