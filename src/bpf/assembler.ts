/**
 * An assembler for BPF programs whose jumps all go forward. It works on *variables* instead of registers, as many as are wanted;
 * registers.ts gives them registers, or a place on the stack.
 */
import { helpers } from "./helpers.js";

/** A variable: 64 bits. */
export type Variable = number;

/** Where an instruction continues. */
export interface Label {
  /** The instruction that it stands before, once it is placed. */
  at: number;
}

/** Operations of an ALU instruction: BPF_OP of include/uapi/linux/bpf_common.h and bpf.h. */
export const operations = {
  add: 0x00,
  sub: 0x10,
  mul: 0x20,
  div: 0x30,
  or: 0x40,
  and: 0x50,
  shl: 0x60,
  shr: 0x70,
  neg: 0x80,
  mod: 0x90,
  xor: 0xa0,
  move: 0xb0,
  shrSigned: 0xc0,
} as const;
export type Operation = keyof typeof operations;

/** Conditions of a jump. */
export const conditions = {
  eq: 0x10,
  gt: 0x20,
  ge: 0x30,
  ne: 0x50,
  gtSigned: 0x60,
  geSigned: 0x70,
  lt: 0xa0,
  le: 0xb0,
  ltSigned: 0xc0,
  leSigned: 0xd0,
} as const;
export type Jump = keyof typeof conditions;

/** The condition that holds when the other one does not. */
export const inverse: Readonly<Record<Jump, Jump>> = {
  eq: "ne",
  ne: "eq",
  gt: "le",
  le: "gt",
  ge: "lt",
  lt: "ge",
  gtSigned: "leSigned",
  leSigned: "gtSigned",
  geSigned: "ltSigned",
  ltSigned: "geSigned",
};

/** What an address is relative to: a map, or the object's constants. */
export type Symbol = { readonly map: string } | { readonly constant: string; readonly offset: number };

/** An argument of a helper. */
export type Argument =
  | { readonly variable: Variable; readonly plus?: number }
  | { readonly number: number }
  | { readonly frame: number }
  | Symbol;

/** Bytes of a load or store. */
export type Size = 1 | 2 | 4 | 8;

/** An instruction before registers are given out. A base of `undefined` is the frame. */
export type Instruction =
  | {
      readonly is: "alu";
      readonly operation: Operation;
      readonly to: Variable;
      readonly from: Variable | { number: number };
    }
  | { readonly is: "zeroExtend"; readonly to: Variable }
  | { readonly is: "number"; readonly to: Variable; readonly value: bigint }
  | { readonly is: "address"; readonly to: Variable; readonly symbol: Symbol }
  | {
      readonly is: "load";
      readonly to: Variable;
      readonly base: Variable | undefined;
      readonly offset: number;
      readonly size: Size;
    }
  | {
      readonly is: "store";
      readonly base: Variable | undefined;
      readonly offset: number;
      readonly size: Size;
      readonly from: Variable | { readonly number: number };
    }
  | { readonly is: "addAtomically"; readonly base: Variable; readonly offset: number; readonly from: Variable }
  | {
      readonly is: "call";
      readonly helper: number;
      readonly args: readonly Argument[];
      readonly to: Variable | undefined;
    }
  | {
      readonly is: "jump";
      readonly jump: Jump;
      readonly left: Variable;
      readonly right: Variable | { readonly number: number };
      readonly label: Label;
    }
  | { readonly is: "goto"; readonly label: Label }
  | { readonly is: "exit" };

/** Bytes of stack that a program has: MAX_BPF_STACK. */
export const stackBytes = 512;

const least32 = -(2n ** 31n);
const most32 = 2n ** 31n - 1n;

/**
 * Does a number fit an instruction's immediate, which is extended by its sign? The one by which the loader finds calls of the kernel's cast
 * does not: moved to a register, it would become another one (native/object_file.cc).
 */
export function fitsImmediate(value: bigint): boolean {
  return value >= least32 && value <= most32 && value !== BigInt(helpers.cast);
}

/** Collects instructions. */
export class Assembler {
  readonly instructions: Instruction[] = [];
  /** Variables that have been made; the first is the context, which the kernel passes. */
  variables = 1;
  /** Bytes of the frame that are in use. */
  frameBytes = 0;

  /** The program's context. */
  readonly context: Variable = 0;

  variable(): Variable {
    return this.variables++;
  }

  /** Reserves bytes of the frame; returns their offset, a multiple of 8 below the frame's end. */
  frame(bytes: number): number {
    this.frameBytes += Math.ceil(bytes / 8) * 8;
    return -this.frameBytes;
  }

  label(): Label {
    return { at: -1 };
  }

  place(label: Label): void {
    label.at = this.instructions.length;
  }

  /** A variable with a number in it. */
  number(value: bigint | number): Variable {
    const to = this.variable();
    this.set(to, value);
    return to;
  }

  set(to: Variable, value: bigint | number): void {
    const bits = BigInt.asIntN(64, BigInt(value));
    this.#add(
      fitsImmediate(bits)
        ? { is: "alu", operation: "move", to, from: { number: Number(bits) } }
        : { is: "number", to, value: bits },
    );
  }

  /** A copy of a variable. */
  copy(from: Variable): Variable {
    const to = this.variable();
    this.move(to, from);
    return to;
  }

  move(to: Variable, from: Variable): void {
    this.#add({ is: "alu", operation: "move", to, from });
  }

  alu(operation: Operation, to: Variable, from: Variable | { readonly number: number }): void {
    this.#add({ is: "alu", operation, to, from });
  }

  /** Keeps the low 32 bits. */
  zeroExtend(to: Variable): void {
    this.#add({ is: "zeroExtend", to });
  }

  address(symbol: Symbol): Variable {
    const to = this.variable();
    this.#add({ is: "address", to, symbol });
    return to;
  }

  load(to: Variable, base: Variable | undefined, offset: number, size: Size): void {
    this.#add({ is: "load", to, base, offset, size });
  }

  store(base: Variable | undefined, offset: number, size: Size, from: Variable | { readonly number: number }): void {
    this.#add({ is: "store", base, offset, size, from });
  }

  addAtomically(base: Variable, offset: number, from: Variable): void {
    this.#add({ is: "addAtomically", base, offset, from });
  }

  /** Calls a helper and returns its result. */
  call(helper: number, ...args: Argument[]): Variable {
    const to = this.variable();
    this.#add({ is: "call", helper, args, to });
    return to;
  }

  /** Calls a helper whose result is of no use. */
  perform(helper: number, ...args: Argument[]): void {
    this.#add({ is: "call", helper, args, to: undefined });
  }

  jump(jump: Jump, left: Variable, right: Variable | { readonly number: number }, label: Label): void {
    this.#add({ is: "jump", jump, left, right, label });
  }

  goto(label: Label): void {
    this.#add({ is: "goto", label });
  }

  /** Ends the program, with 0. */
  exit(): void {
    this.#add({ is: "exit" });
  }

  #add(instruction: Instruction): void {
    this.instructions.push(instruction);
  }
}
