import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

import { native, type BpfMap } from "../../../src/binding/native.js";
import { call, compile, entries, getppid, nativeError, u32, u64 } from "./fixture.js";

const fixture = compile("maps");

/** As maps.bpf.c has it: more than two batches. */
const size = 20_000;

/** The interface index that `lo` has in every network namespace. */
const loopback = 1;

function load() {
  const object = native.open(fixture);
  object.setConstant("target_pid", process.pid);
  object.setConstant("target_nr", getppid);
  object.load();
  return object;
}

/** Fills `count` entries: key → (1, key + 5). */
function fill(map: BpfMap, count: number): void {
  for (let key = 0; key < count; key++) {
    map.set(u32(key), u64(1, key + 5));
  }
}

/** Number of possible CPUs, from what the kernel sums up when each holds a 1. */
function possibleCpus(map: BpfMap): number {
  map.set(u32(7), u64(1, 0));
  const value = entries(map).get(7);
  assert(value?.[0] !== undefined && value[0] >= 1);
  return value[0];
}

describe("readAll", () => {
  for (const name of ["hash", "lru"]) {
    it(`reads a ${name} map of several batches whole`, () => {
      const object = load();
      const map = object.map(name);
      assert.equal(map.readAll(), 0);
      const count = name === "lru" ? size / 2 : size;
      fill(map, count);
      const found = entries(map);
      assert.equal(found.size, count);
      for (let key = 0; key < count; key++) {
        assert.deepEqual(found.get(key), [1, key + 5]);
      }
      object.close();
    });
  }

  it("reads an array whole, in order of its indices", () => {
    const object = load();
    const map = object.map("array");
    fill(map, 5000);
    assert.equal(map.readAll(), size);
    assert.deepEqual(
      new Uint32Array(map.keys, 0, size),
      Uint32Array.from({ length: size }, (_, i) => i),
    );
    const values = new BigUint64Array(map.values, 0, 2 * size);
    assert.deepEqual([values[2 * 4999], values[2 * 4999 + 1]], [1n, 5004n]);
    assert.deepEqual([values[2 * 5000], values[2 * 5000 + 1]], [0n, 0n]);
    object.close();
  });

  for (const name of ["percpu_hash", "percpu_array"]) {
    it(`sums a ${name} map over the CPUs`, () => {
      const object = load();
      const map = object.map(name);
      const cpus = possibleCpus(map);
      fill(map, size);
      object.attach("on_enter");
      call(1000);
      const found = entries(map);
      assert.equal(found.size, size);
      for (let key = 0; key < size; key++) {
        assert.deepEqual(found.get(key), [cpus + (key === 7 ? 1000 : 0), (key + 5) * cpus]);
      }
      object.close();
    });
  }

  it("reads entries with other key and value sizes", () => {
    const object = load();
    const map = object.map("trie");
    for (let i = 0; i < 300; i++) {
      map.set(Uint8Array.of(32, 0, 0, 0, 10, 0, i >> 8, i & 255), u64(i));
    }
    assert.equal(map.readAll(), 300);
    const keys = new Uint8Array(map.keys, 0, 8 * 300);
    const values = new BigUint64Array(map.values, 0, 300);
    const seen = new Set<number>();
    values.forEach((value, i) => {
      assert.equal(Number(value), (keys[8 * i + 6] as number) * 256 + (keys[8 * i + 7] as number));
      seen.add(Number(value));
    });
    assert.equal(seen.size, 300);
    object.close();
  });

  it("is shared with another object, and lives as long as either", () => {
    const [first, second] = [native.open(fixture), native.open(fixture)];
    first.load();
    const { descriptor = -1 } = first.maps.find(({ name }) => name === "array") ?? {};
    second.reuseMap("array", descriptor);
    second.load();
    assert.throws(() => second.reuseMap("array", descriptor), /is loaded already/u);
    first.map("array").set(u32(5), u64(1, 2));
    first.close();
    assert.deepEqual(entries(second.map("array")).get(5), [1, 2]);
    second.close();
    const third = native.open(fixture);
    assert.match(nativeError(() => third.reuseMap("array", 1_000_000)).code, /^EBADFD?$/u);
    assert.throws(() => third.reuseMap("array", -1), RangeError);
    third.close();
  });

  it("takes the descriptor of a program for its value", () => {
    const object = load();
    const descriptor = object.programDescriptor("on_enter");
    assert.match(readFileSync(`/proc/self/fdinfo/${descriptor}`, "utf8"), /^prog_type:/mu);
    assert.match(nativeError(() => object.programDescriptor("none")).message, /no program "none"/u);
    object.close();
    assert.match(nativeError(() => object.programDescriptor("on_enter")).message, /is closed/u);
  });

  it("is no longer written when the program is detached", () => {
    const object = load();
    const map = object.map("percpu_array");
    object.attach("on_enter");
    call(10);
    object.detach("on_enter");
    call(10);
    assert.match(nativeError(() => object.detach("on_enter")).message, /it is not attached$/u);
    object.attach("on_enter");
    call(5);
    assert.equal(entries(map).get(7)?.[0], 15);
    object.close();
  });

  it("reads one by one a map without batch calls", () => {
    const object = load();
    const map = object.map("devices");
    assert.equal(map.readAll(), 0);
    const keys = Array.from({ length: 16 }, (_, i) => 3 * i);
    for (const key of keys) {
      map.set(u32(key), u32(loopback));
    }
    assert.equal(map.readAll(), 16);
    const found = [...new Uint32Array(map.keys, 0, 16)].sort((a, b) => a - b);
    assert.deepEqual(found, keys);
    assert(new Uint32Array(map.values, 0, 16).every((value) => value === loopback));
    object.close();
  });

  it("uses its buffers again", () => {
    const object = load();
    const map = object.map("hash");
    fill(map, 100);
    map.readAll();
    const { keys, values } = map;
    map.readAll();
    assert.equal(map.keys, keys);
    assert.equal(map.values, values);
    object.close();
  });

  it("survives that a buffer was moved away", () => {
    const object = load();
    const map = object.map("hash");
    fill(map, 100);
    map.readAll();
    structuredClone(map.keys, { transfer: [map.keys] });
    structuredClone(map.values, { transfer: [map.values] });
    assert.equal(entries(map).size, 100);
    object.close();
  });

  it("says which map cannot be read", () => {
    const object = load();
    const error = nativeError(() => object.map("queue").readAll());
    assert.equal(error.subject, "queue");
    assert.match(error.message, /^reading map "queue": /u);
    assert.match(nativeError(() => object.map("odd")).message, /must be multiples of 8 bytes, not 4$/u);
    object.close();
  });
});

describe("readSome", () => {
  /** The pieces of a walk to its end: for each the keys and the first words of the values. `between` is told how many a piece has. */
  function walk(map: BpfMap, most: number, between: (count: number) => void = () => undefined): [number, number][][] {
    const pieces: [number, number][][] = [];
    for (let count = map.readSome(most); count > 0; count = map.readSome(most)) {
      const values = new DataView(map.values);
      const piece = Array.from(new Uint32Array(map.keys, 0, count), (key, at): [number, number] => [
        key,
        values.getUint32(at * map.info.valueSize, true),
      ]);
      pieces.push(piece);
      between(count);
    }
    return pieces;
  }

  it("reads a map in pieces, each entry once, and begins anew after the end", () => {
    const object = load();
    for (const [name, count] of [
      ["hash", 5000],
      ["array", size],
      ["percpu_hash", 5000],
    ] as const) {
      const map = object.map(name);
      fill(map, 5000);
      for (let round = 0; round < 2; round++) {
        const pieces = walk(map, 1000);
        assert(pieces.length >= count / 1000 && pieces.every((piece) => piece.length <= 1000), name);
        assert.deepEqual(
          pieces.flatMap((piece) => piece.map(([key]) => key)).sort((a, b) => a - b),
          Array.from({ length: count }, (_, key) => key),
        );
        assert(pieces.every((piece) => piece.every(([key, value]) => (key < 5000 ? value >= 1 : value === 0))));
      }
    }
    object.close();
  });

  it("goes on where it was when what it has read is deleted", () => {
    const object = load();
    const map = object.map("hash");
    fill(map, 5000);
    let deleted = 0;
    const pieces = walk(map, 500, (count) => {
      // Never more than the piece has: behind it there are zeros, and key 0 may not have been read.
      deleted += map.deleteKeys(new Uint8Array(map.keys), count);
    });
    assert.equal(new Set(pieces.flatMap((piece) => piece.map(([key]) => key))).size, 5000);
    assert.equal(deleted, 5000);
    assert.equal(map.readAll(), 0);
    object.close();
  });

  it("reads nothing of an empty map, and all at once of one without batch calls", () => {
    const object = load();
    assert.equal(object.map("hash").readSome(10), 0);
    const devices = object.map("devices");
    assert.equal(devices.readSome(2), 0);
    for (let key = 0; key < 5; key++) {
      devices.set(u32(key), u32(loopback));
    }
    for (let round = 0; round < 2; round++) {
      assert.deepEqual(
        walk(devices, 2).map((piece) => piece.map(([key]) => key)),
        [[0, 1, 2, 3, 4]],
      );
    }
    object.close();
  });

  it("begins anew after readAll", () => {
    const object = load();
    const map = object.map("hash");
    fill(map, 100);
    assert(map.readSome(10) > 0);
    assert.equal(map.readAll(), 100);
    assert.equal(walk(map, 10).flat().length, 100);
    object.close();
  });

  it("says what it cannot read", () => {
    const object = load();
    const map = object.map("hash");
    assert.throws(() => map.readSome(0), { name: "RangeError", message: "argument most must be at least 1, not 0" });
    assert.match(nativeError(() => object.map("queue").readSome(1)).message, /^reading map "queue": /u);
    object.close();
    assert.match(nativeError(() => map.readSome(1)).message, /its object is closed$/u);
  });
});

describe("info", () => {
  it("describes the map and cannot be changed", () => {
    const object = load();
    const { info } = object.map("hash");
    assert.deepEqual(info, { name: "hash", type: 1, keySize: 4, valueSize: 16, maxEntries: size });
    assert(Object.isFrozen(info));
    object.close();
  });
});

describe("set", () => {
  it("overwrites", () => {
    const object = load();
    const map = object.map("hash");
    map.set(u32(1), u64(1, 2));
    map.set(u32(1), u64(3, 4));
    assert.deepEqual([...entries(map)], [[1, [3, 4]]]);
    object.close();
  });

  it("wants exactly the map's sizes", () => {
    const object = load();
    const map = object.map("hash");
    assert.throws(() => map.set(new Uint8Array(3), u64(1, 2)), {
      name: "RangeError",
      message: "argument key must have 4 bytes, not 3",
    });
    assert.throws(() => map.set(u32(1), u64(1)), {
      name: "RangeError",
      message: "argument value must have 16 bytes, not 8",
    });
    const set = map.set.bind(map) as (key: unknown, value: unknown) => void;
    assert.throws(() => set("1", u64(1, 2)), { name: "TypeError", message: "argument key must be a Uint8Array" });
    assert.throws(() => set(u32(1), Uint32Array.of(1, 2, 3, 4)), { name: "TypeError", message: /argument value/u });
    object.close();
  });

  it("says when the map is full", () => {
    const object = load();
    const map = object.map("hash");
    fill(map, size);
    const error = nativeError(() => map.set(u32(size), u64(1, 2)));
    assert.equal(error.code, "E2BIG");
    assert.equal(error.subject, "hash");
    object.close();
  });
});

describe("deleteKeys", () => {
  it("goes on behind keys that are gone", () => {
    const object = load();
    const map = object.map("hash");
    fill(map, 100);
    const odd = Uint32Array.from({ length: 50 }, (_, i) => 2 * i + 1);
    assert.equal(map.deleteKeys(new Uint8Array(odd.buffer), 50), 50);
    const all = Uint32Array.from({ length: 101 }, (_, i) => i);
    assert.equal(map.deleteKeys(new Uint8Array(all.buffer), 101), 50);
    assert.equal(map.readAll(), 0);
    assert.equal(map.deleteKeys(new Uint8Array(all.buffer), 101), 0);
    object.close();
  });

  it("deletes only as many as it is told", () => {
    const object = load();
    const map = object.map("percpu_hash");
    fill(map, 10);
    const all = new Uint8Array(Uint32Array.from({ length: 10 }, (_, i) => i).buffer);
    assert.equal(map.deleteKeys(all, 0), 0);
    assert.equal(map.deleteKeys(all, 4), 4);
    assert.deepEqual([...entries(map).keys()].sort(), [4, 5, 6, 7, 8, 9]);
    assert.throws(() => map.deleteKeys(all, 11), { name: "RangeError", message: /must be at most 10/u });
    object.close();
  });

  it("works where the map type has no batch call", () => {
    const object = load();
    const map = object.map("devices");
    map.set(u32(1), u32(loopback));
    map.set(u32(2), u32(loopback));
    const keys = new Uint8Array(Uint32Array.of(7, 1, 8, 2, 9).buffer);
    assert.equal(map.deleteKeys(keys, 3), 1);
    assert.deepEqual([map.readAll(), new Uint32Array(map.keys, 0, 1)[0]], [1, 2]);
    assert.equal(map.deleteKeys(keys, 5), 1);
    assert.equal(map.readAll(), 0);
    object.close();
  });

  it("says when the map's entries cannot be deleted", () => {
    const object = load();
    const error = nativeError(() => object.map("array").deleteKeys(u32(1), 1));
    assert.equal(error.code, "EINVAL");
    assert.equal(error.subject, "array");
    object.close();
  });
});

describe("gather and clear", () => {
  const words = (...values: number[]): Uint8Array => new Uint8Array(Uint32Array.of(...values).buffer);
  const gathered = (map: BpfMap, ...indexes: number[]): number[][] => {
    map.gather(Uint32Array.of(...indexes));
    return indexes.map((_, i) => [...new Uint32Array(map.values, 16 * i, 3)]);
  };

  it("read and zero the elements of a mapped array", () => {
    const object = load();
    const map = object.map("mapped");
    for (let key = 0; key < size; key++) {
      map.set(u32(key), words(key, key + 1, key + 2));
    }
    assert.deepEqual(gathered(map, size - 1, 0, 7, 7), [
      [size - 1, size, size + 1],
      [0, 1, 2],
      [7, 8, 9],
      [7, 8, 9],
    ]);
    map.clear(Uint32Array.of(7, 8));
    assert.deepEqual(gathered(map, 6, 7, 8, 9), [
      [6, 7, 8],
      [0, 0, 0],
      [0, 0, 0],
      [9, 10, 11],
    ]);
    map.seal(Uint32Array.of(9));
    assert.deepEqual(gathered(map, 9, 10), [
      [0xffffffff, 0xffffffff, 11],
      [10, 11, 12],
    ]);
    map.readAll();
    assert.deepEqual([...new Uint32Array(map.values, 12 * 6, 9)], [6, 7, 8, 0, 0, 0, 0, 0, 0]);
    map.gather(new Uint32Array(0));
    object.close();
  });

  it("refuse what is not there", () => {
    const object = load();
    const map = object.map("mapped");
    assert.throws(() => {
      map.gather(Uint32Array.of(0, size));
    }, /^RangeError: argument indexes must be below 20000, not 20000$/);
    assert.throws(() => {
      map.clear(Uint32Array.of(2 ** 32 - 1));
    }, RangeError);
    assert.throws(() => {
      map.gather(new Uint8Array(4) as unknown as Uint32Array);
    }, /^TypeError: argument indexes must be a Uint32Array$/);
    for (const name of ["hash", "array"]) {
      const error = nativeError(() => {
        object.map(name).gather(Uint32Array.of(0));
      });
      assert.equal(error.subject, name);
    }
    object.close();
    const { code } = nativeError(() => {
      map.gather(Uint32Array.of(0));
    });
    assert.equal(code, "ERINGTAP");
  });
});
