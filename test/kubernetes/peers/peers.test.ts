import assert from "node:assert/strict";
import { describe, test } from "node:test";

import fc from "fast-check";

import { AddressBook, type Place } from "../../../src/kubernetes/peers/address-book.js";
import { parseAddress } from "../../../src/net/address-words.js";
import { followCluster } from "../../../src/kubernetes/cluster.js";
import { endpointSlices, type PeerMetadata, Peers, services } from "../../../src/kubernetes/peers/peers.js";
import { startFakeApiServer } from "../support/fake-api-server.js";
import { until } from "../../kernel/support/eventually.js";
import { quickLimits } from "../support/follow.js";
import { endpointSlice, service } from "../support/manifests.js";

type Words = readonly [number, number, number, number];

function wordsOf(address: string): Words {
  const words = new Uint32Array(4);
  assert(parseAddress(address, words), address);
  const [w0 = 0, w1 = 0, w2 = 0, w3 = 0] = words;
  return [w0, w1, w2, w3];
}

/** The labels of the peer at an address: `service/namespace`. */
function at(peers: Peers, address: string, port: number): string {
  return peers.dimension.values(peers.id(...wordsOf(address), port)).join("/");
}

function found(peers: Peers, address: string, port: number): PeerMetadata | undefined {
  return peers.find(...wordsOf(address), port);
}

/** Peers of a list of services and one of slices. */
function peersOf(given: { services?: unknown[]; slices?: unknown[] }): Peers {
  const peers = new Peers();
  given.services?.forEach((value, index) => peers.services.put(`service-${index}`, value));
  given.slices?.forEach((value, index) => peers.endpointSlices.put(`slice-${index}`, value));
  return peers;
}

describe("peers", () => {
  test("a service's own addresses, at any port", () => {
    const peers = peersOf({ services: [service("checkout", { namespace: "shop", ips: ["10.96.0.7", "fd00::7"] })] });
    for (const address of ["10.96.0.7", "::ffff:10.96.0.7", "fd00::7"]) {
      assert.equal(at(peers, address, 80), "checkout/shop");
      assert.equal(at(peers, address, 9), "checkout/shop");
      assert.deepEqual(found(peers, address, 80), { service: "checkout", namespace: "shop", pod: "" });
    }
    assert.equal(at(peers, "10.96.0.8", 80), "~private/");
  });

  test("addresses outside of the cluster, at a service's ports only", () => {
    const peers = peersOf({ services: [service("web", { ips: ["None"], outer: ["198.51.100.1"], ports: [443] })] });
    assert.equal(at(peers, "198.51.100.1", 443), "web/default");
    assert.equal(at(peers, "198.51.100.1", 22), "~public/");
  });

  test("endpoints, at their port, and at the ports of their clients", () => {
    const peers = peersOf({
      slices: [endpointSlice("checkout", { "pod-1": ["10.1.0.1"], "pod-2": ["10.1.0.2", "fd00:1::2"] }, [8080])],
    });
    assert.equal(at(peers, "10.1.0.1", 8080), "checkout/default");
    assert.equal(at(peers, "fd00:1::2", 40_000), "checkout/default");
    assert.equal(found(peers, "10.1.0.2", 8080)?.pod, "pod-2");
    assert.equal(peers.addresses, 6);
  });

  test("a pod of several services: by its port, else the first by name", () => {
    const peers = peersOf({
      slices: [
        endpointSlice("web", { "pod-1": ["10.1.0.1"] }, [80]),
        endpointSlice("admin", { "pod-1": ["10.1.0.1"] }, [9000]),
        endpointSlice("also", { "pod-1": ["10.1.0.1"] }, [80]),
      ],
    });
    assert.equal(at(peers, "10.1.0.1", 9000), "admin/default");
    assert.equal(at(peers, "10.1.0.1", 80), "also/default");
    assert.equal(at(peers, "10.1.0.1", 40_000), "admin/default");
  });

  test("pods on their node's address: by port, and at another port anybody", () => {
    const peers = peersOf({
      slices: [
        endpointSlice("exporter", { "pod-1": ["192.168.0.9"] }, [9100]),
        endpointSlice("proxy", { "pod-2": ["192.168.0.9"] }, [10_249]),
      ],
    });
    assert.equal(at(peers, "192.168.0.9", 9100), "exporter/default");
    assert.equal(at(peers, "192.168.0.9", 10_249), "proxy/default");
    assert.equal(at(peers, "192.168.0.9", 22), "~private/");
    assert.equal(found(peers, "192.168.0.9", 22), undefined);
    peers.endpointSlices.remove("slice-1");
    assert.equal(at(peers, "192.168.0.9", 22), "exporter/default");
  });

  test("only the labels that are asked for", () => {
    const peers = new Peers({ labels: ["peer_namespace"] });
    peers.services.put("uid", service("checkout", { namespace: "shop", ips: ["10.96.0.7"] }));
    assert.equal(at(peers, "10.96.0.7", 80), "shop");
    assert.equal(at(peers, "127.0.0.1", 80), "");
  });

  test("more services than allowed are ~other, more addresses go by their class", () => {
    const peers = new Peers({ services: 1, addresses: 2 });
    peers.services.put("1", service("one", { ips: ["10.96.0.1"] }));
    peers.services.put("2", service("two", { ips: ["10.96.0.2"] }));
    peers.services.put("3", service("three", { ips: ["10.96.0.3"] }));
    assert.deepEqual(
      ["10.96.0.1", "10.96.0.2", "10.96.0.3"].map((address) => at(peers, address, 80)),
      ["one/default", "~other/~other", "~private/"],
    );
    assert.deepEqual([peers.addresses, peers.refusedAddresses], [2, 1]);
    peers.services.remove("1");
    peers.services.remove("3");
    peers.services.put("3", service("three", { ips: ["10.96.0.3"] }));
    assert.equal(at(peers, "10.96.0.3", 80), "~other/~other");
  });

  test("what is no service or slice does no harm", () => {
    const peers = peersOf({});
    for (const value of [null, 1, { spec: { clusterIPs: [null, "x"], ports: [null, { port: "80" }] }, status: [] }]) {
      peers.services.put("uid", value);
      peers.endpointSlices.put("uid", value);
    }
    peers.endpointSlices.put("uid", {
      ...endpointSlice("web", { p: ["1.2.3"] }, [80]),
      endpoints: [7, { addresses: 7 }],
    });
    assert.equal(peers.addresses, 0);
  });
});

test("an address book is what was added and not removed", () => {
  const addresses = ["10.0.0.1", "10.0.0.2", "fd00::1"];
  const place = fc.record({
    address: fc.constantFrom(...addresses),
    ports: fc.uniqueArray(fc.constantFrom(0, 80, 443)),
    claim: fc.record({
      service: fc.constantFrom("a", "b"),
      namespace: fc.constantFrom("x", "y"),
      pod: fc.constantFrom("p", "q"),
      peer: fc.nat(9),
    }),
  });
  /** Adds a place, or removes one of those that are there. */
  const step = fc.oneof(place, fc.nat(20));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const book = new AddressBook(100);
      const there: Place[] = [];
      for (const next of steps) {
        if (typeof next !== "number") {
          there.push(next);
          book.add(next);
        } else if (next < there.length) {
          there.splice(next, 1).forEach((gone) => book.remove(gone));
        }
      }
      for (const address of addresses) {
        for (const port of [80, 443, 8080]) {
          const claims = (wanted: number) =>
            there
              .filter((entry) => entry.address === address && entry.ports.includes(wanted))
              .map(({ claim }) => claim)
              .sort((a, b) => (`${a.namespace}/${a.service}` < `${b.namespace}/${b.service}` ? -1 : 1));
          const atPort = claims(port);
          const atAny = claims(0);
          const [first] = atPort.length > 0 ? atPort : atAny;
          const isShared = atPort.length === 0 && new Set(atAny.map(({ pod }) => pod)).size > 1;
          const claim = book.claim(...wordsOf(address), port);
          assert.equal(
            claim && `${claim.namespace}/${claim.service}`,
            first === undefined || isShared ? undefined : `${first.namespace}/${first.service}`,
          );
        }
      }
      there.forEach((gone) => book.remove(gone));
      assert.equal(book.size, 0);
    }),
  );
});

test("looking a peer up allocates nothing", () => {
  const peers = peersOf({
    services: [service("checkout", { ips: ["10.96.0.7"] })],
    slices: [endpointSlice("web", { "pod-1": ["10.1.0.1"] }, [80])],
  });
  const asked = ["10.96.0.7", "10.1.0.1", "8.8.8.8", "2001:db8::1"].map(wordsOf);
  let sum = 0;
  const ask = (count: number): void => {
    for (let index = 0; index < count; index++) {
      const words = asked[index % asked.length] as Words;
      sum += peers.id(words[0], words[1], words[2], words[3], 80);
    }
  };
  ask(100_000);
  // An object each would be 16 MB at the least; what V8 makes of its own, compiling, it does not make each time.
  const grown = Array.from({ length: 5 }, () => {
    const before = process.memoryUsage().heapUsed;
    ask(1_000_000);
    return process.memoryUsage().heapUsed - before;
  });
  assert(Math.min(...grown.map(Math.abs)) < 2_000_000, `grown by ${grown.join(", ")} bytes`);
  assert(sum > 0);
});

test("peers followed: services and slices that come, change and go", async (context) => {
  const api = await startFakeApiServer(context, {
    services: [service("web", { ips: ["10.96.0.1"] })],
    endpointSlices: [endpointSlice("web", { "pod-1": ["10.1.0.1"] }, [80])],
  });
  const peers = new Peers();
  const cluster = followCluster({
    server: api,
    follow: [
      { resource: services, sink: peers.services },
      { resource: endpointSlices, sink: peers.endpointSlices },
    ],
    report: { failed: () => undefined, recovered: () => undefined },
    limits: quickLimits,
  });
  context.after(() => cluster.close());
  await until(() => api.watches("services") === 1 && api.watches("endpointslices") === 1);
  assert.equal(at(peers, "10.96.0.1", 1), "web/default");
  assert.equal(at(peers, "10.1.0.1", 80), "web/default");
  api.put("endpointslices", endpointSlice("web", { "pod-2": ["10.1.0.2"] }, [80]));
  await until(() => at(peers, "10.1.0.2", 80) === "web/default");
  assert.equal(at(peers, "10.1.0.1", 80), "~private/");
  api.delete("services", "web");
  await until(() => at(peers, "10.96.0.1", 1) === "~private/");
});
