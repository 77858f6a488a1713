/** What the budget says of the agent's own tables, against what they take when they are full. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { budgetTexts, memoryBudget } from "../../../src/cli/run/memory-budget.js";
import { Identity } from "../../../src/identity/identity.js";
import type { ProcessRecord } from "../../../src/identity/process-table.js";
import { Catalog } from "../../../src/metrics/catalog.js";
import { mostKept } from "../../../src/metrics/retention.js";
import { Dimension } from "../../../src/metrics/dimension.js";
import { Peers } from "../../../src/kubernetes/peers/peers.js";
import { Connections, connectionsMemory } from "../../../src/signals/tcp/connections.js";
import { endpointSlice } from "../../kubernetes/support/manifests.js";

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;

/** Bytes that V8 and typed arrays take more after `make` than before; what it returns is kept until then. */
function growth(make: () => unknown): number {
  const used = (): number => {
    // Memory of arrays is freed by another thread, some time after they were collected.
    for (let round = 0; round < 5; round++) {
      gc();
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    }
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const before = used();
  const made = make();
  const after = used();
  assert(made !== undefined);
  return after - before;
}

/** Bytes of what is no table: compiled code and the like. */
const besides = 2 ** 18;

/** At most what was said, and not less than a share of it. */
function agrees(taken: number, said: number, share: number): void {
  assert(taken <= said + besides && taken >= said * share, `${taken} bytes, ${said} said`);
}

/** A process with a name of its own. */
function processRecord(number: number): ProcessRecord {
  const tgid = 100_000 + number;
  const comm = `process${number}`.padEnd(15, "-");
  const words = new Uint32Array(new Uint8Array([...Buffer.from(comm), 0]).buffer);
  return {
    tgid,
    cgroup: 0,
    comm,
    time: 1e15 + number,
    start: 1e15 + number,
    copyActor(key) {
      key[0] = tgid;
      key.set(words, 1);
    },
    isActor: () => false,
  };
}

test("tables at the series limit", () => {
  const catalog = new Catalog({ seriesLimit: 100_000 });
  const subject = new Dimension(["pid"]);
  const detail = new Dimension(["x"]);
  // The labels are the identity's.
  const ids = Array.from({ length: 1_000 }, (_, pid) => subject.intern(pid.toString()));
  const counter = catalog.counter({ name: "a_total", help: "A.", subject, detail });
  const histogram = catalog.histogram({ name: "b_seconds", help: "B.", subject, detail });
  const taken = growth(() => {
    for (const id of ids) {
      for (let each = 0; each < 100; each++) {
        counter.add(id, each, 1);
        histogram.observe(id, each, 1);
      }
    }
    return catalog;
  });
  assert(counter.folded === 0 && histogram.folded > 0);
  agrees(taken, catalog.memoryAtLimit, 0.7);
});

test("processes at the identity limit", () => {
  const limit = 10_000;
  const taken = growth(() => {
    const identity = new Identity(new Catalog(), ["pid", "comm"], { limit });
    for (let number = 0; number <= limit; number++) {
      identity.activate(processRecord(number));
    }
    assert.equal(identity.actors, limit);
    return identity;
  });
  agrees(taken, new Identity(new Catalog(), [], { limit }).memoryAtLimit, 0.3);
});

test("labels that are kept at their limit", () => {
  const catalog = new Catalog({ retentionMs: 0 });
  const subject = new Dimension(["comm", "namespace", "pod", "container"]);
  const table = catalog.counter({ name: "a_total", help: "A.", subject });
  const rows = (name: string): void => {
    for (let each = 0; each < mostKept; each++) {
      const id = subject.intern(`${name}${each}`, "shop-production", `checkout-5d9f7c8b6d-x2${each}`, "checkout");
      table.add(id, 0, 1);
      catalog.retention.end(subject, id, each);
    }
    catalog.renders.ended(catalog.renders.began(), true);
    catalog.retention.expire(mostKept);
  };
  const taken = growth(() => {
    rows("first");
    return catalog;
  });
  assert.equal(catalog.retention.kept, mostKept);
  agrees(taken, catalog.keptMemoryAtLimit + catalog.memoryAtLimit / 2, 0.3);
  rows("next");
  assert.equal(catalog.retention.kept, mostKept);
  assert.deepEqual([table.total(), table.value(subject.other), table.evicted], [2 * mostKept, mostKept, mostKept]);
});

test("connections at their limit", () => {
  const limit = 100_000;
  const taken = growth(() => {
    const connections = new Connections(limit);
    for (let each = 0; each < limit; each++) {
      const bytes = 2 ** 40 + each;
      const counted = { sent: bytes, received: bytes, retransmits: bytes };
      connections.advance({ connection: () => each, start: () => 2 ** 31 + each, ...counted });
    }
    assert.equal(connections.size, limit);
    return connections;
  });
  agrees(taken, connectionsMemory(limit), 0.5);
});

test("peers at their limit of addresses", () => {
  const limit = 50_000;
  const taken = growth(() => {
    const peers = new Peers({ addresses: limit });
    for (let slice = 0; peers.addresses < limit; slice++) {
      const address = (index: number): string => `10.${slice >> 8}.${slice & 255}.${index}`;
      const pods = Array.from({ length: 100 }, (_, index) => [
        `checkout-${slice}-5d9f7c8b6d-x2x${index}`,
        [address(index)],
      ]);
      const manifest = endpointSlice(`checkout-${slice}`, Object.fromEntries(pods) as Record<string, string[]>, [8080]);
      // Parsed, as what the API server sends is.
      peers.endpointSlices.put(`slice-${slice}`, JSON.parse(JSON.stringify(manifest)));
    }
    return peers;
  });
  agrees(taken, new Peers({ addresses: limit }).memoryAtLimit, 0.5);
});

test("the agent's part is the sum of what is said of it", () => {
  const catalog = new Catalog({ seriesLimit: 1_000 });
  const signals = [
    { maps: 2 ** 20, tables: 2 ** 21 },
    { maps: 1, tables: 2 ** 22 },
  ];
  const budget = memoryBudget(catalog, new Identity(catalog, [], { limit: 1_024 }), signals);
  assert.equal(budget.peers, 0);
  const { kernel, agent, series, processes, signals: ofSignals } = budgetTexts({ ...budget, start: 2 ** 25 });
  assert.deepEqual(
    { kernel, series, processes, ofSignals },
    { kernel: "2MiB", series: "0MiB", processes: "3MiB", ofSignals: "6MiB" },
  );
  assert.equal(budgetTexts(budget).label_sets, "48MiB");
  assert.equal(agent, "217MiB");
  const peers = new Peers({ addresses: 2 ** 20 });
  assert.equal(budgetTexts(memoryBudget(catalog, new Identity(catalog, []), [], peers)).peers, "400MiB");
});
