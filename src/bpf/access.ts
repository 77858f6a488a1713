/** What can be asked of the kernel's structs: functions, since every property of theirs is a field. */
import { addressOf, textOf } from "./kernel.js";
import { type Condition, Num } from "./values.js";

export { addressOf, textOf };

/** Fields that one of the kernels lacks that `ringtap bpf types` was given. */
type OptionalKeys<T> = { [K in keyof T]-?: undefined extends T[K] ? K : never }[keyof T] & string;

/** Has this kernel the field, or the tracepoint the argument? True or false when the signal is built, not when the event fires. */
export function has<T extends object, K extends OptionalKeys<T>>(
  of: T,
  name: K,
): of is T & { readonly [Name in K]-?: NonNullable<T[Name]> };
export function has(of: object, name: string): boolean;
export function has(of: object, name: string): boolean {
  return Reflect.has(of, name);
}

/** Is the pointer null? */
export function isNull(pointer: object): Condition {
  return (pointer instanceof Num ? pointer : addressOf(pointer)).eq(0);
}
