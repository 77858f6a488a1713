/** What TypeScript knows of a kernel: all that `ringtap bpf types` has written, or nothing. */
import type { Num, Text } from "./values.js";

/** A value of which only the running kernel knows the type: any field may be asked for, and anything be done to it. */
export type Untyped = Num<string> & Text & { readonly [field: string]: Untyped };

/** The tracepoints of a kernel by name, with the types of their arguments: `ringtap bpf types` writes them. */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- it is added to by what that command writes
export interface Tracepoints {}

/** Structs that helpers give, by their names in C: written by the same. */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- it is added to by what that command writes
export interface Structs {}

/** An array, or what a pointer to numbers points to. */
export type Elements<Element> = Readonly<Record<number, Element>>;

/** A `struct task_struct`. */
export type Task = Structs extends { readonly task_struct: infer Known } ? Known : Untyped;

/** A struct by its name: as `ringtap bpf types` knows it, or with any fields. */
export type Struct<Name extends string> = Name extends keyof Structs ? Structs[Name] : Untyped;
