/** System calls at the tracepoints `sys_enter` and `sys_exit`, by name, on each architecture. */
import { quote } from "../log/logger-text.js";
import { syscallNumber } from "../sdk/syscall-names.js";
import type { Helpers } from "./context.js";
import { type Condition, described, type Num } from "./values.js";

/** Members of `struct pt_regs`, by architecture: the number of a call, and its arguments. */
interface Registers {
  readonly number: string;
  readonly arguments: readonly (readonly string[])[];
  /** The bit of a thread's state that says that a 32-bit caller made the call, whose numbers are others (bpf/include/ringtap/syscall.h). */
  readonly compat: { readonly member: string; readonly bit: bigint };
}

const registers: Readonly<Record<string, Registers>> = {
  x64: {
    number: "orig_ax",
    arguments: [["di"], ["si"], ["dx"], ["r10"], ["r8"], ["r9"]],
    compat: { member: "status", bit: 0x2n },
  },
  arm64: {
    number: "syscallno",
    // What was in the first one is kept elsewhere: the call's result takes its place.
    arguments: [["orig_x0"], ...[1, 2, 3, 4, 5].map((index) => ["regs", `${index}`])],
    compat: { member: "flags", bit: 1n << 22n },
  },
};

function registersOf(): Registers {
  const found = registers[process.arch];
  if (found === undefined) {
    throw new Error(`architecture ${process.arch}: its system calls are not known`);
  }
  return found;
}

function at(of: object, path: readonly string[]): Num {
  return path.reduce<unknown>((value, name) => Reflect.get(value as object, name), of) as Num;
}

/** An event of `sys_enter` or `sys_exit`. */
export interface SyscallEvent {
  readonly regs: object;
}

/** Is it one of these system calls, by a program of the machine's own architecture? Throws for a name that there is not. */
export function isSyscall(e: SyscallEvent, h: Helpers, ...names: readonly [string, ...string[]]): Condition {
  if (names.length === 0) {
    throw new TypeError('isSyscall: expected the name of at least one system call, such as "fsync"');
  }
  const { number, compat } = registersOf();
  const made = at(e.regs, [number]);
  const state = at(h.task, ["thread_info", compat.member]);
  const [first, ...others] = names.map((name) => made.eq(numberOf(name))) as [Condition, ...Condition[]];
  return others.reduce((any, next) => any.or(next), first).and(state.bitAnd(compat.bit).eq(0));
}

function numberOf(name: string): number {
  const number = syscallNumber(name);
  if (number === undefined) {
    throw new TypeError(`system call ${quote(name)}: there is none of this name on ${process.arch}`);
  }
  return number;
}

/** An argument of the call, the first being 0. At `sys_exit` they are there, too. */
export function syscallArgument(e: SyscallEvent, index: 0 | 1 | 2 | 3 | 4 | 5): Num {
  const path = registersOf().arguments[index];
  if (path === undefined) {
    throw new TypeError(`syscallArgument: ${described(index)}: expected 0 to 5`);
  }
  return at(e.regs, path);
}
