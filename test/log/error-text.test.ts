/** Whatever has been thrown, there is a text for it: short, in one line, and never another error. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { describeError, foreignError, messagesOf } from "../../src/log/error-text.js";

const hostile: Readonly<Record<string, unknown>> = {
  "an object without a prototype": Object.create(null) as unknown,
  "a message that throws": Object.defineProperty(new Error("x"), "message", {
    get() {
      throw new Error("again");
    },
  }),
  "a message that is no string": Object.defineProperty(new Error("x"), "message", { value: 5 }),
  null: null,
  "a symbol": Symbol("x"),
  "a huge text": new Error("\x1b[31mx\n".repeat(1e6)),
};

for (const [what, error] of Object.entries(hostile)) {
  it(`has a text for ${what}`, () => {
    for (const text of [describeError(error), messagesOf(error), foreignError("doing", error).message]) {
      assert(text.length < 50_000);
      assert(!text.includes("\n") && !text.includes("\x1b"));
    }
  });
}

it("follows causes, but not for ever", () => {
  const error = new Error("a");
  error.cause = error;
  assert.equal(describeError(error), "a");
  assert.equal(messagesOf(new Error("a", { cause: new TypeError("b") })), "a: b");
});
