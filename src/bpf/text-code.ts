/** Instructions that copy texts out of kernel memory, filled up with zeros. */
import type { Assembler, Variable } from "./assembler.js";
import { helpers } from "./helpers.js";
import type { TextNode } from "./nodes.js";

/** Where a text is to be written: an offset from a pointer, or of the frame. */
export interface Target {
  readonly base: Variable | undefined;
  readonly offset: number;
}

/** 1 and 128 in each of 8 bytes. */
const ones = 0x0101010101010101n;
const highs = 0x8080808080808080n;

/** Copies a text with the helper that stops at its zero. */
export function readText(
  assembler: Assembler,
  { offset: plus, length, size, isUser }: TextNode,
  pointer: Variable,
  { base, offset }: Target,
): void {
  for (let at = 0; at < size; at += 8) {
    assembler.store(base, offset + at, 8, { number: 0 });
  }
  const end = assembler.label();
  assembler.jump("eq", pointer, { number: 0 }, end);
  const to = base === undefined ? { frame: offset } : { variable: base, plus: offset };
  assembler.perform(
    isUser ? helpers.readUserText : helpers.readKernelText,
    to,
    { number: length },
    { variable: pointer, plus },
  );
  assembler.place(end);
}

/** The same without the helper: {@link Compiler} says what `struct` is. */
export function castText(
  assembler: Assembler,
  { offset: plus, length, size }: TextNode,
  pointer: Variable,
  { base, offset }: Target,
  struct: number,
): void {
  for (let at = 0; at < size; at += 8) {
    assembler.store(base, offset + at, 8, { number: 0 });
  }
  const end = assembler.label();
  assembler.jump("eq", pointer, { number: 0 }, end);
  // The last byte is a zero in any case.
  for (let at = 0; at < length - 1; at += 8) {
    const word = assembler.variable();
    assembler.load(
      word,
      assembler.call(helpers.cast, { variable: pointer, plus: plus + at }, { number: struct }),
      0,
      8,
    );
    if (at + 8 > length - 1) {
      assembler.alu("and", word, assembler.number((1n << BigInt(8 * (length - 1 - at))) - 1n));
    }
    const [one, high] = [assembler.number(ones), assembler.number(highs)];
    // Of the bytes that are zero, the first gets its highest bit, and no byte before it.
    const zero = assembler.copy(word);
    assembler.alu("sub", zero, one);
    const inverse = assembler.copy(word);
    assembler.alu("xor", inverse, { number: -1 });
    assembler.alu("and", zero, inverse);
    assembler.alu("and", zero, high);
    const whole = assembler.label();
    assembler.jump("eq", zero, { number: 0 }, whole);
    const first = assembler.copy(zero);
    assembler.alu("neg", first, { number: 0 });
    assembler.alu("and", first, zero);
    assembler.alu("shr", first, { number: 7 });
    assembler.alu("sub", first, { number: 1 });
    assembler.alu("and", word, first);
    assembler.store(base, offset + at, 8, word);
    assembler.goto(end);
    assembler.place(whole);
    assembler.store(base, offset + at, 8, word);
  }
  assembler.place(end);
}

/** Loads an array of characters by words; what is behind the first zero is whatever was there before. */
export function loadText(
  assembler: Assembler,
  { base: from, offset: plus, size }: TextNode,
  pointer: Variable,
  { base, offset }: Target,
): void {
  // Of what has been cast, the loads themselves give 0 where nothing is.
  const isSafe = from.is === "typed";
  const words = Array.from({ length: size / 8 }, () => (isSafe ? assembler.variable() : assembler.number(0)));
  const end = assembler.label();
  if (!isSafe) {
    assembler.jump("eq", pointer, { number: 0 }, end);
  }
  words.forEach((word, index) => {
    assembler.load(word, pointer, plus + 8 * index, 8);
  });
  assembler.place(end);
  const [one, high] = [assembler.number(ones), assembler.number(highs)];
  /** All ones until a zero has been found. */
  let all: Variable | undefined;
  words.forEach((word, index) => {
    // Of the bytes that are zero, the first gets its highest bit, and no byte before it.
    const zero = assembler.copy(word);
    assembler.alu("sub", zero, one);
    const inverse = assembler.copy(word);
    assembler.alu("xor", inverse, { number: -1 });
    assembler.alu("and", zero, inverse);
    assembler.alu("and", zero, high);
    const first = assembler.copy(zero);
    assembler.alu("neg", first, { number: 0 });
    assembler.alu("and", first, zero);
    assembler.alu("shr", first, { number: 7 });
    // Ones below that bit: all where there is none.
    assembler.alu("sub", first, { number: 1 });
    assembler.alu("and", word, first);
    if (all !== undefined) {
      assembler.alu("and", word, all);
    }
    assembler.store(base, offset + 8 * index, 8, word);
    if (index + 1 < words.length) {
      // zero has a bit set exactly when there is a zero: -(zero != 0) inverted.
      const none = assembler.copy(zero);
      assembler.alu("shr", none, { number: 1 });
      assembler.alu("sub", none, { number: 1 });
      assembler.alu("shrSigned", none, { number: 63 });
      if (all !== undefined) {
        assembler.alu("and", none, all);
      }
      all = none;
    }
  });
}
