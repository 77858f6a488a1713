/** `ringtap/bpf`: signals in TypeScript alone, compiled to BPF for the running kernel. docs/bpf.md tells how. */
export type { Helpers } from "./context.js";
export type { Count, Definition, Histogram, Values } from "./definition.js";
export type { Recorded } from "./fields.js";
export { addressOf as address, has, isNull, textOf as text } from "./access.js";
export { type Builder, tracepoint } from "./tracepoint.js";
export type { Elements, Structs, Task, Tracepoints, Untyped } from "./untyped.js";
export { cast, Condition, Num, type Operand, Text, when } from "./values.js";
