/** What a reader counts of the records of a ring, whatever its handler and its watchers throw. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { RecordView } from "../../src/binding/record.js";
import { RingReader } from "../../src/engine/ring-reader.js";
import type { Batch } from "../../src/sdk/signal.js";
import { ringOf } from "./memory-ring.js";

/** A record of one number. */
class NumberRecord extends RecordView {
  static readonly size = 8;

  get number(): number {
    return this.words[this.at] as number;
  }
}

function record(number: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(number, 0).buffer);
}

/** A record that its writer has cut off. */
const short = new Uint8Array(NumberRecord.size - 1);

/** A reader of these records, and what was thrown into it. */
function readerOf(records: readonly Uint8Array[], take: (batch: Batch<NumberRecord>) => void) {
  const failures: unknown[] = [];
  const watcherFailures: unknown[] = [];
  const reader = new RingReader(
    ringOf(records),
    new NumberRecord(),
    NumberRecord.size,
    take,
    (error) => failures.push(error),
    (error) => watcherFailures.push(error),
  );
  return { reader, failures, watcherFailures };
}

const problem = new Error("no");
const fail = (): never => {
  throw problem;
};

describe("a handler", () => {
  test("gets every record that is long enough, in order, and the ring is released", () => {
    const seen: number[] = [];
    const { reader, failures } = readerOf([record(1), short, record(2), short], (batch) => {
      while (batch.next()) {
        seen.push(batch.record.number);
      }
    });
    assert.equal(reader.drain(), 4);
    assert.deepEqual(seen, [1, 2]);
    assert.deepEqual(reader.counts, { consumed: 2, handlerErrors: 0, corrupt: 2 });
    assert.deepEqual(failures, []);
    assert.equal(reader.drain(), 0);
  });

  test("may ask for the records that wait: those of its own batch still come once", () => {
    const seen: number[] = [];
    const { reader, failures } = readerOf([record(1), record(2)], (batch) => {
      while (batch.next()) {
        assert.equal(reader.drain(), 0);
        seen.push(batch.record.number);
      }
    });
    assert.equal(reader.drain(), 2);
    assert.deepEqual(seen, [1, 2]);
    assert.deepEqual(failures, []);
    assert.equal(reader.drain(), 0);
  });

  test("that leaves records has consumed them", () => {
    const { reader } = readerOf([record(1), record(2), short, record(3)], (batch) => void batch.next());
    reader.drain();
    assert.deepEqual(reader.counts, { consumed: 3, handlerErrors: 0, corrupt: 1 });
  });

  test("that throws at a record loses this one only", () => {
    const seen: number[] = [];
    const { reader, failures } = readerOf([record(1), record(2), record(3)], (batch) => {
      while (batch.next()) {
        if (batch.record.number === 2) {
          fail();
        }
        seen.push(batch.record.number);
      }
    });
    reader.drain();
    assert.deepEqual(seen, [1, 3]);
    assert.deepEqual(reader.counts, { consumed: 2, handlerErrors: 1, corrupt: 0 });
    assert.deepEqual(failures, [problem]);
  });

  test("that throws before its first record, where only records are left that are too short, has lost none", () => {
    const { reader, failures } = readerOf([short, short], fail);
    reader.drain();
    assert.deepEqual(reader.counts, { consumed: 0, handlerErrors: 0, corrupt: 2 });
    assert.deepEqual(failures, [problem]);
  });

  test("that throws before its first record costs the next valid one", () => {
    const { reader, failures } = readerOf([short, record(1), short], fail);
    reader.drain();
    assert.deepEqual(reader.counts, { consumed: 0, handlerErrors: 1, corrupt: 2 });
    assert.deepEqual(failures, [problem, problem]);
  });

  test("that throws behind its last record has consumed them all", () => {
    const { reader, failures } = readerOf([record(1), short], (batch) => {
      while (batch.next());
      fail();
    });
    reader.drain();
    assert.deepEqual(reader.counts, { consumed: 1, handlerErrors: 0, corrupt: 1 });
    assert.deepEqual(failures, [problem]);
  });
});

describe("a watcher", () => {
  test("sees each valid record before it is handled, until it is stopped", () => {
    const seen: string[] = [];
    const { reader } = readerOf([record(1), short, record(2)], (batch) => {
      while (batch.next()) {
        seen.push(`taken ${batch.record.number}`);
      }
    });
    const stop = reader.watch(({ number }) => void seen.push(`seen ${number}`));
    reader.watch(fail)();
    reader.drain();
    assert.deepEqual(seen, ["seen 1", "seen 2", "taken 1", "taken 2"]);
    stop();
  });

  test("that throws goes to its own callback, and loses nothing", () => {
    const seen: number[] = [];
    const { reader, failures, watcherFailures } = readerOf([record(1), short, record(2)], (batch) => {
      while (batch.next());
    });
    reader.watch(fail);
    reader.watch(({ number }) => void seen.push(number));
    reader.drain();
    assert.deepEqual(watcherFailures, [problem, problem]);
    assert.deepEqual(failures, []);
    assert.deepEqual(seen, [1, 2]);
    assert.deepEqual(reader.counts, { consumed: 2, handlerErrors: 0, corrupt: 1 });
  });
});
