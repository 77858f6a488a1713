/** Bodies in chunks of any size read as the same bodies whole. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import fc from "fast-check";

import { readListItems } from "../../src/kubernetes/client/list-items.js";
import { readLines } from "../../src/kubernetes/client/body-lines.js";

/** The bytes of a text, cut after each of these lengths in turn. */
async function* inChunks(text: string, lengths: readonly number[]): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  for (let from = 0, turn = 0; from < bytes.length; turn++) {
    const to = from + (lengths[turn % lengths.length] as number);
    yield await Promise.resolve(bytes.subarray(from, to));
    from = to;
  }
}

function unexpected(item: string | undefined): void {
  assert.fail(`an item: ${String(item)}`);
}

const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 });

describe("the items of a list", () => {
  const list = fc.record({
    metadata: fc.record({ resourceVersion: fc.string(), continue: fc.string({ unit: "binary" }) }),
    items: fc.array(fc.dictionary(fc.string(), fc.jsonValue()), { maxLength: 5 }),
    after: fc.jsonValue({ maxDepth: 0 }),
  });

  it("come one by one, whatever is in them", async () => {
    await fc.assert(
      fc.asyncProperty(list, fc.constantFrom(0, 2), cuts, async (value, indent, lengths) => {
        const items: unknown[] = [];
        const text = JSON.stringify(value, undefined, indent);
        const frame = await readListItems(inChunks(text, lengths), 1e6, (item) => items.push(JSON.parse(item ?? "?")));
        assert.deepEqual(items, JSON.parse(JSON.stringify(value.items)));
        assert.deepEqual(JSON.parse(frame), JSON.parse(JSON.stringify({ ...value, items: [] })));
      }),
    );
  });

  it("are left out beyond the limit, alone", async () => {
    const items: (string | undefined)[] = [];
    const text = JSON.stringify({ items: [{ a: 1 }, { b: "long".repeat(5) }, { c: 1 }] });
    await readListItems(inChunks(text, [7]), 10, (item) => items.push(item));
    assert.deepEqual(items, ['{"a":1}', undefined, '{"c":1}']);
  });

  it("are read of a list that has none", async () => {
    for (const text of ['{"items":null}', '{"items":[]}', "{}", ""]) {
      assert.equal(await readListItems(inChunks(text, [3]), 10, unexpected), text);
    }
  });

  it("are not looked for without end", async () => {
    const text = `{"metadata":{"x":"${"x".repeat(100_000)}"}}`;
    await assert.rejects(readListItems(inChunks(text, [1000]), 10, unexpected), { reason: "bad_json" });
  });
});

describe("lines", () => {
  it("are the text's", async () => {
    const text = fc.array(fc.string({ unit: fc.constantFrom("a", "é", "\n", "€") })).map((parts) => parts.join("\n"));
    await fc.assert(
      fc.asyncProperty(text, cuts, async (body, lengths) => {
        const lines: (string | undefined)[] = [];
        for await (const line of readLines(inChunks(body, lengths), 8)) {
          lines.push(line);
        }
        const whole = body.split("\n").slice(0, -1);
        assert.deepEqual(
          lines,
          whole.map((line) => (Buffer.byteLength(line) > 8 ? undefined : line)),
        );
      }),
    );
  });
});
