import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { offers } from "../../src/exposition/formats.js";
import { acceptsGzip, chooseFormat } from "../../src/exposition/negotiation.js";

const known = offers.map(({ contentType }) => contentType);

function isKnown(contentType: string): boolean {
  return known.includes(contentType.replace(/; escaping=(allow-utf-?8|underscores|values)$/, ""));
}

/** Ranges as someone might send them, each with the offer it names, if any. */
const range = fc.record({
  named: fc.constantFrom(...offers, undefined),
  weight: fc.integer({ min: 1, max: 1000 }),
  spaces: fc.stringMatching(/^[ \t]{0,2}$/),
});

test("whatever the header, there is an answer, and a quick one", () => {
  const pieces = fc.constantFrom(",", ";", '"', "\\", "q=", "*/*", "text/plain", "version=", "0.0.4", "=", " ", "é");
  const header = fc.oneof(
    fc.string({ maxLength: 300 }),
    fc.array(pieces, { maxLength: 200 }).map((all) => all.join("")),
  );
  fc.assert(
    fc.property(header, (text) => {
      const { format, contentType } = chooseFormat(text);
      assert.ok(isKnown(contentType), contentType);
      assert.ok(offers.some((offer) => offer.format === format));
      acceptsGzip(text);
    }),
    { numRuns: 5000 },
  );
  for (const piece of [",", ";", '"', '\\"', "a;", 'a;b="', "*/*,", "q=0;"]) {
    const start = performance.now();
    chooseFormat(piece.repeat(16_384 / piece.length));
    assert.ok(performance.now() - start < 200, piece);
  }
});

test("of ranges that name formats, the weightiest is answered, the first among equals", () => {
  fc.assert(
    fc.property(fc.array(range, { maxLength: 8 }), (ranges) => {
      const header = ranges.map(({ named, weight, spaces }) => {
        const parameters = [...(named?.parameters ?? [])].map(([name, value]) => `;${spaces}${name}=${value}`).join("");
        return `${spaces}${named?.type ?? "text/html"}${parameters}${spaces};q=${(weight / 1000).toFixed(3)}`;
      });
      // An offer that is named twice is judged by the first mention.
      const first = ranges.filter(
        ({ named }, index) => named !== undefined && ranges.findIndex((other) => other.named === named) === index,
      );
      const best = first.toSorted((one, other) => other.weight - one.weight)[0]?.named ?? offers[0];
      assert.ok(chooseFormat(header.join(",")).contentType.startsWith(best?.contentType ?? ""), header.join(","));
    }),
    { numRuns: 3000 },
  );
});
