/** Any bytes may come out of a ring: each signal's decoder, handlers and trace lines take them, or count them as corrupt. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import fc from "fast-check";

import { painter } from "../../src/cli/terminal/color.js";
import { wallClockAt } from "../../src/views/clock.js";
import { jsonLines } from "../../src/cli/trace/json.js";
import { traceTable } from "../../src/cli/trace/table.js";
import { renderText } from "../../src/exposition/text/prometheus-text.js";
import { Identity } from "../../src/identity/identity.js";
import type { BpfIterator, BpfMap, BpfRing } from "../../src/binding/native.js";
import { Catalog } from "../../src/metrics/catalog.js";
import { signals } from "../../src/signals/index.js";
import { plainStream } from "../../src/sdk/plain-options.js";
import { RingReader } from "../../src/engine/ring-reader.js";
import type { Signal, SignalContext } from "../../src/sdk/signal.js";
import { tracedEvent } from "../cli/trace/records.js";

const limits = { numRuns: 300, interruptAfterTimeLimit: 4000, includeErrorInReport: true };

/** Bytes between two records, as the kernel lays them out: each begins at a multiple of 8, behind a header. */
const header = 8;

/** A ring that holds these records, once. What lies around them is `poison`; the last one ends where the memory ends. */
function ringOf(records: readonly Uint8Array[], poison: number): BpfRing {
  const index = new Uint32Array(2 * records.length + 2);
  let end = 0;
  records.forEach((record, i) => {
    const offset = Math.ceil(end / 8) * 8 + header;
    index.set([offset, record.length], 2 * i);
    end = offset + record.length;
  });
  const data = new ArrayBuffer(end);
  const bytes = new Uint8Array(data).fill(poison);
  records.forEach((record, i) => {
    bytes.set(record, index[2 * i]);
  });
  let waiting = records.length;
  return {
    size: end,
    data,
    index,
    peek: () => waiting,
    release: () => {
      waiting = 0;
    },
    used: () => 0,
    watch: () => undefined,
    close: () => undefined,
  };
}

/** A kernel in which nothing was there before. */
function emptyContext(catalog: Catalog, identity: Identity): SignalContext {
  const map = { keys: new ArrayBuffer(0), values: new ArrayBuffer(0), readAll: () => 0 } as unknown as BpfMap;
  const iterator = { buffer: new ArrayBuffer(0), read: () => 0 } as unknown as BpfIterator;
  return { catalog, identity, map: () => map, iterator: () => iterator };
}

/** What a signal makes of records: its metrics, its lines of trace, its books and what its handlers threw. */
async function outcome(signal: Signal, records: readonly Uint8Array[], poison: number) {
  const catalog = new Catalog();
  const identity = new Identity(catalog, ["pid", "comm"], { now: () => 0 });
  const handlers = signal.start(emptyContext(catalog, identity), plainStream);
  const shortest = signal.shortestRecord ?? signal.record.size;
  const thrown: unknown[] = [];
  const failed = (error: unknown): void => {
    thrown.push(error);
  };
  const reader = new RingReader(
    ringOf(records, poison),
    new signal.record(),
    shortest,
    (batch) => handlers.records?.(batch),
    failed,
  );
  reader.drain();
  await handlers.collect?.();
  const pieces: Buffer[] = [];
  for await (const piece of renderText(catalog)) {
    pieces.push(piece);
  }

  const lines: string[] = [];
  const clock = wallClockAt(0);
  const [json, table] = [jsonLines(signal, clock), traceTable(signal, clock, painter(false))];
  const printer = new RingReader(
    ringOf(records, poison),
    new signal.record(),
    shortest,
    (batch) => {
      while (batch.next()) {
        const event = tracedEvent(batch.record, { signal });
        lines.push(json(event), table.line(event));
      }
    },
    failed,
  );
  printer.drain();
  return { text: Buffer.concat(pieces).toString(), lines, counts: { ...reader.counts }, thrown };
}

/** Records of a signal: random bytes, zeros or ones, of the struct's length or any other up to twice that. */
function recordsOf(signal: Signal): fc.Arbitrary<Uint8Array[]> {
  const { size } = signal.record;
  const length = fc.oneof(
    { weight: 3, arbitrary: fc.constant(size) },
    fc.constantFrom(0, 1, (signal.shortestRecord ?? size) - 1, signal.shortestRecord ?? size, size - 1, size + 1),
    fc.nat(2 * size),
  );
  const filling = fc.oneof(fc.constantFrom(0, 0xff), fc.noShrink(fc.uint8Array({ minLength: 64, maxLength: 64 })));
  // Small numbers are where enums and states have their meaning.
  const small = fc.array(fc.tuple(fc.nat(size / 4), fc.nat(9)), { maxLength: 24 });
  const record = fc.tuple(length, filling, small).map(([bytes, fill, words]) => {
    const memory = Buffer.alloc(Math.max(bytes, size) + 8);
    memory.fill(fill);
    for (const [word, value] of words) {
      memory.writeUInt32LE(value, 4 * word);
    }
    return new Uint8Array(memory.subarray(0, bytes));
  });
  return fc.array(record, { minLength: 1, maxLength: 6 });
}

for (const signal of signals) {
  describe(signal.name, () => {
    const shortest = signal.shortestRecord ?? signal.record.size;

    test("every record is consumed or counted as corrupt, and what comes out of it is well-formed", () =>
      fc.assert(
        fc.asyncProperty(recordsOf(signal), async (records) => {
          const { text, lines, counts, thrown } = await outcome(signal, records, 0);
          assert.deepEqual(thrown, []);
          const corrupt = records.filter(({ length }) => length < shortest).length;
          assert.deepEqual(counts, { consumed: records.length - corrupt, handlerErrors: 0, corrupt });
          for (const line of text.trimEnd().split("\n")) {
            assert.match(line, /^# |^\w+(\{.*\})? -?\d/s);
          }
          assert.doesNotMatch(text, /NaN|undefined/);
          assert.equal(lines.length, 2 * counts.consumed);
          for (const line of lines) {
            assert.equal(line.indexOf("\n"), line.length - 1);
            // eslint-disable-next-line no-control-regex -- controls are what it looks for
            assert.doesNotMatch(line.slice(0, -1), /[\u0000-\u001f\u007f-\u009f]/);
            if (line.startsWith("{")) {
              assert.equal(typeof JSON.parse(line), "object");
            }
          }
        }),
        limits,
      ));

    test("nothing is read that is not in the record", () =>
      fc.assert(
        fc.asyncProperty(recordsOf(signal), async (records) => {
          const [zeros, ones] = [await outcome(signal, records, 0), await outcome(signal, records, 0xff)];
          assert.deepEqual(zeros, ones);
        }),
        limits,
      ));
  });
}
