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
    const connections = new Connections(4);
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
    const connections = new Connections(4);
    connections.advance(totals(socketA, 100));
    connections.advance(totals(socketA, 60));
    assert.deepEqual([connections.sent, connections.received], [0, 0]);
    connections.advance(totals(socketA, 110));
    assert.deepEqual([connections.sent, connections.received], [10, 20]);
  });

  it("tells connections of one socket's memory apart", () => {
    const connections = new Connections(4);
    connections.advance(totals(socketA, 100, 1));
    connections.advance(totals(socketA, 40, 2));
    assert.equal(connections.sent, 40);
    connections.end(totals(socketA, 130, 1));
    assert.equal(connections.sent, 30);
    connections.end(totals(socketA, 50, 2));
    assert.equal(connections.sent, 10);
    assert.equal(connections.size, 0);
  });

  it("deletes connections that end while a snapshot is read with the end of it", () => {
    const connections = new Connections(4);
    connections.advance(totals(socketA, 100));
    connections.beginSnapshot();
    connections.end(totals(socketA, 110));
    assert.equal(connections.sent, 10);
    assert.equal(connections.show(totals(socketA, 105)), false);
    assert.equal(connections.sent, 0);
    connections.endSnapshot();
    assert.equal(connections.size, 0);
  });

  it("counts those beyond the limit when they end", () => {
    const connections = new Connections(1);
    connections.advance(totals(socketA, 100));
    connections.advance(totals(socketB, 7));
    assert.equal(connections.sent, 0);
    connections.beginSnapshot();
    assert.equal(connections.show(totals(socketB, 8)), true);
    assert.equal(connections.sent, 0);
    connections.endSnapshot();
    connections.end(totals(socketB, 9));
    assert.equal(connections.sent, 9);
  });

  it("counts each connection once a snapshot", () => {
    const connections = new Connections(4);
    for (let round = 0; round < 3; round++) {
      connections.beginSnapshot();
      assert.equal(connections.show(totals(socketA, 1)), true);
      assert.equal(connections.show(totals(socketA, 1)), false);
      connections.endSnapshot();
    }
  });

  it("keeps a connection that one snapshot misses, and deletes one that none shows any more", () => {
    const connections = new Connections(4);
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
