/** What a signal from JavaScript must not be, in the words that its author reads. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkSignal } from "../../src/engine/signal-shape.js";
import { flagFaultOf } from "../../src/engine/flag-fault.js";
import { defaultFlags } from "../../src/engine/load.js";
import { wholeNumber } from "../../src/sdk/flag-values.js";
import { single, toggle } from "../../src/sdk/flags.js";
import type { AnySignal } from "../../src/sdk/signal.js";
import { file } from "../../src/signals/file/signal.js";

const level = single("level", "<n>", "a level", "1", wholeNumber(1, 9));
const escape = "\u001b[31m";

describe("the shape of a signal", () => {
  it("is that of a built-in one", () => {
    checkSignal(file);
    checkSignal({
      ...file,
      syscalls: ["close"],
      flags: { level },
      optional: { file_opened: "paths" },
      hooks: [{ name: "a", without: [] }],
    });
  });

  const wrong: Readonly<Record<string, readonly [object, RegExp]>> = {
    "a summary with an escape": [{ summary: `${escape}x` }, /^summary: "\\u001b\[31mx": want one line$/],
    "a flag's help with a new line": [
      { flags: { level: { ...level, help: "a\nb" } } },
      /^flag level: want one made by/,
    ],
    "a flag of another kind": [{ flags: { level: { ...level, kind: "x" } } }, /^flag "level": kind "x": want one made/],
    "a flag's placeholder with an escape": [
      { flags: { level: { ...level, placeholder: escape } } },
      /^flag "level": kind/,
    ],
    "a flag's words that are none": [
      { flags: { level: { ...level, words: 5 } } },
      /^flag "level": its default and words/,
    ],
    "a flag that another one turns off": [
      { flags: { on: toggle("loud", "loud"), off: single("no-loud", "<n>", "x", "1", Number) } },
      /^flag no-loud: --no-<signal>\.loud turns the flag "loud" off: want another name$/,
    ],
    "two flags of one variable": [
      { flags: { a: { ...level, name: "a-b" }, b: { ...level, name: "a.b" } } },
      /^flag b: its name "a\.b" has the environment variable of another flag$/,
    ],
    "optional that is a list": [{ optional: ["x"] }, /^optional: want a table of what is lost/],
    "optional with numbers": [{ optional: { file_opened: 5 } }, /^optional: want a table/],
    "syscalls that are a text": [{ syscalls: "close" }, /^syscalls: want a list of names of system calls/],
    "syscalls without a name": [{ syscalls: [] }, /^syscalls: want a list of names of system calls/],
    "a system call that there is not": [
      { syscalls: ["close", "clsoe"] },
      /^syscalls: system call "clsoe": there is none of this name$/,
    ],
    "hooks without a name": [{ hooks: [{ without: [] }] }, /^hooks: want a list of \{ name, without \}/],
    "hooks with programs for 32-bit callers that are no list": [
      { hooks: [{ name: "a", without: [], compat: "fexit/" }] },
      /^hooks: want a list of \{ name, without \}/,
    ],
    "two hooks of one name": [
      {
        hooks: [
          { name: "a", without: [] },
          { name: "a", without: [] },
        ],
      },
      /^hooks: the name "a" is that of two hook sets$/,
    ],
    "a shortest record that is no number": [
      { ring: { ...file.ring, shortest: NaN } },
      /^ring: shortest: NaN: want whole/,
    ],
    "a shortest record of no bytes": [
      { ring: { ...file.ring, shortest: 0 } },
      /^ring: shortest: 0: want whole bytes from 8/,
    ],
    "a shortest record that is too long": [{ ring: { ...file.ring, shortest: 1e6 } }, /^ring: shortest: 1000000: want/],
    "columns of a trace that are none": [{ trace: { ...file.trace, columns: [5] } }, /^trace: columns: want a list/],
    "failed of a trace that is none": [{ trace: { ...file.trace, failed: true } }, /^trace: failed: want a function$/],
  };
  for (const [what, [change, reason]] of Object.entries(wrong)) {
    it(`is not ${what}`, () => {
      assert.throws(
        () => {
          checkSignal({ ...file, ...change });
        },
        ({ message }: Error) => reason.test(message) && !message.includes("\n"),
      );
    });
  }
});

describe("whether flags go together", () => {
  const said = (validate: () => unknown): unknown => {
    const signal = { ...file, flags: { level }, validate } as AnySignal;
    return flagFaultOf(signal, defaultFlags(signal));
  };

  it("is told by the signal, in one line", () => {
    assert.equal(
      said(() => undefined),
      undefined,
    );
    assert.deepEqual(
      said(() => ({ flag: "level", problem: "is\nbad" })),
      { flag: "level", problem: "is\\nbad" },
    );
  });

  it("is an error of the signal, which is named, when that throws or answers nonsense", () => {
    const thrower = (): never => {
      throw new TypeError("no");
    };
    assert.throws(() => said(thrower), /^Error: signal file: validate: no$/);
    assert.throws(() => said(() => 5), /^Error: signal file: validate: want \{ flag, problem \}/);
    assert.throws(() => said(() => ({ flag: "level" })), /want \{ flag, problem \}/);
    assert.throws(() => said(() => ({ flag: "toString", problem: "x" })), /validate: "toString" is the key of none/);
  });
});
