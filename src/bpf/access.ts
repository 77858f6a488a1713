/** What can be asked of the kernel's structs: functions, since every property of theirs is a field. */
import { addressOf, asStruct, furthest, isKernels, textOf } from "./kernel.js";
import * as nodes from "./nodes.js";
import type { Struct } from "./untyped.js";
import { castNumber, type Condition, described, type Integer, integerShape, Num, type Operand } from "./values.js";

export { addressOf, textOf };

/** The fields of all structs that it may be. */
type Keys<T> = T extends unknown ? keyof T & string : never;

/** Those that one of the kernels lacks that `ringtap bpf types` was given. */
type OptionalKeys<T> = { [K in Keys<T>]: [T] extends [Readonly<Record<K, object>>] ? never : K }[Keys<T>];

/** Has this kernel the field, or the tracepoint the argument? True or false when the signal is built, not when the event fires. */
export function has<T extends object, K extends OptionalKeys<T>>(
  of: T,
  name: K,
): of is T extends unknown ? (K extends keyof T ? T & { readonly [Name in K]-?: NonNullable<T[Name]> } : never) : never;
export function has(of: object, name: string): boolean;
export function has(of: object, name: string): boolean {
  if (!isKernels(of)) {
    throw new TypeError(`has: ${described(of)}: expected a struct of the kernel's, or the event`);
  }
  return Reflect.has(of, name);
}

/** Is the pointer null? */
export function isNull(pointer: object): Condition {
  return (pointer instanceof Num ? pointer : addressOf(pointer)).eq(0);
}

/**
 * The low bits of a number, taken for an integer of this width and sign. Or: a pointer, or a struct, taken for a pointer to another struct
 * that begins at the same address, as the kernel's own casts do: `cast(e.sk, "struct tcp_sock")`. Nothing checks that one is there.
 */
export function cast(value: Operand, type: Integer): Num;
export function cast<Name extends string>(value: object, type: `struct ${Name}`): Struct<Name>;
export function cast(value: Operand | object, type: string): unknown {
  if (typeof type === "string" && type.startsWith("struct ")) {
    const struct = isKernels(value) ? asStruct(value as object, type.slice("struct ".length)) : undefined;
    return struct ?? refuseCast(type);
  }
  return castNumber(value as Operand, type);
}

function refuseCast(type: string): never {
  throw new TypeError(`cast to ${type}: expected a pointer to a struct, or a struct of the kernel's`);
}

/** The number of this type at an address of the kernel's memory; 0 where none can be read. `offset`: so many bytes behind it. */
export function peek(at: Num<string> | object, type: Integer, offset = 0): Num {
  const shape = integerShape("peek", type);
  if (!Number.isInteger(offset) || Math.abs(offset) >= furthest) {
    throw new TypeError(`peek: offset ${offset}: expected a whole number of bytes, below 2^29`);
  }
  const base = at instanceof Num ? at : addressOf(at);
  if (!(base instanceof Num)) {
    return base;
  }
  return new Num(nodes.load(base.node, offset, shape.size, shape.signed, false), shape);
}
