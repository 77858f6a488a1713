/** Gives a program's variables registers: a linear scan, which is exact enough where all jumps go forward. */
import type { Argument, Instruction, Variable } from "./assembler.js";

/** Registers that a call leaves as they are, and those that it does not. */
const kept = [6, 7, 8, 9];
const scratched = [0, 1, 2, 3, 4, 5];

/** Where a variable is: a register, or a place in the frame. */
export type Home = { readonly register: number } | { readonly frame: number };

/** The homes of variables. */
export interface Homes {
  of(variable: Variable): Home;
  /** Registers that hold no variable, for those in the frame; empty when none is there. */
  readonly spare: readonly number[];
  /** Bytes of the frame in use, with those for variables. */
  readonly frameBytes: number;
}

interface Interval {
  readonly variable: Variable;
  readonly first: number;
  last: number;
  crossesCall: boolean;
  /** The register that it would best have: that of a variable which it is a copy of, or of a call's result. */
  readonly near: Variable | "result" | undefined;
}

function argumentVariables(args: readonly Argument[]): Variable[] {
  return args.flatMap((argument) => ("variable" in argument ? [argument.variable] : []));
}

function variable(operand: Variable | { readonly number: number } | undefined): Variable[] {
  return typeof operand === "number" ? [operand] : [];
}

/** The variables that an instruction touches. */
function touched(instruction: Instruction): Variable[] {
  switch (instruction.is) {
    case "alu":
      return [instruction.to, ...variable(instruction.from)];
    case "zeroExtend":
    case "number":
    case "address":
      return [instruction.to];
    case "load":
      return [...variable(instruction.base), instruction.to];
    case "store":
      return [...variable(instruction.base), ...variable(instruction.from)];
    case "addAtomically":
      return [instruction.base, instruction.from];
    case "call":
      return [...argumentVariables(instruction.args), ...variable(instruction.to)];
    case "jump":
      return [instruction.left, ...variable(instruction.right)];
    case "goto":
    case "exit":
      return [];
  }
}

function nearTo(instruction: Instruction, found: Variable): Interval["near"] {
  if (instruction.is === "call") {
    return "result";
  }
  return instruction.is === "alu" && instruction.operation === "move" && instruction.to === found
    ? variable(instruction.from)[0]
    : undefined;
}

/** From the first to the last instruction that touches it: a jump cannot go back to before. */
function intervalsOf(instructions: readonly Instruction[]): Interval[] {
  const intervals = new Map<Variable, Interval>([
    [0, { variable: 0, first: -1, last: -1, crossesCall: false, near: undefined }],
  ]);
  const calls = instructions.flatMap(({ is }, index) => (is === "call" ? [index] : []));
  instructions.forEach((instruction, index) => {
    for (const found of touched(instruction)) {
      const known = intervals.get(found);
      if (known === undefined) {
        const near = nearTo(instruction, found);
        intervals.set(found, { variable: found, first: index, last: index, crossesCall: false, near });
      } else {
        known.last = index;
      }
    }
  });
  for (const interval of intervals.values()) {
    interval.crossesCall = calls.some((call) => interval.first < call && call < interval.last);
  }
  return [...intervals.values()].sort((a, b) => a.first - b.first);
}

function scan(intervals: readonly Interval[], withheld: readonly number[]): Map<Variable, number | undefined> {
  const registers = new Map<Variable, number | undefined>();
  /** By register: the last instruction that its variable is needed for. */
  const busy = new Map<number, number>();
  for (const { variable: found, first, last, crossesCall, near } of intervals) {
    const pool = (crossesCall ? kept : [...scratched, ...kept]).filter((register) => !withheld.includes(register));
    const free = pool.filter((register) => (busy.get(register) ?? -2) <= first);
    // The kernel passes the context in register 1.
    const wanted = found === 0 ? 1 : near === "result" ? 0 : near === undefined ? undefined : registers.get(near);
    const register = wanted !== undefined && free.includes(wanted) ? wanted : free[0];
    registers.set(found, register);
    if (register !== undefined) {
      busy.set(register, last);
    }
  }
  return registers;
}

/** Finds homes for all variables. */
export function findHomes(instructions: readonly Instruction[], frameBytes: number): Homes {
  const intervals = intervalsOf(instructions);
  let registers = scan(intervals, []);
  let spare: number[] = [];
  if ([...registers.values()].includes(undefined)) {
    spare = [4, 5];
    registers = scan(intervals, spare);
  }
  const places = new Map<Variable, Home>();
  let used = frameBytes;
  for (const [found, register] of registers) {
    if (register === undefined) {
      used += 8;
      places.set(found, { frame: -used });
    } else {
      places.set(found, { register });
    }
  }
  return { of: (found) => places.get(found) ?? { register: 0 }, spare, frameBytes: used };
}
