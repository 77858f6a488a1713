/** Names of DNS questions, by records as the kernel hands them over. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Names, nameText } from "../../../src/signals/l7/names.js";
import { L7Event, L7Path } from "../../../src/signals/l7/records.js";

function wire(name: string): Buffer {
  const labels = name
    .split(".")
    .map((text) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text, "latin1")]));
  return Buffer.concat([...labels, Buffer.from([0])]);
}

/** A record of a question; `rubbish` is what lies behind the name. */
function record(bytes: Buffer, { comm = 1, role = 1, rubbish = 0 } = {}) {
  const padded = Buffer.alloc(80, rubbish);
  bytes.copy(padded);
  return {
    ...{ role, pathKind: L7Path.whole, tgid: 1, comm: "asking", cgroup: 0 },
    length: L7Event.size,
    path: (index: number) => padded.readUInt32LE(4 * index),
    copyActor(key: Uint32Array): void {
      key.fill(0);
      key[1] = comm;
    },
    isActor: () => false,
  };
}

describe("names of questions", () => {
  it("are the same in either case, whatever lies behind them", () => {
    const names = new Names({ areWanted: true, limit: 10 });
    const texts = ["Www.EXAMPLE.com", "www.example.com", "wWW.eXample.cOM"].map((name, rubbish) =>
      names.text(names.of(record(wire(name), { rubbish }))),
    );
    assert.deepEqual(texts, Array(3).fill("www.example.com"));
    const every = Array.from({ length: 63 }, (_, n) => String.fromCharCode(0x40 + n)).join("");
    assert.equal(names.text(names.of(record(wire(every)))), nameText(wire(every.toLowerCase()), 65));
  });

  it("are so many of each program, which has those that it has had; others are one", () => {
    const names = new Names({ areWanted: true, limit: 2 });
    const text = (name: string, comm = 1): string => names.text(names.of(record(wire(name), { comm })));
    assert.deepEqual(
      ["a", "b", "c", "a", "d", "b"].map((name) => text(name)),
      ["a", "b", "~other", "a", "~other", "b"],
    );
    assert.deepEqual([text("c", 2), text("a", 2), text("b", 2)], ["c", "a", "~other"]);
    assert.equal(names.text(names.of(record(wire("c"), { comm: 1, role: 0 }))), "c");
  });

  it("are at most 4,096, and those of 128 programs at once: the one met longest ago gives way", () => {
    const names = new Names({ areWanted: true, limit: 1000 });
    const text = (name: string, comm: number): string => names.text(names.of(record(wire(name), { comm })));
    for (let comm = 0; comm < 300; comm++) {
      assert.equal(text("shared", comm), "shared");
    }
    const all = new Set(Array.from({ length: 5000 }, (_, n) => text(`n${n}`, 1000 + (n % 10))));
    assert.equal(all.size, 4096 - 2);
    assert(all.has("~other"));
    assert.equal(text("n1", 1001), "n1");
  });

  it("are none where there is no name, or what is none", () => {
    const names = new Names({ areWanted: true, limit: 10 });
    const none = { ...record(wire("a")), pathKind: L7Path.none };
    assert.deepEqual([names.text(names.of(none)), names.textOf(none)], ["~unknown", undefined]);
    const cut = { ...record(wire("a")), length: L7Event.size - 8 };
    assert.deepEqual([names.text(names.of(cut)), names.textOf(cut)], ["~unknown", undefined]);
    const pointer = record(Buffer.from([1, 0x61, 0xc0, 0x0c]));
    assert.deepEqual([names.text(names.of(pointer)), names.textOf(pointer)], ["~unknown", undefined]);
    const long = record(wire(`${"x".repeat(63)}.${"y".repeat(20)}.z`));
    assert.deepEqual([names.text(names.of(long)), names.textOf(long)], ["~other", `${"x".repeat(63)}.*`]);
  });

  it("are written as in zone files", () => {
    const shown = (bytes: readonly number[]): string => nameText(Uint8Array.from([bytes.length, ...bytes, 0]), 99);
    assert.equal(shown([0x2e, 0x5c, 0, 0x20, 0x7f, 0xff, 0x22]), '\\.\\\\\\000\\032\\127\\255\\"');
    assert.equal(nameText(Uint8Array.from([0]), 1), ".");
  });
});
