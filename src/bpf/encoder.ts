/** From instructions on variables to the bytes of a BPF program. */
import {
  type Argument,
  type Assembler,
  conditions,
  type Instruction,
  operations,
  type Size,
  stackBytes,
  type Symbol,
  type Variable,
} from "./assembler.js";
import { findHomes, type Home, type Homes } from "./registers.js";

/** Instruction classes, sizes, modes and the like: include/uapi/linux/bpf_common.h and bpf.h. */
const classes = { load: 0x01, storeNumber: 0x02, store: 0x03, alu: 0x04, jump: 0x05, alu64: 0x07 };
const modes = { memory: 0x60, atomic: 0xc0 };
const sizes: Readonly<Record<Size, number>> = { 1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18 };
const fromRegister = 0x08;
const loadNumber64 = 0x18;
const callHelper = 0x85;
const goTo = 0x05;
const exitProgram = 0x95;
const framePointer = 10;
/** Of a 16-byte load: the number is a map's descriptor, or the address of its first value. */
const pseudoMap = 1;
const pseudoMapValue = 2;

/** How far a jump reaches: 16 bits, signed. */
const mostInstructions = 2 ** 15 - 1;

/** How far behind a pointer a load or a store reaches: the same. */
const furthest = 2 ** 15 - 1;

/** An address that the loader fills in: the instruction's offset, bytes, and what it stands for. */
export interface Relocation {
  readonly offset: number;
  readonly symbol: Symbol;
}

/** A program: its bytes, and what the loader fills in. */
export interface Code {
  readonly bytes: Uint8Array;
  readonly relocations: readonly Relocation[];
}

/** A jump whose distance is known at the end: the instruction that has it, and the one (on variables) that it goes to. */
interface Pending {
  readonly at: number;
  readonly to: { readonly at: number };
}

class Encoder {
  readonly words: bigint[] = [];
  readonly relocations: Relocation[] = [];
  readonly pending: Pending[] = [];
  readonly #homes: Homes;

  constructor(homes: Homes) {
    this.#homes = homes;
  }

  put(code: number, to: number, from: number, offset: number, number: number | bigint): void {
    if (offset > furthest) {
      throw new RangeError(
        `a record or an entry of a map would have over ${furthest} bytes: use fewer fields, sums or texts`,
      );
    }
    const bits =
      BigInt(code) |
      (BigInt((from << 4) | to) << 8n) |
      (BigInt.asUintN(16, BigInt(offset)) << 16n) |
      (BigInt.asUintN(32, BigInt(number)) << 32n);
    this.words.push(bits);
  }

  /** The register that has the variable's value; `spare` is the one to load it into from the frame. */
  #read(variable: Variable | undefined, spare: number): number {
    if (variable === undefined) {
      return framePointer;
    }
    const home = this.#homes.of(variable);
    if ("register" in home) {
      return home.register;
    }
    const register = this.#homes.spare[spare] ?? 0;
    this.put(classes.load | modes.memory | sizes[8], register, framePointer, home.frame, 0);
    return register;
  }

  /** Calls `write` with the register that is to get the variable's value. */
  #write(variable: Variable, write: (register: number) => void): void {
    const home = this.#homes.of(variable);
    const register = "register" in home ? home.register : (this.#homes.spare[0] ?? 0);
    write(register);
    this.#keep(home, register);
  }

  #keep(home: Home, register: number): void {
    if ("frame" in home) {
      this.put(classes.store | modes.memory | sizes[8], framePointer, register, home.frame, 0);
    } else if (home.register !== register) {
      this.#move(home.register, register);
    }
  }

  #move(to: number, from: number): void {
    this.put(classes.alu64 | operations.move | fromRegister, to, from, 0, 0);
  }

  #number64(register: number, value: bigint, pseudo = 0): void {
    this.put(loadNumber64, register, pseudo, 0, BigInt.asUintN(32, value));
    this.put(0, 0, 0, 0, BigInt.asUintN(64, value) >> 32n);
  }

  #address(register: number, symbol: Symbol): void {
    this.relocations.push({ offset: this.words.length * 8, symbol });
    // What a map's value is offset by is in the second half; libbpf writes both.
    if ("map" in symbol) {
      this.#number64(register, 0n, pseudoMap);
    } else {
      this.#number64(register, BigInt(symbol.offset), pseudoMapValue);
    }
  }

  encode(instruction: Instruction): void {
    switch (instruction.is) {
      case "alu": {
        this.#alu(instruction);
        return;
      }
      case "zeroExtend": {
        this.#change(instruction.to, (register) => {
          this.put(classes.alu | operations.move | fromRegister, register, register, 0, 0);
        });
        return;
      }
      case "number": {
        this.#write(instruction.to, (register) => {
          this.#number64(register, instruction.value);
        });
        return;
      }
      case "address": {
        this.#write(instruction.to, (register) => {
          this.#address(register, instruction.symbol);
        });
        return;
      }
      case "load": {
        const base = this.#read(instruction.base, 1);
        this.#write(instruction.to, (register) => {
          this.put(classes.load | modes.memory | sizes[instruction.size], register, base, instruction.offset, 0);
        });
        return;
      }
      case "store": {
        const { from, offset, size } = instruction;
        const base = this.#read(instruction.base, 0);
        if (typeof from === "number") {
          this.put(classes.store | modes.memory | sizes[size], base, this.#read(from, 1), offset, 0);
        } else {
          this.put(classes.storeNumber | modes.memory | sizes[size], base, 0, offset, from.number);
        }
        return;
      }
      case "addAtomically": {
        const base = this.#read(instruction.base, 0);
        const from = this.#read(instruction.from, 1);
        this.put(classes.store | modes.atomic | sizes[8], base, from, instruction.offset, 0);
        return;
      }
      case "call":
        this.#arguments(instruction.args);
        this.put(callHelper, 0, 0, 0, instruction.helper);
        if (instruction.to !== undefined) {
          this.#keep(this.#homes.of(instruction.to), 0);
        }
        return;
      case "jump": {
        const left = this.#read(instruction.left, 0);
        const { right } = instruction;
        const code = classes.jump | conditions[instruction.jump];
        const from = typeof right === "number" ? this.#read(right, 1) : undefined;
        this.pending.push({ at: this.words.length, to: instruction.label });
        if (from === undefined) {
          this.put(code, left, 0, 0, (right as { readonly number: number }).number);
        } else {
          this.put(code | fromRegister, left, from, 0, 0);
        }
        return;
      }
      case "goto":
        this.pending.push({ at: this.words.length, to: instruction.label });
        this.put(goTo, 0, 0, 0, 0);
        return;
      case "exit":
        this.put(classes.alu64 | operations.move, 0, 0, 0, 0);
        this.put(exitProgram, 0, 0, 0, 0);
        return;
    }
  }

  /** Changes a variable where it is. */
  #change(variable: Variable, change: (register: number) => void): void {
    const register = this.#read(variable, 0);
    change(register);
    const home = this.#homes.of(variable);
    if ("frame" in home) {
      this.#keep(home, register);
    }
  }

  #alu({ operation, to, from }: Instruction & { readonly is: "alu" }): void {
    const code = classes.alu64 | operations[operation];
    if (operation === "move") {
      if (typeof from !== "number") {
        this.#write(to, (register) => {
          this.put(code, register, 0, 0, from.number);
        });
        return;
      }
      this.#keep(this.#homes.of(to), this.#read(from, 0));
      return;
    }
    const source = typeof from === "number" ? this.#read(from, 1) : undefined;
    this.#change(to, (register) => {
      if (source !== undefined) {
        this.put(code | fromRegister, register, source, 0, 0);
      } else {
        this.put(code, register, 0, 0, (from as { readonly number: number }).number);
      }
    });
  }

  /** Puts arguments into registers 1 to 5, none of them over one that is still to be read. */
  #arguments(args: readonly Argument[]): void {
    const moves = new Map<number, number>();
    args.forEach((argument, index) => {
      const home = "variable" in argument ? this.#homes.of(argument.variable) : undefined;
      if (home !== undefined && "register" in home && home.register !== index + 1) {
        moves.set(index + 1, home.register);
      }
    });
    while (moves.size > 0) {
      const sources = [...moves.values()];
      const next = [...moves].find(([to]) => !sources.includes(to));
      if (next !== undefined) {
        this.#move(...next);
        moves.delete(next[0]);
        continue;
      }
      // Only circles are left, and what was in register 0 has been moved.
      const [[to, from] = [0, 0]] = moves;
      this.#move(0, to);
      this.#move(to, from);
      moves.delete(to);
      for (const [other, source] of moves) {
        moves.set(other, source === to ? 0 : source);
      }
    }
    args.forEach((argument, index) => {
      this.#argument(argument, index + 1);
    });
  }

  #argument(argument: Argument, register: number): void {
    if ("variable" in argument) {
      const home = this.#homes.of(argument.variable);
      if ("frame" in home) {
        this.put(classes.load | modes.memory | sizes[8], register, framePointer, home.frame, 0);
      }
      if (argument.plus !== undefined && argument.plus !== 0) {
        this.put(classes.alu64 | operations.add, register, 0, 0, argument.plus);
      }
    } else if ("number" in argument) {
      this.put(classes.alu64 | operations.move, register, 0, 0, argument.number);
    } else if ("frame" in argument) {
      this.#move(register, framePointer);
      this.put(classes.alu64 | operations.add, register, 0, 0, argument.frame);
    } else {
      this.#address(register, argument);
    }
  }
}

/** The bytes of a program. Throws when it needs more stack than there is. */
export function encode({ instructions, frameBytes }: Assembler): Code {
  const homes = findHomes(instructions, frameBytes);
  if (homes.frameBytes > stackBytes) {
    throw new RangeError(
      `it needs ${homes.frameBytes} bytes of stack and there are ${stackBytes}: use fewer or shorter texts`,
    );
  }
  const encoder = new Encoder(homes);
  const context = homes.of(0);
  if ("register" in context && context.register !== 1) {
    encoder.put(classes.alu64 | operations.move | fromRegister, context.register, 1, 0, 0);
  } else if ("frame" in context) {
    encoder.put(classes.store | modes.memory | sizes[8], framePointer, 1, context.frame, 0);
  }
  const starts = instructions.map((instruction) => {
    const start = encoder.words.length;
    encoder.encode(instruction);
    return start;
  });
  if (encoder.words.length > mostInstructions) {
    throw new RangeError(
      `it needs ${encoder.words.length} instructions, and a jump reaches over ${mostInstructions}: use fewer or shorter texts and expressions`,
    );
  }
  for (const { at, to } of encoder.pending) {
    const distance = (starts[to.at] ?? encoder.words.length) - at - 1;
    encoder.words[at] = (encoder.words[at] as bigint) | (BigInt.asUintN(16, BigInt(distance)) << 16n);
  }
  return {
    bytes: new Uint8Array(BigUint64Array.from(encoder.words).buffer),
    relocations: encoder.relocations,
  };
}
