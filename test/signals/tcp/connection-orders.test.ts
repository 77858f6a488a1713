/** Two connections of one socket's memory, one after the other, in every order in which userspace can learn of them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Connections } from "../../../src/signals/tcp/connections.js";

/** Which of the two connections a step is about; -1 for the scan itself. */
type Which = 0 | 1 | -1;

interface Step {
  readonly name: string;
  readonly which: Which;
  /** Totals that it carries. */
  readonly sent: number;
  /** The scan that a sample belongs to. */
  readonly scan?: number;
  apply(connections: Connections): void;
}

/** What each has carried at its end, and what a sample of the first scan and of the second shows. */
const atEnd = [1000, 500] as const;
const atScan = [
  [400, 200],
  [700, 300],
] as const;

function record(which: 0 | 1, sent: number) {
  return {
    connection: (index: number) => (index === 0 ? 0x1_0000 : 0xffff_8881),
    start: (index: number) => (index === 0 ? which + 1 : 3000),
    sent,
    received: 2 * sent,
    retransmits: 3 * sent,
  };
}

function begins(which: 0 | 1): Step {
  const apply = (connections: Connections): void => {
    connections.advance(record(which, 0));
  };
  return { name: `begin ${which}`, which, sent: 0, apply };
}

function ends(which: 0 | 1): Step {
  const sent = atEnd[which];
  const apply = (connections: Connections): void => {
    connections.end(record(which, sent));
  };
  return { name: `end ${which}`, which, sent, apply };
}

function sample(which: 0 | 1, scan: 0 | 1): Step {
  const sent = atScan[scan][which];
  const apply = (connections: Connections): void => {
    connections.show(record(which, sent));
  };
  return { name: `sample ${which}`, which, sent, scan, apply };
}

const scanBegins: Step = {
  name: "[",
  which: -1,
  sent: 0,
  apply: (connections) => {
    connections.beginSnapshot();
  },
};
const scanEnds: Step = {
  name: "]",
  which: -1,
  sent: 0,
  apply: (connections) => {
    connections.endSnapshot();
  },
};

/** The ring's records: the order is fixed, each may be lost. */
const ring = [begins(0), ends(0), begins(1), ends(1)];

/** Two scans, one after the other; each shows each of the connections or not, in either order. */
function* scans(): Generator<Step[]> {
  const orders: (0 | 1)[][] = [[], [0], [1], [0, 1], [1, 0]];
  for (const first of orders) {
    for (const second of orders) {
      // The second connection begins after the end of the first.
      if (!first.includes(1) || !second.includes(0)) {
        const samples = (which: 0 | 1, scan: 0 | 1): Step => sample(which, scan);
        yield [
          scanBegins,
          ...first.map((which) => samples(which, 0)),
          scanEnds,
          scanBegins,
          ...second.map((which) => samples(which, 1)),
          scanEnds,
        ];
      }
    }
  }
}

/** Both sequences as one, in every way that keeps the order of each. */
function* merged(left: readonly Step[], right: readonly Step[]): Generator<Step[]> {
  const [first, ...leftRest] = left;
  const [second, ...rightRest] = right;
  if (first === undefined || second === undefined) {
    yield [...left, ...right];
    return;
  }
  for (const rest of merged(leftRest, right)) {
    yield [first, ...rest];
  }
  for (const rest of merged(left, rightRest)) {
    yield [second, ...rest];
  }
}

/** A scan that begins after the record of an end was read does not show that connection. */
function isPossible(steps: readonly Step[]): boolean {
  const ended = new Set<Which>();
  const hidden = new Set<Which>();
  for (const { name, which } of steps) {
    if (name.startsWith("end")) {
      ended.add(which);
    } else if (name === "[") {
      for (const each of ended) {
        hidden.add(each);
      }
    } else if (name.startsWith("sample") && hidden.has(which)) {
      return false;
    }
  }
  return true;
}

/** What the steps add up to. */
function counted(steps: readonly Step[], limit: number): number {
  const connections = new Connections(limit);
  let sent = 0;
  for (const step of steps) {
    step.apply(connections);
    if (step.which >= 0) {
      sent += connections.sent;
      assert.equal(connections.received, 2 * connections.sent);
      assert.equal(connections.retransmits, 3 * connections.sent);
    }
  }
  return sent;
}

/** The most that a step that was not lost has said of each. */
function carried(steps: readonly Step[]): number {
  const most = [0, 0];
  for (const { which, sent } of steps) {
    if (which >= 0) {
      most[which] = Math.max(most[which] ?? 0, sent);
    }
  }
  return (most[0] ?? 0) + (most[1] ?? 0);
}

const text = (steps: readonly Step[]): string => steps.map(({ name }) => name).join(", ");

describe("Connections, in every order", () => {
  it("add up to what the records say that were not lost", () => {
    let orders = 0;
    for (const scan of scans()) {
      for (const steps of merged(ring, scan)) {
        if (!isPossible(steps)) {
          continue;
        }
        for (let lost = 0; lost < 2 ** ring.length; lost++) {
          const kept = steps.filter((step) => (lost & (1 << ring.indexOf(step))) === 0 || !ring.includes(step));
          assert.equal(counted(kept, 2), carried(kept), text(kept));
          orders++;
        }
      }
    }
    assert.equal(orders, 33_680);
  });

  it("add up at the limit too, once they have ended", () => {
    for (const limit of [0, 1]) {
      for (const scan of scans()) {
        for (const steps of merged(ring, scan)) {
          if (isPossible(steps)) {
            assert.equal(counted(steps, limit), atEnd[0] + atEnd[1], `${limit}: ${text(steps)}`);
          }
        }
      }
    }
  });
});
