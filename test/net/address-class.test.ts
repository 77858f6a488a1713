import assert from "node:assert/strict";
import { BlockList } from "node:net";
import { describe, test } from "node:test";

import fc from "fast-check";

import { addressClasses, classOf } from "../../src/net/address-class.js";
import { parseAddress } from "../../src/net/address-words.js";

function classNamed(text: string): string | undefined {
  const words = new Uint32Array(4);
  assert(parseAddress(text, words), text);
  return addressClasses[classOf(...(Array.from(words) as [number, number, number, number]))];
}

describe("classes", () => {
  for (const [name, first, last] of [
    ["unspecified", "0.0.0.0", "0.255.255.255"],
    ["loopback", "127.0.0.0", "127.255.255.255"],
    ["link_local", "169.254.0.0", "169.254.255.255"],
    ["private", "10.0.0.0", "10.255.255.255"],
    ["private", "172.16.0.0", "172.31.255.255"],
    ["private", "192.168.0.0", "192.168.255.255"],
    ["private", "100.64.0.0", "100.127.255.255"],
    ["multicast", "224.0.0.0", "239.255.255.255"],
    ["public", "1.0.0.0", "9.255.255.255"],
    ["public", "172.32.0.0", "192.167.255.255"],
    ["unspecified", "::", "::"],
    ["loopback", "::1", "::1"],
    ["loopback", "::ffff:127.0.0.1", "::ffff:127.255.255.255"],
    ["link_local", "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
    ["private", "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
    ["multicast", "ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
    ["public", "2000::", "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
    ["public", "fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
    ["public", "::2", "::fffe:ffff:ffff"],
  ] as const) {
    test(`${first} to ${last}: ${name}`, () => assert.deepEqual([classNamed(first), classNamed(last)], [name, name]));
  }

  test("private, as Node's own block list says", () => {
    const blocks = new BlockList();
    for (const [prefix, bits] of [
      ["10.0.0.0", 8],
      ["172.16.0.0", 12],
      ["192.168.0.0", 16],
      ["100.64.0.0", 10],
    ] as const) {
      blocks.addSubnet(prefix, bits);
    }
    const near = fc.tuple(fc.constantFrom(10, 11, 172, 192, 100), fc.nat(255), fc.nat(255), fc.nat(255));
    fc.assert(
      fc.property(near, (bytes) => {
        const text = bytes.join(".");
        assert.equal(classNamed(text) === "private", blocks.check(text), text);
      }),
    );
  });
});
