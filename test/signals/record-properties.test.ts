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
import { Catalog } from "../../src/metrics/catalog.js";
import { signals } from "../../src/signals/index.js";
import { RingReader } from "../../src/engine/ring-reader.js";
import { defaultFlags } from "../../src/engine/load.js";
import type { EventRecord, Ring, Running } from "../../src/sdk/signal.js";
import { isTraceable, type TraceableSignal } from "../../src/views/trace-event.js";
import { tracedEvent } from "../cli/trace/records.js";
import { ringOf } from "../engine/memory-ring.js";
import { emptyContext } from "./context.js";

const limits = { numRuns: 300, interruptAfterTimeLimit: 4000, includeErrorInReport: true };

const traceable = signals.filter(isTraceable);

/** Flags by which a signal counts the records of its ring, by its name, where its defaults count in the kernel. */
const streamFlags: Readonly<Record<string, object>> = { syscall: { mode: "stream" } };

/** The decoder of a signal and the bytes of its shortest record. */
function ringDefinition(signal: TraceableSignal): Required<Ring<EventRecord>> {
  const { record, shortest = record.size } = signal.ring as Ring<EventRecord>;
  return { record, shortest };
}

/** What a signal makes of records: its metrics, its lines of trace, its counts and what its handlers threw. */
async function outcome(signal: TraceableSignal, records: readonly Uint8Array[], poison: number) {
  const catalog = new Catalog();
  const identity = new Identity(catalog, ["pid", "comm"], { now: () => 0 });
  const flags = { ...defaultFlags(signal), ...streamFlags[signal.name] };
  const running = signal.start(emptyContext(catalog, identity), flags) as Running<EventRecord>;
  const { record, shortest } = ringDefinition(signal);
  const thrown: unknown[] = [];
  const failed = (error: unknown): void => {
    thrown.push(error);
  };
  const reader = new RingReader(
    ringOf(records, poison),
    new record(),
    shortest,
    record.size,
    (batch) => {
      running.records?.(batch);
      while (running.records === undefined && batch.next()) {
        // Counted in the kernel: its records are for those who watch.
      }
    },
    failed,
    failed,
  );
  reader.drain();
  await running.collect?.();
  const pieces: Buffer[] = [];
  for await (const piece of renderText(catalog)) {
    pieces.push(piece);
  }

  const lines: string[] = [];
  const clock = wallClockAt(0);
  const [json, table] = [jsonLines(signal, clock), traceTable(signal, clock, painter(false))];
  const printer = new RingReader(
    ringOf(records, poison),
    new record(),
    shortest,
    record.size,
    (batch) => {
      while (batch.next()) {
        const event = tracedEvent(batch.record, { signal });
        lines.push(json(event), table.line(event));
      }
    },
    failed,
    failed,
  );
  printer.drain();
  return { text: Buffer.concat(pieces).toString(), lines, counts: { ...reader.counts }, thrown };
}

/** Records of a signal: random bytes, zeros or ones, of the struct's length or any other up to twice that. */
function recordsOf(signal: TraceableSignal): fc.Arbitrary<Uint8Array[]> {
  const { record: struct, shortest } = ringDefinition(signal);
  const { size } = struct;
  const length = fc.oneof(
    { weight: 3, arbitrary: fc.constant(size) },
    fc.constantFrom(0, 1, shortest - 1, shortest, size - 1, size + 1),
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

test("every built-in signal has records that can be shown", () => {
  assert.equal(traceable.length, signals.length);
});

for (const signal of traceable) {
  describe(signal.name, () => {
    const { record: struct, shortest } = ringDefinition(signal);

    test("every record is consumed or counted as corrupt, and what comes out of it is well-formed", () =>
      fc.assert(
        fc.asyncProperty(recordsOf(signal), async (records) => {
          const { text, lines, counts, thrown } = await outcome(signal, records, 0);
          assert.deepEqual(thrown, []);
          const corrupt = records.filter(({ length }) => length < shortest || length > struct.size).length;
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
