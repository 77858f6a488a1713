import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { call, nativeError, records } from "./fixture.js";
import { expected, numberOf, recordMax, start } from "./ring-fixture.js";

describe("peek and release", () => {
  it("find each complete record and skip the discarded ones", () => {
    const { object, ring } = start();
    assert.equal(ring.size, 4096);
    assert.equal(ring.data.byteLength, 8192);
    assert.equal(ring.peek(), 0);
    assert.equal(ring.used(), 0);
    call(10);
    assert.deepEqual(records(ring, ring.peek()).map(numberOf), expected(0, 10));
    object.close();
  });

  it("find the same batch again until it is released", () => {
    const { object, ring } = start();
    call(6);
    assert.equal(ring.peek(), 5);
    assert.equal(ring.peek(), 5);
    call(2);
    assert.deepEqual(records(ring, ring.peek()).map(numberOf), expected(0, 8));
    ring.release();
    assert.equal(ring.used(), 0);
    assert.equal(ring.peek(), 0);
    call(1);
    assert.deepEqual(records(ring, ring.peek()).map(numberOf), [8]);
    object.close();
  });

  it("release only what was peeked", () => {
    const { object, ring } = start();
    call(2);
    assert.equal(ring.peek(), 2);
    call(1);
    ring.release();
    ring.release();
    assert.deepEqual(records(ring, ring.peek()).map(numberOf), [2]);
    ring.release();
    ring.release();
    assert.equal(ring.peek(), 0);
    object.close();
  });

  it("release without a peek does nothing", () => {
    const { object, ring } = start();
    call(2);
    ring.release();
    assert.deepEqual(records(ring, ring.peek()).map(numberOf), [0, 1]);
    object.close();
  });

  it("give discarded records back when there is nothing else", () => {
    const { object, ring } = start();
    call(3);
    assert.equal(ring.peek(), 3);
    ring.release();
    call(1);
    assert.equal(ring.used(), 32);
    assert.equal(ring.peek(), 0);
    assert.equal(ring.used(), 0);
    object.close();
  });
});

describe("a ring that wraps", () => {
  it("loses, repeats and tears nothing", () => {
    const { object, ring, counters } = start();
    const calls = 200_000;
    const step = 20;
    let next = 0;
    let bytes = 0;
    let across = 0;
    for (let made = 0; made < calls; made += step) {
      call(step);
      const found = ring.peek();
      const numbers = records(ring, found).map(numberOf);
      assert.deepEqual(numbers, expected(next, step));
      next += step;
      for (let i = 0; i < found; i++) {
        const [offset, length] = [ring.index[2 * i] as number, ring.index[2 * i + 1] as number];
        bytes += length;
        across += offset + length > ring.size ? 1 : 0;
      }
      ring.release();
    }
    assert.deepEqual(counters(), { calls, output: (calls / 4) * 3, discarded: calls / 4, dropped: 0 });
    // Enough to mean something: it went round thousands of times, and many records lay across the end.
    assert(bytes / ring.size > 2000);
    assert(across > 1000);
    object.close();
  });

  it("takes records up again where it was full", () => {
    const { object, ring, counters } = start();
    call(1000);
    const full = counters();
    assert.equal(full.calls, 1000);
    assert(full.dropped > 900);
    assert.equal(full.output + full.discarded + full.dropped, 1000);
    const waiting = records(ring, ring.peek()).map(numberOf);
    assert.equal(waiting.length, full.output);
    assert(ring.used() <= ring.size && ring.used() > ring.size - recordMax - 8);
    ring.release();
    call(8);
    assert.deepEqual(records(ring, ring.peek()).map(numberOf), expected(1000, 8));
    assert.equal(counters().dropped, full.dropped);
    object.close();
  });
});

describe("a batch", () => {
  it("ends at the index's capacity, and the next goes on there", () => {
    const { object, ring, counters } = start(16 * 1024 * 1024);
    const capacity = ring.index.length / 2;
    assert.equal(capacity, 4096);
    call(8_000);
    assert.equal(counters().dropped, 0);
    assert.equal(ring.peek(), capacity);
    const first = records(ring, capacity).map(numberOf);
    ring.release();
    const second = records(ring, ring.peek()).map(numberOf);
    ring.release();
    assert.deepEqual([...first, ...second], expected(0, 8_000));
    assert.equal(ring.used(), 0);
    object.close();
  });

  it("holds whatever a small ring can hold", () => {
    const { object, ring } = start();
    assert(ring.index.length / 2 >= ring.size / 16);
    object.close();
  });
});

describe("opening", () => {
  it("is for ring buffers, once at a time", () => {
    const { object, ring } = start();
    assert.match(nativeError(() => object.ring("counters")).message, /the map is not a ring buffer$/u);
    assert.match(nativeError(() => object.ring("events")).message, /the ring is open already$/u);
    call(1);
    ring.close();
    const again = object.ring("events");
    assert.deepEqual(records(again, again.peek()).map(numberOf), [0]);
    object.close();
  });

  it("goes on at the consumer position of the one before", () => {
    const { object, ring } = start();
    call(2);
    ring.peek();
    ring.release();
    call(1);
    ring.close();
    const again = object.ring("events");
    assert.deepEqual(records(again, again.peek()).map(numberOf), [2]);
    object.close();
  });
});
