/** Expressions as the compiler takes them: trees, each with a key that is equal for equal trees, so that each is computed once. */
import type { Jump, Operation, Size } from "./assembler.js";

/** A number of 64 bits. */
export type Node = { readonly key: string } & (
  | { readonly is: "constant"; readonly value: bigint }
  /** An argument of a tracepoint. */
  | { readonly is: "argument"; readonly index: number; readonly tracepoint: string }
  /** An address as a pointer that the verifier knows to point to a struct, by its id in the kernel's types: bpf_rdonly_cast(). */
  | { readonly is: "typed"; readonly of: Node; readonly type: number }
  /** What a helper without arguments returns. */
  | { readonly is: "helper"; readonly helper: number }
  /** A constant of the object that the loader sets, of 4 bytes. */
  | { readonly is: "option"; readonly name: string }
  /** What a start has kept (starts.ts): a field of it. */
  | {
      readonly is: "kept";
      readonly start: string;
      readonly field: string;
      readonly size: 4 | 8;
      readonly signed: boolean;
    }
  /**
   * Kernel memory, at an offset of a pointer; 0 where the pointer is null. `direct`: the verifier knows what the pointer points to, so that
   * a plain load will do.
   */
  | {
      readonly is: "load";
      readonly base: Node;
      readonly offset: number;
      readonly size: Size;
      readonly signed: boolean;
      readonly direct: boolean;
    }
  /** Only the low bytes, extended by their sign or by zeros. */
  | { readonly is: "extend"; readonly of: Node; readonly size: Size; readonly signed: boolean }
  /** `signed` matters to division alone. */
  | {
      readonly is: "binary";
      readonly operation: Operation;
      readonly left: Node;
      readonly right: Node;
      readonly signed: boolean;
    }
  /** 1 or 0. */
  | { readonly is: "compare"; readonly jump: Jump; readonly left: Node; readonly right: Node }
  | { readonly is: "textEquals"; readonly text: TextNode; readonly value: Uint8Array }
  | { readonly is: "and" | "or"; readonly left: Node; readonly right: Node }
  | { readonly is: "not"; readonly of: Node }
  | { readonly is: "select"; readonly condition: Node; readonly yes: Node; readonly no: Node }
);

/** A text of at most `size` bytes, a multiple of 8, filled up with zeros. */
export interface TextNode {
  readonly key: string;
  readonly size: number;
  /** What a start has kept has no place in the kernel's memory: what follows means nothing then. */
  readonly isKept: boolean;
  /** Where its bytes are: at an offset of a pointer. `direct`: as for loads, for `length` bytes of an array. */
  readonly base: Node;
  readonly offset: number;
  readonly length: number;
  readonly direct: boolean;
  /** In the memory of the process that runs. */
  readonly isUser: boolean;
}

/** The expressions of a process: what a record says of it, and what tells it from all others. */
export interface ActorNodes {
  readonly tgid: Node;
  readonly tid: Node;
  readonly comm: TextNode;
  readonly threadComm: TextNode;
  readonly cgroup: Node;
  readonly start: Node;
}

/**
 * The most characters of a key: some thousand parts, and what the compiler can go down into. `x = x.add(x)`, written often enough, would take all
 * memory.
 */
const longestKey = 2 ** 15;

function keyOf(key: string): string {
  if (key.length > longestKey) {
    throw new RangeError("an expression has too many parts: expected some hundreds at most");
  }
  return key;
}

export function constant(value: bigint): Node {
  return { key: `${value}`, is: "constant", value };
}

export function argument(index: number, tracepoint: string): Node {
  return { key: `a${index}@${tracepoint}`, is: "argument", index, tracepoint };
}

export function typed(of: Node, type: number): Node {
  return { key: `y${type}(${of.key})`, is: "typed", of, type };
}

export function helper(number: number): Node {
  return { key: `h${number}`, is: "helper", helper: number };
}

export function option(name: string): Node {
  return { key: `o${name}`, is: "option", name };
}

/** Begins the keys of what a start has kept, and stands in no other. */
const keptMark = "^";

export function kept(start: string, field: string, size: 4 | 8, signed: boolean): Node {
  return { key: `${keptMark}${start}.${field}`, is: "kept", start, field, size, signed };
}

/** A text that a start has kept, of so many bytes. */
export function keptText(start: string, field: string, size: number): TextNode {
  const key = `${keptMark}${start}.${field}`;
  return { key, size, isKept: true, base: constant(0n), offset: 0, length: size, direct: false, isUser: false };
}

/** Is anything of it what a start has kept? The key of a tree has those of all its parts. */
export function needsStart({ key }: Node): boolean {
  return key.includes(keptMark);
}

export function load(base: Node, offset: number, size: Size, signed: boolean, direct: boolean): Node {
  const key = keyOf(`${direct ? "l" : "p"}${signed ? "s" : ""}${size}(${base.key}+${offset})`);
  return { key, is: "load", base, offset, size, signed, direct };
}

export function extend(of: Node, size: Size, signed: boolean): Node {
  return size === 8 ? of : { key: keyOf(`x${signed ? "s" : ""}${size}(${of.key})`), is: "extend", of, size, signed };
}

export function binary(operation: Operation, left: Node, right: Node, signed = false): Node {
  return {
    key: keyOf(`${operation}${signed ? "s" : ""}(${left.key},${right.key})`),
    is: "binary",
    operation,
    left,
    right,
    signed,
  };
}

export function compare(jump: Jump, left: Node, right: Node): Node {
  return { key: keyOf(`${jump}?(${left.key},${right.key})`), is: "compare", jump, left, right };
}

export function textEquals(text: TextNode, value: Uint8Array): Node {
  return { key: `t=(${text.key},${Buffer.from(value).toString("hex")})`, is: "textEquals", text, value };
}

export function both(left: Node, right: Node): Node {
  return { key: keyOf(`and(${left.key},${right.key})`), is: "and", left, right };
}

export function either(left: Node, right: Node): Node {
  return { key: keyOf(`or(${left.key},${right.key})`), is: "or", left, right };
}

export function not(of: Node): Node {
  return { key: keyOf(`not(${of.key})`), is: "not", of };
}

export function select(condition: Node, yes: Node, no: Node): Node {
  return { key: keyOf(`if(${condition.key},${yes.key},${no.key})`), is: "select", condition, yes, no };
}

export function text(base: Node, offset: number, length: number, direct: boolean, isUser = false): TextNode {
  const size = Math.ceil(length / 8) * 8;
  return {
    key: `${isUser ? "u" : direct ? "t" : "s"}${length}(${base.key}+${offset})`,
    size,
    isKept: false,
    base,
    offset,
    length,
    direct,
    isUser,
  };
}
