import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, it } from "node:test";

import { native, type BpfIterator } from "../../../src/binding/native.js";
import { compile, nativeError, u32, u64 } from "./fixture.js";

const fixture = compile("maps");
/** As maps.bpf.c has them; together more than the iterator's buffer. */
const entryBytes = 24;
const size = 20_000;

function load() {
  const object = native.open(fixture);
  object.load();
  return object;
}

/** One whole walk, as 32-bit words. */
function walk(iterator: BpfIterator, recordSize: number): Uint32Array {
  const words: number[] = [];
  for (let bytes = iterator.read(recordSize); bytes > 0; bytes = iterator.read(recordSize)) {
    assert.equal(bytes % recordSize, 0);
    words.push(...new Uint32Array(iterator.buffer, 0, bytes / 4));
  }
  return Uint32Array.from(words);
}

describe("an iterator over tasks", () => {
  it("finds this process and a child, each time anew", async () => {
    const object = load();
    const tasks = object.iterator("each_task");
    const groups = () => new Set(walk(tasks, 8).filter((_, i) => i % 2 === 1));
    const child = spawn("sleep", ["1000"]);
    const { pid } = child;
    assert(pid !== undefined);
    const during = groups();
    assert(during.has(process.pid));
    assert(during.has(pid));
    child.kill();
    await once(child, "exit");
    assert(!groups().has(pid));
    object.close();
  });
});

describe("an iterator whose program ends a piece", () => {
  /** In maps.bpf.c. */
  const pieceObjects = 64;

  it("hands over all in small pieces, some of them empty, and each object once", () => {
    const object = load();
    const iterator = object.iterator("few_entries", "array");
    const keys: number[] = [];
    let empty = 0;
    let pieces = 0;
    for (let bytes = iterator.read(8); bytes >= 0; bytes = iterator.read(8)) {
      pieces++;
      empty += bytes === 0 ? 1 : 0;
      for (let at = 0; at < bytes; at += 8) {
        keys.push(new Uint32Array(iterator.buffer, at, 1)[0] as number);
      }
    }
    assert.deepEqual(
      keys.toSorted((a, b) => a - b),
      Array.from({ length: size / 1000 }, (_, index) => index * 1000),
    );
    assert(pieces >= size / pieceObjects / 16 && empty > 0, `${pieces} pieces, ${empty} empty`);
    object.close();
  });
});

describe("an iterator over a map", () => {
  it("hands over every entry, in whole records", () => {
    const object = load();
    const map = object.map("hash");
    for (let key = 0; key < size; key++) {
      map.set(u32(key), u64(1, key + 5));
    }
    const iterator = object.iterator("each_entry", "hash");
    for (let round = 0; round < 2; round++) {
      const words = walk(iterator, entryBytes);
      assert.equal(words.length, (size * entryBytes) / 4);
      const keys = new Set<number>();
      for (let at = 0; at < words.length; at += entryBytes / 4) {
        const [key, checksum, ones, , number] = words.subarray(at, at + 6);
        assert(key !== undefined);
        assert.equal(checksum, key ^ 0x5a5a5a5a);
        assert.equal(ones, 1);
        assert.equal(number, key + 5);
        keys.add(key);
      }
      assert.equal(keys.size, size);
    }
    object.close();
  });

  it("goes on where a full buffer ended, and begins anew after rewind", () => {
    const object = load();
    const iterator = object.iterator("each_entry", "array");
    const whole = Math.floor(iterator.buffer.byteLength / entryBytes);
    assert(whole < size);
    const firstKey = () => new Uint32Array(iterator.buffer, 0, 1)[0];
    assert.equal(iterator.read(entryBytes), whole * entryBytes);
    assert.equal(firstKey(), 0);
    assert.equal(iterator.read(entryBytes), (size - whole) * entryBytes);
    assert.equal(firstKey(), whole);
    assert.equal(iterator.read(entryBytes), -1);
    assert.equal(iterator.read(entryBytes), whole * entryBytes);
    iterator.rewind();
    assert.equal(iterator.read(entryBytes), whole * entryBytes);
    assert.equal(firstKey(), 0);
    iterator.rewind();
    iterator.rewind();
    for (let first = 0; first < 3000; first += 1000) {
      assert.equal(iterator.read(entryBytes, 1000), 1000 * entryBytes);
      assert.equal(firstKey(), first);
    }
    object.close();
  });

  it("needs its map", () => {
    const object = load();
    const error = nativeError(() => object.iterator("each_entry"));
    assert.equal(error.subject, "each_entry");
    assert.equal(error.code, "EBADF");
    assert.match(nativeError(() => object.iterator("each_entry", "nope")).message, /no map "nope"/u);
    object.close();
  });
});

describe("read", () => {
  it("refuses a size that the program does not write", () => {
    const object = load();
    const iterator = object.iterator("each_entry", "array");
    assert.match(nativeError(() => walk(iterator, 28)).message, /bytes are no whole number of records of 28 bytes$/u);
    for (const size of [0, iterator.buffer.byteLength + 1]) {
      assert.throws(() => iterator.read(size), { name: "RangeError", message: /argument recordSize must be from 1/u });
    }
    assert.throws(() => iterator.read(-1), { name: "RangeError" });
    assert.equal(walk(iterator, entryBytes).length, (size * entryBytes) / 4);
    object.close();
  });
});

describe("a program", () => {
  it("is an iterator or attached, not both", () => {
    const object = load();
    assert.match(nativeError(() => object.attach("each_task")).message, /it is an iterator$/u);
    assert.equal(nativeError(() => object.iterator("on_enter")).subject, "on_enter");
    object.close();
  });
});
