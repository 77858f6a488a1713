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
  test("gets no record that is longer than its decoder: it is of another struct, and counted as corrupt", () => {
    const seen: number[] = [];
    const long = new Uint8Array(NumberRecord.size + 1);
    const { reader } = readerOf([new Uint8Array(0), record(1), long, new Uint8Array(4096)], (batch) => {
      while (batch.next()) {
        seen.push(batch.record.number);
      }
    });
    const watched: number[] = [];
    reader.watch(({ number }) => watched.push(number));
    assert.equal(reader.drain(), 4);
    assert.deepEqual([seen, watched], [[1], [1]]);
    assert.deepEqual(reader.counts, { consumed: 1, handlerErrors: 0, corrupt: 3 });
  });

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

describe("a drain that has no more time", () => {
  const numbers = Array.from({ length: 200 }, (_, number) => number);

  /** Drains all of `numbers`, each drain having time until its clock has been asked so often; returns how many each took in. */
  function drains(asks: number, take: (batch: Batch<NumberRecord>) => void): number[] {
    const { reader } = readerOf(numbers.map(record), take);
    const counts: number[] = [];
    do {
      let asked = 0;
      counts.push(reader.drain(undefined, () => asked++ < asks));
    } while (reader.hasMore && counts.length < 100);
    assert.equal(reader.counts.consumed, numbers.length);
    return counts;
  }

  test("leaves the rest in the ring, in order, for the next", () => {
    const seen: number[] = [];
    const counts = drains(1, (batch) => {
      while (batch.next()) {
        seen.push(batch.record.number);
      }
    });
    assert.deepEqual(counts, [32, 32, 32, 32, 32, 32, 8]);
    assert.deepEqual(seen, numbers);
  });

  test("takes in a few records in any case, and asks the clock seldom when it has time", () => {
    assert.deepEqual(drains(0, (batch) => void batch.next()).slice(0, 3), [16, 16, 16]);
    let asked = 0;
    const { reader } = readerOf(numbers.map(record), (batch) => void batch.next());
    assert.equal(
      reader.drain(undefined, () => asked++ < Infinity),
      200,
    );
    assert(asked < 12, `${asked}`);
    assert.equal(reader.hasMore, false);
  });

  test("shows watchers each record once, right before it is handled", () => {
    const { reader } = readerOf(numbers.map(record), (batch) => {
      while (batch.next()) {
        handled.push(batch.record.number);
      }
    });
    const handled: number[] = [];
    const watched: number[] = [];
    reader.watch(({ number }) => {
      assert(number - handled.length < 64);
      watched.push(number);
    });
    do {
      let asked = 0;
      reader.drain(undefined, () => asked++ < 2);
    } while (reader.hasMore);
    assert.deepEqual(watched, numbers);
    assert.deepEqual(handled, numbers);
  });

  test("loses no record more when the handler throws", () => {
    const seen: number[] = [];
    const { reader, failures } = readerOf(numbers.map(record), (batch) => {
      while (batch.next()) {
        seen.push(batch.record.number);
        if (batch.record.number % 10 === 0) {
          fail();
        }
      }
    });
    do {
      reader.drain(undefined, () => false);
    } while (reader.hasMore);
    assert.deepEqual(seen, numbers);
    assert.deepEqual(reader.counts, { consumed: 180, handlerErrors: 20, corrupt: 0 });
    assert.equal(failures.length, 20);
  });
});
