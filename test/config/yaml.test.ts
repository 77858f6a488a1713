import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { stringify } from "yaml";
import { isYamlMapping, parseYaml, type Refuse, type YamlMapping, type YamlOptions } from "../../src/config/yaml.js";

class Refusal extends Error {
  override readonly name = "Refusal";
}

const refuse: Refuse = (line, problem) => {
  throw new Refusal(`line ${line}: ${problem}`);
};

type Plain = string | readonly string[] | undefined | { readonly [key: string]: Plain };

function plain(mapping: YamlMapping): Plain {
  return Object.fromEntries(
    Array.from(mapping, ([key, { value }]) => [key, isYamlMapping(value) ? plain(value) : value]),
  );
}

function read(text: string, options?: YamlOptions): Plain {
  return plain(parseYaml(text, refuse, options));
}

test("values are texts as they are written, lists of them, keys of their own, or nothing", () => {
  const text = "a: 010\nb: [yes, 1.50, 'x y']\nc: {d: true, e: }\n1: |\n  two\n  lines\nf: []\n";
  assert.deepEqual(read(text), {
    a: "010",
    b: ["yes", "1.50", "x y"],
    c: { d: "true", e: undefined },
    1: "two\nlines\n",
    f: [],
  });
});

test("the line of a key is where it stands, below comments and in lists as well", () => {
  const lines = (mapping: YamlMapping): number[] =>
    [...mapping.values()].flatMap(({ line, value }) => [line, ...(isYamlMapping(value) ? lines(value) : [])]);
  assert.deepEqual(
    lines(parseYaml("# one\na: 1\n\nb:\n  c:\n  - 1\n  - 2\n  d: {e: 1,\n    f: 2}\n", refuse)),
    [2, 4, 5, 8, 8, 9],
  );
});

test("a file of nothing, of comments or of a mark alone has no keys", () => {
  for (const text of ["", "\n", "# a: 1\n", "---\n", "\ufeff"]) {
    assert.deepEqual(read(text), {});
  }
});

test("an alias stands for what it names", () => {
  const text = "a: &x 1\nb: *x\nc: &y [*x, 2]\nd: *y\n";
  assert.deepEqual(read(text), { a: "1", b: "1", c: ["1", "2"], d: ["1", "2"] });
});

describe("refused, with the line", () => {
  for (const [text, message] of [
    ["a\n", "line 1: expected keys with values"],
    ["# c\n- a\n", "line 2: expected keys with values"],
    ["null\n", "line 1: expected keys with values"],
    ["''\n", "line 1: expected keys with values"],
    ["a: 1\nb: 2\na: 3\n", "line 3: a: set in line 1 already"],
    ["a:\n  1: x\n  '1': y\n", "line 3: a.1: set in line 2 already"],
    ["a: 1\nb: [[c]]\n", "line 2: b: expected a value or a list of values"],
    ["a: [1, ]\nb: [~]\n", "line 2: b: expected a value or a list of values"],
    ["a: [{b: c}]\n", "line 1: a: expected a value or a list of values"],
    ["? [a]\n: b\n", "line 1: expected a key of plain text"],
    [": a\n", "line 1: expected a key of plain text"],
    ["a: 1\n---\nb: 2\n", "line 2: expected one document, not several separated by ---"],
    ["a: 1\nb: !mine 2\n", "line 2: Unresolved tag: !mine"],
    ["%MINE 1\n---\na: 1\n", "line 1: Unknown directive %MINE"],
    ["[".repeat(1_000_000), "line 1: lists and keys are nested more than 16 deep"],
    ["- ".repeat(500_000), "line 1: lists and keys are nested more than 16 deep"],
    ["? ".repeat(500_000), "line 1: lists and keys are nested more than 16 deep"],
    [
      Array.from({ length: 500 }, (_, depth) => `${" ".repeat(depth)}a:\n`).join(""),
      "line 1: lists and keys are nested more than 16 deep",
    ],
  ] as const) {
    test(JSON.stringify(text.slice(0, 40)), () => {
      assert.throws(() => read(text), { message });
    });
  }
});

test("an alias of keys, of nothing or of itself is refused", () => {
  for (const text of ["a: &x {b: *x}\n", "a: &x [*x]\n", "a: &x {b: c}\nd: *x\n", "a: *x\nb: &x 1\n"]) {
    assert.throws(() => read(text), /^Refusal: line \d: [a-d.]+: expected a value or a list of values$/);
  }
});

test("what a library writes is read back", () => {
  const value = fc.oneof(fc.string(), fc.array(fc.string(), { maxLength: 3 }));
  const tree = fc.dictionary(
    fc.string(),
    fc.oneof(value, fc.dictionary(fc.string(), value, { maxKeys: 3, noNullPrototype: true })),
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(tree, (written) => {
      assert.deepEqual(read(stringify(written)), written);
    }),
    { numRuns: 500 },
  );
});

test("any text is read or refused in one line", () => {
  const fragment = fc.constantFrom(
    "a",
    "b:",
    ": ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    "&x ",
    "*x",
    "!!str ",
    "\n",
    "  ",
    "'",
    "|",
    "? ",
    "---",
  );
  fc.assert(
    fc.property(fc.array(fragment, { maxLength: 30 }), (fragments) => {
      try {
        read(fragments.join(""));
      } catch (error) {
        assert.ok(error instanceof Refusal, String(error));
        assert.match(error.message, /^line [1-9]\d*: [^\n]+$/);
      }
    }),
    { numRuns: 2000 },
  );
});
