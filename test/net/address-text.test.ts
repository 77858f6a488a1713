import assert from "node:assert/strict";
import { isIPv4 } from "node:net";
import { describe, test } from "node:test";
import fc from "fast-check";
import { addressText } from "../../src/net/address-text.js";
import { mappedWord, parseAddress } from "../../src/net/address-words.js";

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

/** The text of an IPv6 address by its eight groups. */
function textOf(groups: readonly number[]): string {
  const bytes = Buffer.from(groups.flatMap((group) => [group >>> 8, group & 0xff]));
  return addressText((word) => bytes.readUInt32LE(4 * word), true);
}

describe("texts", () => {
  // Runs of zeros of all lengths and in all places.
  const group = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(0xffff), fc.nat(0xf));
  const groupsOfIpv6 = fc.array(group, { minLength: 8, maxLength: 8 });

  test("of IPv6 addresses are those of the URL standard, which are those of RFC 5952", () => {
    fc.assert(
      fc.property(groupsOfIpv6, (groups) => {
        const text = textOf(groups);
        const isMapped = groups.slice(0, 5).every((value) => value === 0) && groups[5] === 0xffff;
        const long = groups.map((value) => value.toString(16)).join(":");
        assert.equal(new URL(`http://[${text}]`).hostname, new URL(`http://[${long}]`).hostname);
        assert.equal(isMapped || `[${text}]` === new URL(`http://[${long}]`).hostname, true, text);
      }),
      { numRuns: 2000 },
    );
  });

  test("of IPv4 addresses have their bytes, as a word of its own and as an IPv4-mapped address", () => {
    fc.assert(
      fc.property(fc.ipV4(), (text) => {
        const word = Buffer.from(text.split(".").map(Number)).readUInt32LE(0);
        assert.equal(
          addressText(() => word, false),
          text,
        );
        assert.equal(
          addressText((index) => [0, 0, mappedWord, word][index] as number, true),
          `::ffff:${text}`,
        );
      }),
    );
  });

  test("are read back as the same words", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(0xffffffff), { minLength: 4, maxLength: 4 }), (given) => {
        const words = new Uint32Array(4);
        assert.ok(
          parseAddress(
            addressText((index) => given[index] as number, true),
            words,
          ),
        );
        assert.deepEqual(Array.from(words), given);
      }),
    );
  });

  test("of the RFC's examples", () => {
    for (const [groups, text] of [
      [[0x2001, 0xdb8, 0, 0, 0, 0, 2, 1], "2001:db8::2:1"],
      [[0x2001, 0xdb8, 0, 1, 1, 1, 1, 1], "2001:db8:0:1:1:1:1:1"],
      [[0x2001, 0, 0, 1, 0, 0, 0, 1], "2001:0:0:1::1"],
      [[0x2001, 0xdb8, 0, 0, 1, 0, 0, 1], "2001:db8::1:0:0:1"],
      [[0, 0, 0, 0, 0, 0xffff, 0xc000, 0x201], "::ffff:192.0.2.1"],
      [[0, 0, 0, 0, 0, 0, 0, 0], "::"],
      [[1, 0, 0, 0, 0, 0, 0, 0], "1::"],
    ] as const) {
      assert.equal(textOf(groups), text);
    }
  });
});
