/** The values that a builder's expressions are made of: numbers, conditions and texts, with what can be done to them. */
import { quote } from "../log/logger-text.js";
import { suggestion } from "../config/suggest.js";
import type { Jump, Operation, Size } from "./assembler.js";
import { KernelError, lacking } from "./lacking.js";
import * as nodes from "./nodes.js";
import type { Node, TextNode } from "./nodes.js";

/** What a number is besides its bits. */
export interface Shape {
  readonly size: Size;
  readonly signed: boolean;
  /** Of an enum: its values by name, and what C calls it. */
  readonly names?: ReadonlyMap<string, bigint> | undefined;
  readonly enum?: string | undefined;
}

const whole: Shape = { size: 8, signed: false };

/** What a number can be combined with. */
export type Operand = Num<string> | Condition | number | bigint;

/** The longest text, bytes: half of a program's stack. */
export const longestText = 256;

function badNumber(value: unknown): never {
  throw new TypeError(`${described(value)}: expected a whole number, or a number of the kernel's`);
}

/** What a value is, for messages. */
export function described(value: unknown): string {
  if (value instanceof Text || value instanceof Num) {
    return value instanceof Text ? "a text of the kernel's" : "a number of the kernel's";
  }
  if (value instanceof Condition) {
    return "a condition";
  }
  return typeof value === "object" && value !== null ? "a struct or an object" : quote(String(value));
}

/** Values are known when the event fires: what JavaScript's own operators would make of them means nothing. */
export function noPrimitive(what: string, methods: string): never {
  throw new TypeError(
    `${what} of the kernel's is known when the event happens, not when the signal is built: use ${methods} instead of JavaScript's own operators`,
  );
}

/** A signed comparison of the same kind. */
const signedJumps: Partial<Readonly<Record<Jump, Jump>>> = {
  gt: "gtSigned",
  ge: "geSigned",
  lt: "ltSigned",
  le: "leSigned",
};

/**
 * A whole number in the kernel: a field, an argument, or what was computed of them. Nothing is computed until the event fires; a pointer
 * that is null on the way to a field makes the field 0. Arithmetic has 64 bits and wraps around.
 */
export class Num<Names extends string = never> {
  /** @internal */
  readonly node: Node;
  /** @internal */
  readonly shape: Shape;
  /** The names of an enum's values: only for the compiler of types. */
  declare readonly names?: Names;

  /** @internal */
  constructor(node: Node, shape: Shape = whole) {
    this.node = node;
    this.shape = shape;
  }

  /** @internal */
  [Symbol.toPrimitive](): never {
    return noPrimitive("a number", "eq(), gt(), add() and the like");
  }

  /** Is it equal? An enum's value may be given by its name. */
  eq(other: Operand | Names): Condition {
    return this.#compare("eq", other);
  }
  /** Is it another one? */
  ne(other: Operand | Names): Condition {
    return this.#compare("ne", other);
  }
  /** Is it less? Exact for every pair of numbers, whatever their widths and signs. */
  lt(other: Operand | Names): Condition {
    return this.#compare("lt", other);
  }
  le(other: Operand | Names): Condition {
    return this.#compare("le", other);
  }
  gt(other: Operand | Names): Condition {
    return this.#compare("gt", other);
  }
  ge(other: Operand | Names): Condition {
    return this.#compare("ge", other);
  }

  add(other: Operand): Num {
    return this.#compute("add", other);
  }
  /** The difference, which is signed. */
  sub(other: Operand): Num {
    const { node } = this.#compute("sub", other);
    return new Num(node, { size: 8, signed: true });
  }
  mul(other: Operand): Num {
    return this.#compute("mul", other);
  }
  /** The quotient, towards 0; 0 for a division by 0. */
  div(other: Operand): Num {
    return this.#compute("div", other);
  }
  /** The remainder, with the sign of this number; this number itself for a division by 0. */
  mod(other: Operand): Num {
    return this.#compute("mod", other);
  }
  shl(bits: number): Num {
    return this.#shift("shl", bits);
  }
  /** Shifted right; the sign of a signed number stays. */
  shr(bits: number): Num {
    return this.#shift(this.shape.signed ? "shrSigned" : "shr", bits);
  }
  bitAnd(other: Operand): Num {
    return this.#compute("and", other);
  }
  bitOr(other: Operand): Num {
    return this.#compute("or", other);
  }
  bitXor(other: Operand): Num {
    return this.#compute("xor", other);
  }

  /** The number that is written instead of an operand. */
  #operand(other: Operand | Names): Num<string> {
    if (typeof other === "number" || typeof other === "bigint") {
      return literal(other);
    }
    if (other instanceof Condition) {
      return other.num();
    }
    if (other instanceof Num) {
      return other;
    }
    if (isStandIn(other)) {
      return literal(0);
    }
    const { names, enum: name } = this.shape;
    if (names === undefined || typeof other !== "string") {
      return badNumber(other);
    }
    const value = names.get(other);
    return value === undefined ? withoutValue(other, name, [...names.keys()]) : literal(value);
  }

  #compute(operation: Operation, other: Operand): Num {
    const right = this.#operand(other);
    const signed = this.shape.signed || right.shape.signed;
    return new Num(nodes.binary(operation, this.node, right.node, signed), { size: 8, signed });
  }

  #shift(operation: Operation, bits: number): Num {
    if (!Number.isInteger(bits) || bits < 0 || bits > 63) {
      throw new TypeError(`a shift by ${bits} bits: expected 0 to 63`);
    }
    const node = nodes.binary(operation, this.node, nodes.constant(BigInt(bits)));
    return new Num(node, { size: 8, signed: this.shape.signed });
  }

  #compare(jump: Jump, other: Operand | Names): Condition {
    const right = this.#operand(other);
    return asked(compared(jump, this, right));
  }
}

/** An enum of the kernel's may lack a value that others have; of names that a builder gives itself, it is a mistake. */
function withoutValue(value: string, name: string | undefined, names: readonly string[]): Num {
  const known = `${suggestion(value, names)}; it has ${listed(names)}`;
  if (name === undefined || running === undefined) {
    throw new TypeError(`${quote(value)}: no value of ${name === undefined ? "these" : `enum ${name}`}${known}`);
  }
  running.lacks.push(new KernelError(`enum ${name} has no value ${value} on this kernel${known}`));
  return literal(0);
}

function listed(names: readonly string[]): string {
  return names.length > 12 ? `${names.slice(0, 12).join(", ")} …` : names.join(", ");
}

/** Can it be 2^63 and more? */
function isHuge({ node, shape }: Num<string>): boolean {
  return node.is === "constant" ? node.value >= 2n ** 63n : shape.size === 8 && !shape.signed;
}

function isNegative({ node, shape }: Num<string>): boolean {
  return node.is === "constant" ? node.value < 0n : shape.signed;
}

function compared(jump: Jump, left: Num<string>, right: Num<string>): Node {
  const signed = signedJumps[jump];
  const zero = nodes.constant(0n);
  const plain = nodes.compare(jump, left.node, right.node);
  const [leftNegative, rightNegative] = [isNegative(left), isNegative(right)];
  if (!leftNegative && !rightNegative) {
    return plain;
  }
  if (!isHuge(left) && !isHuge(right)) {
    return signed === undefined ? plain : nodes.compare(signed, left.node, right.node);
  }
  // One is signed, the other may be 2^63 and more: what is negative is less than all of these.
  const negative = nodes.compare("ltSigned", leftNegative ? left.node : right.node, zero);
  const holds = jump === "ne" || (leftNegative ? jump === "lt" || jump === "le" : jump === "gt" || jump === "ge");
  return holds ? nodes.either(negative, plain) : nodes.both(nodes.not(negative), plain);
}

function literal(value: number | bigint): Num {
  if (typeof value !== "bigint" && !Number.isInteger(value)) {
    return badNumber(value);
  }
  const exact = BigInt(value);
  if (exact < -(2n ** 63n) || exact >= 2n ** 64n) {
    throw new TypeError(`${described(value)}: expected a number of 64 bits`);
  }
  if (typeof value !== "bigint" && !Number.isSafeInteger(value)) {
    throw new TypeError(
      `${described(value)}: JavaScript knows no number as large exactly: write it as a bigint, such as 0x7fffffffffffffffn`,
    );
  }
  return new Num(nodes.constant(exact), { size: 8, signed: exact < 0n });
}

/** Does it stand for what the kernel does not have? Nothing that it is part of comes to run. */
function isStandIn(value: unknown): value is Num & Text {
  return value === lacking;
}

/** Makes a number of a literal. */
export function numberOf(value: Operand): Num<string> {
  if (value instanceof Num) {
    return value;
  }
  return value instanceof Condition ? value.num() : literal(isStandIn(value) ? 0 : value);
}

/** The builder that runs: conditions that it has asked for, and that are no part of another one; what its kernel lacks. */
let running: { readonly unused: Set<Condition>; readonly lacks: KernelError[] } | undefined;

/**
 * Runs a builder; returns what it has returned, and the conditions that it has made, those without which are parts of others. What the kernel
 * lacks is added to `lacks`.
 */
export function collectConditions<Result>(
  run: () => Result,
  lacks: KernelError[],
): readonly [Result, ReadonlySet<Condition>] {
  const outer = running;
  const unused = new Set<Condition>();
  running = { unused, lacks };
  try {
    return [run(), unused];
  } finally {
    running = outer;
  }
}

/** A condition that a builder asks for, of others. */
function asked(node: Node, ...parts: readonly Condition[]): Condition {
  const condition = new Condition(node);
  parts.forEach((part) => running?.unused.delete(part));
  running?.unused.add(condition);
  return condition;
}

/** The condition itself. Throws for what is none: callers may be JavaScript. */
function conditionOf(value: Condition): Condition {
  if (value instanceof Condition) {
    return value;
  }
  if (isStandIn(value)) {
    return new Condition(nodes.constant(0n));
  }
  throw new TypeError(`${described(value)}: expected a condition, such as e.error.ne(0)`);
}

/** Something that is true or not when the event fires. */
export class Condition {
  /** @internal */
  readonly node: Node;

  /** @internal */
  constructor(node: Node) {
    this.node = node;
  }

  /** @internal */
  [Symbol.toPrimitive](): never {
    return noPrimitive("a condition", "and(), or() and not()");
  }

  and(other: Condition): Condition {
    return asked(nodes.both(this.node, conditionOf(other).node), this, other);
  }
  or(other: Condition): Condition {
    return asked(nodes.either(this.node, conditionOf(other).node), this, other);
  }
  not(): Condition {
    return asked(nodes.not(this.node), this);
  }
  /** 1 where it holds, else 0. */
  num(): Num {
    return new Num(this.node, { size: 1, signed: false });
  }
}

/** A text in the kernel, as the kernel has its bytes; shown as UTF-8. */
export class Text {
  /** @internal */
  readonly node: TextNode;

  /** @internal */
  constructor(node: TextNode) {
    this.node = node;
  }

  /** @internal */
  [Symbol.toPrimitive](): never {
    return noPrimitive("a text", "eq() and ne()");
  }

  /** Is it this text? A longer text than it can have never is. */
  eq(value: string): Condition {
    if (typeof value !== "string") {
      throw new TypeError(`${described(value)}: expected a string, such as "sh"`);
    }
    const bytes = Buffer.from(value);
    if (bytes.includes(0)) {
      throw new TypeError(`${quote(value)}: no text of the kernel's has a zero in it`);
    }
    return asked(bytes.length > this.node.length ? nodes.constant(0n) : nodes.textEquals(this.node, bytes));
  }
  ne(value: string): Condition {
    return this.eq(value).not();
  }
}

/** `yes` where the condition holds, else `no`; of a text, else an empty one. */
export function when(condition: Condition, yes: Operand, no: Operand): Num;
export function when(condition: Condition, yes: Text): Text;
export function when(asks: Condition, yes: Operand | Text, no?: Operand): Num | Text {
  const condition = conditionOf(asks);
  if (yes instanceof Text) {
    if (no !== undefined) {
      throw new TypeError(
        `when: ${described(no)}: expected nothing, as a text is empty where the condition does not hold`,
      );
    }
    return textWhere(condition, yes.node);
  }
  if (isStandIn(yes)) {
    return yes;
  }
  const [a, b] = [numberOf(yes), numberOf(no ?? badNumber(no))];
  const signed = a.shape.signed || b.shape.signed;
  return new Num<never>(nodes.select(condition.node, a.node, b.node), { size: 8, signed });
}

/** A text that is read only where the condition holds: elsewhere its pointer is null, and it is empty. */
function textWhere(condition: Condition, { isKept, base, offset, length, direct, isUser }: TextNode): Text {
  if (isKept) {
    throw new TypeError("when: what a start has kept is a text in any case: expected a text of the event's");
  }
  return new Text(nodes.text(nodes.select(condition.node, base, nodes.constant(0n)), offset, length, direct, isUser));
}

/**
 * A number of which some values have names, as those of an enum have: labels and records show the name, and it can be compared by that.
 *
 * @example
 * withNames(e.result, { delivered: 0, ignored: 1 }).eq("ignored")
 */
export function withNames<Name extends string>(number: Num<string>, names: Readonly<Record<Name, number>>): Num<Name> {
  if (!(number instanceof Num)) {
    return isStandIn(number) ? number : badNumber(number);
  }
  if (typeof names !== "object" || (names as unknown) === null) {
    throw new TypeError(`withNames: ${described(names)}: expected names and their numbers, such as { ok: 0 }`);
  }
  const values = Object.entries<number>(names).map(([name, value]) => {
    if (!Number.isSafeInteger(value)) {
      throw new TypeError(`withNames: ${name}: ${quote(String(value))}: expected a whole number`);
    }
    return [name, BigInt(value)] as const;
  });
  return new Num<Name>(number.node, { ...number.shape, names: new Map(values), enum: undefined });
}

/** Types of integers by width and sign. */
const integers = {
  u8: { size: 1, signed: false },
  u16: { size: 2, signed: false },
  u32: { size: 4, signed: false },
  u64: { size: 8, signed: false },
  s8: { size: 1, signed: true },
  s16: { size: 2, signed: true },
  s32: { size: 4, signed: true },
  s64: { size: 8, signed: true },
} as const;

/** The name of a type of integers, such as `u32`. */
export type Integer = keyof typeof integers;

/** The shape of a type of integers. `what` is done with it. */
export function integerShape(what: string, type: string): Shape {
  if (!Object.hasOwn(integers, type)) {
    throw new TypeError(`${what} ${described(type)}: expected one of ${Object.keys(integers).join(", ")}`);
  }
  return integers[type as Integer];
}

/**
 * The text at an address of the process that runs, such as an argument of a system call, of at most so many bytes; empty where it cannot
 * be read. At `sys_exit` it is in memory, since the call has read it; at `sys_enter` it may not be.
 */
export function userText(at: Num<string>, length = 64): Text {
  if (isStandIn(at)) {
    return at;
  }
  if (!(at instanceof Num)) {
    throw new TypeError(`userText: ${described(at)}: expected an address, which is a number of the kernel's`);
  }
  if (!Number.isInteger(length) || length < 1 || length > longestText) {
    throw new TypeError(`text of ${length} bytes: expected 1 to ${longestText}`);
  }
  return new Text(nodes.text(at.node, 0, length, false, true));
}

/** The low bits of a number, taken for an integer of this width and sign. */
export function castNumber(value: Operand, type: string): Num {
  const shape = integerShape("cast to", type);
  return new Num(nodes.extend(numberOf(value).node, shape.size, shape.signed), shape);
}
