import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import protobuf from "protobufjs";
import { longestNumberField, messageRoom, ProtobufWriter, textRoom } from "../../../src/exposition/protobuf/writer.js";

const schema = `
syntax = "proto2";
message Every {
  optional uint64 uint = 1;
  optional sint64 sint = 2;
  optional double double = 15;
  optional string text = 16;
  optional Every inner = 17;
}`;

interface Every {
  readonly uint: number;
  readonly sint: number;
  readonly double: number;
  readonly text: string;
  readonly inner?: Every | undefined;
}

const EveryType = protobuf.parse(schema).root.lookupType("Every");

const every = fc.letrec<{ every: Every }>((tie) => ({
  every: fc.record({
    uint: fc.oneof(fc.maxSafeNat(), fc.nat(300)),
    sint: fc.integer({ min: -(2 ** 52), max: 2 ** 52 }),
    double: fc.double(),
    text: fc.string({ unit: "binary", maxLength: 200 }),
    inner: fc.option(tie("every"), { nil: undefined, depthSize: "medium" }),
  }),
})).every;

function room({ text, inner }: Every): number {
  return 3 * longestNumberField + textRoom(text) + messageRoom + (inner === undefined ? 0 : room(inner));
}

function write(out: ProtobufWriter, message: Every): void {
  out.uint(1, message.uint);
  out.sint(2, message.sint);
  out.double(15, message.double);
  out.text(16, message.text);
  if (message.inner !== undefined) {
    const start = out.begin(17);
    write(out, message.inner);
    out.end(start);
  }
}

test("messages are those that a library writes, byte for byte, in the room that was said", () => {
  fc.assert(
    fc.property(every, (message) => {
      const out = new ProtobufWriter(room(message));
      write(out, message);
      const expected = EveryType.encode(EveryType.fromObject(message)).finish();
      assert.deepEqual(out.rest(), Buffer.from(expected));
      assert.ok(expected.length <= room(message));
    }),
    { numRuns: 2000 },
  );
});

test("lengths around those that take another byte", () => {
  for (const length of [0, 1, 126, 127, 128, 129, 16_383, 16_384, 2_097_151, 2_097_152]) {
    const text = "x".repeat(length);
    const out = new ProtobufWriter(2 * textRoom(text));
    const start = out.begin(17);
    out.text(16, text);
    out.end(start);
    const expected = EveryType.encode(EveryType.fromObject({ inner: { text } })).finish();
    assert.deepEqual(out.rest(), Buffer.from(expected), `${length}`);
  }
});
