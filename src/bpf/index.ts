/** `ringtap/bpf`: signals in TypeScript alone, compiled to BPF for the running kernel. docs/bpf.md tells how. */
export type { Helpers, InterruptHelpers, Unattributed } from "./context.js";
export type { InterruptTracepoint } from "./interrupts.js";
export type { Count, Definition, Gauge, Header, Histogram, LinearBuckets, Owned, Part } from "./definition.js";
export type { Recorded, Values } from "./fields.js";
export { addressOf as address, cast, has, isNull, peek, textOf as text } from "./access.js";
export type { Key, Mark, MarkDefinition, Start, StartOwner } from "./starts.js";
export { type Builder, mark, type ModuleTracepoint, type On, on, tracepoint, tracepoints } from "./tracepoint.js";
export { type Declared, whenLoaded } from "./when-loaded.js";
export { isSyscall, syscallArgument } from "./syscalls.js";
export type { Elements, Struct, Structs, Task, Tracepoints, Untyped } from "./untyped.js";
export { Condition, type Integer, Num, type Operand, Text, userText, when, withNames } from "./values.js";
