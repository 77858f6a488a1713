/** HPACK: the examples of RFC 7541, the bytes of node:http2, an encoder of our own, and bytes that are none. */
import assert from "node:assert/strict";
import { once } from "node:events";
import http2 from "node:http2";
import { connect, createServer, type AddressInfo } from "node:net";
import { describe, it } from "node:test";

import fc from "fast-check";

import { HeaderBlock } from "../../../../src/signals/l7/http2/header-block.js";
import { HeaderTable } from "../../../../src/signals/l7/http2/header-table.js";
import { connections, pathIn, write } from "./connections.js";
import { Encoder } from "./hpack-encoder.js";

function read(block: HeaderBlock, table: HeaderTable, bytes: Uint8Array): string {
  const found = block.read(table, bytes, bytes.length);
  return found === "known" ? Buffer.from(block.bytes.subarray(0, block.length)).toString("latin1") : `(${found})`;
}

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(" ", ""), "hex");
}

/** Blocks of one connection, and the path and the size of the table behind each: Appendix C. */
const examples: Readonly<Record<string, readonly (readonly [block: string, path: string, size: number])[]>> = {
  "C.2.1": [["400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572", "(none)", 55]],
  "C.2.2": [["040c 2f73 616d 706c 652f 7061 7468", "/sample/path", 0]],
  "C.2.3": [["1008 7061 7373 776f 7264 0673 6563 7265 74", "(none)", 0]],
  "C.2.4": [["82", "(none)", 0]],
  "C.3": [
    ["8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", "/", 57],
    ["8286 84be 5808 6e6f 2d63 6163 6865", "/", 110],
    ["8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65", "/index.html", 164],
  ],
  "C.4": [
    ["8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", "/", 57],
    ["8286 84be 5886 a8eb 1064 9cbf", "/", 110],
    ["8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf", "/index.html", 164],
  ],
};

/** Responses, with a table of 256 bytes. */
const evicting: readonly (readonly [block: string, size: number])[][] = [
  [
    [
      "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
      222,
    ],
    ["4803 3330 37c1 c0bf", 222],
    [
      "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31",
      215,
    ],
  ],
  [
    [
      "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
      222,
    ],
    ["4883 640e ffc1 c0bf", 222],
    [
      "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
      215,
    ],
  ],
];

/** Payloads of the HEADERS that a client has sent behind its preface, which are in one frame each here. */
function blocksOf(sent: Buffer): Buffer[] {
  const blocks: Buffer[] = [];
  for (let at = 24; at + 9 <= sent.length; at += 9 + sent.readUIntBE(at, 3)) {
    const [type, flags = 0, end] = [sent[at + 3], sent[at + 4], at + 9 + sent.readUIntBE(at, 3)];
    if (type === 1) {
      assert.equal(flags & 0x0c, 0x04);
      blocks.push(sent.subarray(at + 9 + ((flags & 0x20) !== 0 ? 5 : 0), end));
    }
  }
  return blocks;
}

describe("header blocks", () => {
  for (const [name, blocks] of Object.entries(examples)) {
    it(`are read as RFC 7541 says: ${name}`, () => {
      const [block, table] = [new HeaderBlock(), new HeaderTable()];
      for (const [bytes, path, size] of blocks) {
        assert.equal(read(block, table, hex(bytes)), path);
        assert.equal(table.size, size);
      }
    });
  }

  it("evict as RFC 7541 says: C.5, C.6", () => {
    for (const blocks of evicting) {
      const [block, table] = [new HeaderBlock(), new HeaderTable()];
      table.resize(256);
      for (const [bytes, size] of blocks) {
        assert.equal(read(block, table, hex(bytes)), "(none)");
        assert.equal(table.size, size);
      }
    }
  });

  it("have the paths that node:http2 has written", async (t) => {
    const server = http2.createServer((_, response) => response.end()).listen(0, "127.0.0.1");
    t.after(() => server.close());
    await once(server, "listening");
    const sent: Buffer[] = [];
    const between = createServer((socket) => {
      const onwards = connect((server.address() as AddressInfo).port, "127.0.0.1");
      socket.on("data", (bytes) => sent.push(bytes)).pipe(onwards);
      onwards.pipe(socket);
    }).listen(0, "127.0.0.1");
    t.after(() => between.close());
    await once(between, "listening");
    const session = http2.connect(`http://127.0.0.1:${(between.address() as AddressInfo).port}`);
    t.after(() => {
      session.destroy();
    });
    // All characters that a path may have; fields that are inserted, and evict others.
    const characters = Array.from({ length: 0x7f - 0x21 }, (_, n) => String.fromCharCode(0x21 + n));
    const paths = [
      ...characters.filter((character) => character !== "?").map((character) => `/${character}/${character}x`),
      ...Array.from({ length: 120 }, (_, n) => `/orders/${n % 7}/items`),
      ...["/", "/index.html"],
    ];
    const requests = paths.map((path, n) =>
      session.request({
        ":path": path,
        "user-agent": `agent ${n % 50}`,
        [`x-name-${n % 90}`]: "value".repeat(n % 30),
      }),
    );
    await Promise.all(requests.map((request) => once(request.resume(), "end")));
    const [block, table] = [new HeaderBlock(), new HeaderTable()];
    const found = blocksOf(Buffer.concat(sent)).map((bytes) => read(block, table, bytes));
    assert.deepEqual(found, paths);
  });

  it("are read as they were written, in whatever form", () => {
    fc.assert(
      fc.property(connections, (blocks) => {
        const [encoder, block, table] = [new Encoder(), new HeaderBlock(), new HeaderTable()];
        for (const { size, fields } of blocks) {
          const bytes = write(encoder, size, fields);
          assert.equal(read(block, table, bytes), pathIn(fields));
          assert.equal(table.size, encoder.size);
        }
      }),
    );
  });

  it("that are none end the table, and throw nothing", () => {
    fc.assert(
      fc.property(connections, fc.uint8Array({ maxLength: 64 }), fc.nat(), (blocks, noise, at) => {
        const [encoder, block, table] = [new Encoder(), new HeaderBlock(), new HeaderTable()];
        for (const { size, fields } of blocks) {
          block.read(table, write(encoder, size, fields), 0);
          const bytes = write(encoder, size, fields);
          bytes.set(noise.subarray(0, bytes.length), at % (bytes.length + 1 - Math.min(noise.length, bytes.length)));
          for (const each of [bytes, noise, bytes.subarray(0, at % (bytes.length + 1))]) {
            if (read(block, table, each) === "(malformed)") {
              assert.deepEqual([table.count, table.size, table.unknown], [0, 0, "malformed"]);
            }
            assert(table.size <= 65_536 && table.count <= 2048);
          }
        }
      }),
    );
    for (const bytes of [
      "80",
      "be",
      "ff ff ff ff ff 00",
      "40",
      "4082ffff00",
      "0085",
      "40 84 ff ff ff ff 00",
      "7f 00 00",
    ]) {
      assert.equal(read(new HeaderBlock(), new HeaderTable(), hex(bytes)), "(malformed)", bytes);
    }
  });
});
