/** Random expressions of `ringtap/bpf`, computed in the kernel and by an interpreter. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import fc from "fast-check";
import { cast, type Condition, type Num, type Operand, tracepoint, when } from "../../../src/bpf/index.js";
import { at, attach } from "../support/built-signal.js";
import { compileProgram, runProgram } from "../support/program.js";

/** Makes a system call that no kernel has, with arguments that are given as 64-bit numbers. */
const source = `
#include <stdlib.h>
#include <unistd.h>
#include <sys/syscall.h>
int main(int argc, char **argv)
{
	for (int i = 1; i + 2 < argc; i += 3)
		syscall(NUMBER, strtoull(argv[i], NULL, 10), strtoull(argv[i + 1], NULL, 10),
			strtoull(argv[i + 2], NULL, 10));
	return 0;
}`;
const callNumber = 4000;

/** The registers of the first three arguments. */
const registers: Readonly<Record<string, readonly (readonly string[])[]>> = {
  x64: [["di"], ["si"], ["dx"]],
  arm64: ["0", "1", "2"].map((index) => ["regs", index]),
};

const types = ["u8", "u16", "u32", "u64", "s8", "s16", "s32", "s64"] as const;
const arithmetic = ["add", "sub", "mul", "div", "mod", "bitAnd", "bitOr", "bitXor"] as const;
const comparisons = ["eq", "ne", "lt", "le", "gt", "ge"] as const;

type Tree =
  | { readonly is: "input"; readonly index: number; readonly type: (typeof types)[number] }
  | { readonly is: "constant"; readonly value: bigint }
  | {
      readonly is: "arithmetic";
      readonly operation: (typeof arithmetic)[number];
      readonly left: Tree;
      readonly right: Tree;
    }
  | { readonly is: "shift"; readonly to: "shl" | "shr"; readonly of: Tree; readonly bits: number }
  | { readonly is: "cast"; readonly of: Tree; readonly type: (typeof types)[number] }
  | { readonly is: "when"; readonly condition: Test; readonly yes: Tree; readonly no: Tree };
type Test =
  | { readonly is: "compare"; readonly by: (typeof comparisons)[number]; readonly left: Tree; readonly right: Tree }
  | { readonly is: "and" | "or"; readonly left: Test; readonly right: Test }
  | { readonly is: "not"; readonly of: Test };

const edges = [
  0n,
  1n,
  2n,
  127n,
  128n,
  255n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
];
const word = fc.oneof(
  fc.constantFrom(...edges),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.bigInt({ min: 0n, max: 300n }),
);

const { tree } = fc.letrec<{ tree: Tree; test: Test }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4, depthIdentifier: "tree" },
    fc.record({ is: fc.constant("input" as const), index: fc.nat(2), type: fc.constantFrom(...types) }),
    fc.record({ is: fc.constant("constant" as const), value: fc.oneof(word, fc.bigInt({ min: -300n, max: -1n })) }),
    fc.record({
      is: fc.constant("arithmetic" as const),
      operation: fc.constantFrom(...arithmetic),
      left: tie("tree"),
      right: tie("tree"),
    }),
    fc.record({
      is: fc.constant("shift" as const),
      to: fc.constantFrom("shl" as const, "shr" as const),
      of: tie("tree"),
      bits: fc.nat(63),
    }),
    fc.record({ is: fc.constant("cast" as const), of: tie("tree"), type: fc.constantFrom(...types) }),
    fc.record({ is: fc.constant("when" as const), condition: tie("test"), yes: tie("tree"), no: tie("tree") }),
  ),
  test: fc.oneof(
    { maxDepth: 3, depthIdentifier: "tree" },
    fc.record({
      is: fc.constant("compare" as const),
      by: fc.constantFrom(...comparisons),
      left: tie("tree"),
      right: tie("tree"),
    }),
    fc.record({ is: fc.constantFrom("and" as const, "or" as const), left: tie("test"), right: tie("test") }),
    fc.record({ is: fc.constant("not" as const), of: tie("test") }),
  ),
}));

/** A number as the language defines it. */
interface Value {
  readonly number: bigint;
  readonly signed: boolean;
}

/** The number that 64 bits stand for. */
function wrapped(bits: bigint, signed: boolean): Value {
  return { number: signed ? BigInt.asIntN(64, bits) : BigInt.asUintN(64, bits), signed };
}

function taken(number: bigint, type: (typeof types)[number]): Value {
  const signed = type.startsWith("s");
  const bits = Number(type.slice(1));
  return { number: signed ? BigInt.asIntN(bits, number) : BigInt.asUintN(bits, number), signed };
}

function computed(operation: (typeof arithmetic)[number], left: Value, right: Value): Value {
  const signed = left.signed || right.signed;
  const [a, b] = [wrapped(left.number, signed).number, wrapped(right.number, signed).number];
  switch (operation) {
    case "add":
      return wrapped(a + b, signed);
    case "sub":
      return wrapped(a - b, true);
    case "mul":
      return wrapped(a * b, signed);
    case "div":
      return wrapped(b === 0n ? 0n : a / b, signed);
    case "mod":
      return wrapped(b === 0n ? a : a % b, signed);
    case "bitAnd":
      return wrapped(a & b, signed);
    case "bitOr":
      return wrapped(a | b, signed);
    case "bitXor":
      return wrapped(a ^ b, signed);
  }
}

function valueOf(expression: Tree, inputs: readonly bigint[]): Value {
  switch (expression.is) {
    case "input":
      return taken(inputs[expression.index] ?? 0n, expression.type);
    case "constant":
      return { number: expression.value, signed: expression.value < 0n };
    case "arithmetic":
      return computed(expression.operation, valueOf(expression.left, inputs), valueOf(expression.right, inputs));
    case "shift": {
      const { number, signed } = valueOf(expression.of, inputs);
      const bits = BigInt(expression.bits);
      return wrapped(expression.to === "shl" ? number << bits : number >> bits, signed);
    }
    case "cast":
      return taken(valueOf(expression.of, inputs).number, expression.type);
    case "when": {
      const [yes, no] = [valueOf(expression.yes, inputs), valueOf(expression.no, inputs)];
      return wrapped((holds(expression.condition, inputs) ? yes : no).number, yes.signed || no.signed);
    }
  }
}

function holds(test: Test, inputs: readonly bigint[]): boolean {
  switch (test.is) {
    case "and":
      return holds(test.left, inputs) && holds(test.right, inputs);
    case "or":
      return holds(test.left, inputs) || holds(test.right, inputs);
    case "not":
      return !holds(test.of, inputs);
    case "compare": {
      const [a, b] = [valueOf(test.left, inputs).number, valueOf(test.right, inputs).number];
      return { eq: a === b, ne: a !== b, lt: a < b, le: a <= b, gt: a > b, ge: a >= b }[test.by];
    }
  }
}

function built(expression: Tree, inputs: readonly Num[]): Num {
  switch (expression.is) {
    case "input":
      return cast(inputs[expression.index] as Num, expression.type);
    case "constant":
      return cast(expression.value, expression.value < 0n ? "s64" : "u64");
    case "arithmetic":
      return built(expression.left, inputs)[expression.operation](operand(expression.right, inputs));
    case "shift":
      return built(expression.of, inputs)[expression.to](expression.bits);
    case "cast":
      return cast(built(expression.of, inputs), expression.type);
    case "when":
      return when(
        condition(expression.condition, inputs),
        operand(expression.yes, inputs),
        operand(expression.no, inputs),
      );
  }
}

/** A constant as itself: it is compiled in another way than a variable with its value. */
function operand(expression: Tree, inputs: readonly Num[]): Operand {
  return expression.is === "constant" ? expression.value : built(expression, inputs);
}

function condition(test: Test, inputs: readonly Num[]): Condition {
  switch (test.is) {
    case "and":
      return condition(test.left, inputs).and(condition(test.right, inputs));
    case "or":
      return condition(test.left, inputs).or(condition(test.right, inputs));
    case "not":
      return condition(test.of, inputs).not();
    case "compare":
      return built(test.left, inputs)[test.by](operand(test.right, inputs));
  }
}

describe("bpf expressions", () => {
  it("give in the kernel what an interpreter gives", async (t) => {
    const program = compileProgram("rt-bpf-words", source, [`-DNUMBER=${callNumber}`]);
    const places = registers[process.arch] ?? [];
    const triples = fc.uniqueArray(fc.tuple(word, word, word), { minLength: 12, maxLength: 12, selector: String });
    await fc.assert(
      fc.asyncProperty(fc.array(tree, { minLength: 8, maxLength: 8 }), triples, async (trees, inputs) => {
        const closing: (() => void)[] = [];
        const signal = tracepoint("sys_enter", (e, h) => {
          const words = places.map((path) => cast(at<Num>(e, "regs", ...path), "u64"));
          const values = trees.map((expression, index) => [`v${index}`, built(expression, words)] as const);
          const given = words.map((value, index) => [`i${index}`, value] as const);
          return {
            name: "words",
            where: at<Num>(e, "id").eq(callNumber).and(h.comm.eq("rt-bpf-words")),
            owner: "none",
            count: { by: Object.fromEntries([...given, ...values]) },
          };
        });
        try {
          const attached = attach({ ...t, after: (close) => closing.push(close) }, signal);
          await runProgram(program, inputs.flat().map(String));
          const series = await attached.series("words_total");
          const expected = inputs.map((triple) => {
            const given = triple.map((value, index) => [`i${index}`, `${value}`] as const);
            const values = trees.map(
              (expression, index) => [`v${index}`, `${valueOf(expression, triple).number}`] as const,
            );
            return [Object.fromEntries([...given, ...values]), 1];
          });
          const text = (all: readonly unknown[]): string[] => all.map((each) => JSON.stringify(each)).sort();
          assert.deepEqual(text(series), text(expected));
        } finally {
          closing.forEach((close) => close());
        }
      }),
      { numRuns: 25 },
    );
  });
});
