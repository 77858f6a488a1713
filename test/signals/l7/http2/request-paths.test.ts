/** Paths of requests by parts of header blocks: none that is wrong, whichever parts are lost. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import fc from "fast-check";

import { PartFlag, RequestPaths, type Unnamed } from "../../../../src/signals/l7/http2/request-paths.js";
import { L7HeaderPart } from "../../../../src/signals/l7/records.js";
import { connections, pathIn, write, type WrittenBlock } from "./connections.js";
import { Encoder } from "./hpack-encoder.js";

interface Part {
  readonly table: number;
  readonly number: number;
  readonly stream: number;
  readonly flags: number;
  readonly bytes: Buffer;
}

class Paths {
  readonly unnamed: Unnamed[] = [];
  readonly #paths = new RequestPaths({ sideRing: () => ({ drain: () => 0, isUsed: false }) }, (reason) => {
    this.unnamed.push(reason);
  });

  take({ table, number, stream, flags, bytes }: Part): void {
    const padded = Buffer.concat([bytes, Buffer.alloc(4, 0xff)]);
    this.#paths.take({
      ...{ table, number, stream, flags, size: bytes.length },
      bytes: (index) => padded.readUInt32LE(4 * index),
    });
  }

  of(table: number, stream: number): string | undefined {
    const { bytes } = this.#paths;
    return this.#paths.find({ table, stream })
      ? Buffer.from(bytes.subarray(0, this.#paths.length)).toString()
      : undefined;
  }
}

/** A piece, in parts of which each has a record. */
function inParts(piece: Buffer): Buffer[] {
  const most = 4 * L7HeaderPart.bytesLength;
  return Array.from({ length: Math.ceil(piece.length / most) }, (_, n) => piece.subarray(n * most, (n + 1) * most));
}

/** The parts of a connection's blocks, cut at these places, and the path of each stream. */
function partsOf(table: number, blocks: readonly WrittenBlock[], cuts: readonly number[], isWhole: boolean) {
  const encoder = new Encoder();
  const parts: Part[] = [];
  const expected = new Map<number, string>();
  for (const [n, { size, fields }] of blocks.entries()) {
    const block = write(encoder, size, fields);
    const stream = 2 * n + 1;
    const path = pathIn(fields);
    expected.set(stream, path === "(none)" ? "" : path);
    const cut = (cuts[n % Math.max(1, cuts.length)] ?? 0) % (block.length + 1);
    const pieces = [block.subarray(0, cut), block.subarray(cut)].flatMap(inParts);
    for (const [index, bytes] of pieces.entries()) {
      const flags =
        (index === 0 ? PartFlag.begins : 0) |
        (index === pieces.length - 1 ? PartFlag.ends : 0) |
        (isWhole ? PartFlag.whole : 0);
      parts.push({ table, number: parts.length, stream, flags, bytes });
    }
    if (pieces.length === 0) {
      expected.delete(stream);
    }
  }
  return { parts, expected };
}

const indexed = { kind: "indexed", isHuffman: false, nameIn: "static" } as const;
const plain = { kind: "plain", isHuffman: true, nameIn: "static" } as const;

/** Requests for these paths, which are inserted unless they end in `!`. */
function requests(...paths: readonly string[]): WrittenBlock[] {
  return paths.map((path) => ({
    size: undefined,
    fields: [{ field: [":path", path.replace("!", "")], form: path.endsWith("!") ? plain : indexed }],
  }));
}

describe("paths of requests", () => {
  it("are known of all, however blocks are cut, while no part is lost", () => {
    fc.assert(
      fc.property(fc.array(connections, { maxLength: 4 }), fc.array(fc.nat()), (each, cuts) => {
        const paths = new Paths();
        const all = each.map((blocks, n) => partsOf(n + 1, blocks, cuts, true));
        for (let at = 0; all.some(({ parts }) => at < parts.length); at++) {
          for (const { parts } of all) {
            if (at < parts.length) {
              paths.take(parts[at] as Part);
            }
          }
        }
        for (const [n, { expected }] of all.entries()) {
          for (const [stream, path] of expected) {
            assert.equal(paths.of(n + 1, stream), path);
          }
        }
        assert.deepEqual(paths.unnamed, []);
      }),
    );
  });

  it("are never wrong, whichever parts are lost, and from wherever on a connection is seen", () => {
    fc.assert(
      fc.property(
        ...[connections, fc.array(fc.nat()), fc.array(fc.nat(200)), fc.nat(20), fc.boolean()],
        (blocks, cuts, lost, from, isWhole) => {
          const paths = new Paths();
          const { parts, expected } = partsOf(1, blocks, cuts, isWhole);
          const first = isWhole ? 0 : Math.min(from, parts.length);
          for (const part of parts.slice(first)) {
            if (!lost.includes(part.number)) {
              paths.take({ ...part, number: part.number - first });
            }
          }
          for (const [stream, path] of expected) {
            const found = paths.of(1, stream);
            assert(found === undefined || found === path, `${stream}: ${found} in place of ${path}`);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  it("are known again of what is written out, and of what has been inserted since", () => {
    const { parts, expected } = partsOf(1, requests("/a", "/b", "/c", "/a", "/d!", "/e", "/e", "/b", "/c"), [], true);
    const paths = new Paths();
    for (const part of parts) {
      // The one that inserts /c.
      if (part.number !== 2) {
        paths.take(part);
      }
    }
    const found = [...expected.keys()].map((stream) => paths.of(1, stream));
    assert.deepEqual(found, ["/a", "/b", undefined, undefined, "/d", "/e", "/e", undefined, undefined]);
    assert.deepEqual(paths.unnamed, ["behind_loss", "behind_loss", "behind_loss"]);
  });

  it("of a connection that is joined late are known of what is inserted from then on", () => {
    const { parts } = partsOf(7, requests("/a", "/b", "/a", "/c", "/c", "/b"), [], false);
    const paths = new Paths();
    for (const part of parts.slice(2)) {
      paths.take({ ...part, number: part.number - 2 });
    }
    assert.deepEqual(
      [5, 7, 9, 11].map((stream) => paths.of(7, stream)),
      [undefined, "/c", "/c", undefined],
    );
    assert.deepEqual(paths.unnamed, ["joined_late", "joined_late"]);
  });

  it("that are cut, or too long, end the table", () => {
    const { parts } = partsOf(1, requests("/a", "/b", "/a"), [], true);
    const paths = new Paths();
    const [first, second, third] = parts as [Part, Part, Part];
    paths.take(first);
    paths.take({ ...second, flags: PartFlag.begins | PartFlag.cut | PartFlag.whole });
    paths.take(third);
    const long = Buffer.alloc(1000, 0x82);
    for (let n = 0; n < 20; n++) {
      paths.take({ table: 1, number: 3 + n, stream: 7, flags: n === 0 ? PartFlag.begins : 0, bytes: long });
    }
    assert.deepEqual(
      [1, 3, 5, 7].map((stream) => paths.of(1, stream)),
      ["/a", undefined, undefined, undefined],
    );
    assert.deepEqual(paths.unnamed, ["cut", "behind_loss", "cut"]);
  });

  it("of many connections are bounded: those used longest ago are given up", () => {
    const paths = new Paths();
    const { parts } = partsOf(0, requests("/a", "/a"), [], true);
    const [first, second] = parts as [Part, Part];
    const connectionsMade = 10_000;
    for (let table = 1; table <= connectionsMade; table++) {
      paths.take({ ...first, table });
    }
    for (const table of [1, connectionsMade]) {
      paths.take({ ...second, table });
    }
    assert.equal(paths.of(1, 3), undefined);
    assert.equal(paths.of(connectionsMade, 3), "/a");
    assert.deepEqual(paths.unnamed, ["limit"]);
  });
});
