import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Connections } from "../../../src/signals/tcp/connections.js";

/** The low words of two sockets' addresses. */
const socketA = 0x1_0000;
const socketB = socketA + 1;

function totals(socket: number, sent: number, start = 1) {
  return {
    connection: (index: number) => (index === 0 ? socket : 0xffff_8881),
    start: (index: number) => (index === 0 ? start : 3000),
    sent,
    received: 2 * sent,
    retransmits: 0,
  };
}

describe("Connections", () => {
  it("turns totals into what is new", () => {
    const connections = new Connections();
    connections.advance(totals(socketA, 100));
    assert.deepEqual([connections.sent, connections.received], [100, 200]);
    connections.advance(totals(socketB, 7));
    assert.equal(connections.sent, 7);
    connections.advance(totals(socketA, 130));
    assert.deepEqual([connections.sent, connections.received], [30, 60]);
    connections.advance(totals(socketA, 130));
    assert.equal(connections.sent, 0);
    assert.equal(connections.size, 2);
  });

  it("adds nothing for a record older than what a snapshot has shown, and nothing twice", () => {
    const connections = new Connections();
    connections.advance(totals(socketA, 100));
    connections.advance(totals(socketA, 60));
    assert.deepEqual([connections.sent, connections.received], [0, 0]);
    connections.advance(totals(socketA, 110));
    assert.deepEqual([connections.sent, connections.received], [10, 20]);
  });

  it("begins anew when the socket's memory is another connection's", () => {
    const connections = new Connections();
    connections.advance(totals(socketA, 100, 1));
    connections.advance(totals(socketA, 40, 2));
    assert.equal(connections.sent, 40);
    assert.equal(connections.size, 1);
  });

  it("forgets an ended connection", () => {
    const connections = new Connections();
    connections.remove(connections.advance(totals(socketA, 100)));
    assert.equal(connections.size, 0);
    connections.advance(totals(socketA, 100));
    assert.equal(connections.sent, 100);
  });

  it("counts each connection once a snapshot", () => {
    const connections = new Connections();
    for (let round = 0; round < 3; round++) {
      connections.beginSnapshot();
      assert.equal(connections.count(connections.advance(totals(socketA, 1))), true);
      assert.equal(connections.count(connections.advance(totals(socketA, 1))), false);
      connections.endSnapshot();
    }
  });

  it("keeps a connection that one snapshot misses, and deletes one that none shows any more", () => {
    const connections = new Connections();
    connections.advance(totals(socketA, 100));
    for (let round = 0; round < 5; round++) {
      connections.beginSnapshot();
      connections.endSnapshot();
    }
    connections.advance(totals(socketA, 101));
    assert.equal(connections.sent, 1, "what was counted is still known");
    for (let round = 0; round < 20; round++) {
      connections.beginSnapshot();
      connections.endSnapshot();
    }
    assert.equal(connections.size, 0);
  });
});
