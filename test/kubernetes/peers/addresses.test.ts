import assert from "node:assert/strict";
import { BlockList, isIPv4 } from "node:net";
import { describe, test } from "node:test";

import fc from "fast-check";

import { addressClasses, classOf, parseAddress } from "../../../src/kubernetes/peers/addresses.js";

/** The words of an address, by way of Node's URL parser and a Buffer. */
function wordsByUrl(text: string): number[] {
  const long = isIPv4(text) ? `::ffff:${text}` : text;
  const [head = "", tail] = new URL(`http://[${long}]`).hostname.slice(1, -1).split("::");
  const [before, after] = [head, tail ?? ""].map((half) => (half === "" ? [] : half.split(":")));
  assert(before !== undefined && after !== undefined);
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => "0");
  const bytes = Buffer.from([...before, ...zeros, ...after].map((group) => group.padStart(4, "0")).join(""), "hex");
  return [0, 4, 8, 12].map((offset) => bytes.readUInt32LE(offset));
}

function classNamed(text: string): string | undefined {
  const words = new Uint32Array(4);
  assert(parseAddress(text, words), text);
  return addressClasses[classOf(...(Array.from(words) as [number, number, number, number]))];
}

describe("addresses", () => {
  test("of any form have the words that the kernel gives them", () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const words = new Uint32Array(4);
        assert(parseAddress(text, words));
        assert.deepEqual(Array.from(words), wordsByUrl(text));
      }),
    );
  });

  test("what is none", () => {
    for (const text of ["", "None", "1.2.3", "1.2.3.4.5", "::1%lo", ":::", "example.com", "01.2.3.4"]) {
      assert.equal(parseAddress(text, new Uint32Array(4)), false, text);
    }
  });
});

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
