/** The arguments of tracepoints: their types and names, and what a builder is given for each. */
import { native } from "../binding/native.js";
import type { Btf } from "./btf.js";
import { kinds, type Parameter, type Type } from "./btf-types.js";
import { type Kernel, lack, pointerValue, shapeOf } from "./kernel.js";
import * as nodes from "./nodes.js";
import { typeText } from "./type-text.js";
import { Num } from "./values.js";

/** The kernel's function that makes a pointer of an address (bpf/include/ringtap/read.h). */
const castFunction = "bpf_rdonly_cast";

/**
 * An argument that points to a struct; `root` is undefined where no plain load will do.
 *
 * Whatever its type says, an argument may be an error code or a small number. Kernels that have the cast trust arguments (both since Linux
 * 6.2), so that a plain load through such a one is a fault in the kernel; newer ones give those that are known to be so no type
 * (raw_tp_null_args of kernel/bpf/btf.c, since Linux 6.14). When it has been cast, an argument is read as any pointer is that was found on
 * the way: what cannot be read is 0. Where it cannot be cast, to a struct of a module or since no programs are compiled, the helper reads
 * in the same way. Earlier kernels trust no argument.
 */
function structArgument(btf: Btf, slot: nodes.Node, target: Type): { value: nodes.Node; root: Type | undefined } {
  if (btf.find(kinds.function, castFunction) === undefined) {
    return { value: slot, root: target };
  }
  return native.canCast() && !btf.isOfModule(target.id)
    ? { value: nodes.typed(slot, target.id), root: target }
    : { value: slot, root: undefined };
}

/** What a builder is given for an argument of a tracepoint. */
export function argumentValue(kernel: Kernel, tracepoint: string, index: number, type: Type): unknown {
  const { btf } = kernel;
  const slot = nodes.argument(index, tracepoint);
  if (type.kind === kinds.pointer) {
    const target = btf.peel(type.type);
    if (target.kind === kinds.prototype) {
      return lack(kernel, "an argument that points to a function cannot be read: the kernel lets no program do so");
    }
    const isStruct = target.kind === kinds.struct || target.kind === kinds.union;
    const tags = btf.tags(type);
    const isPlain = isStruct && !tags.includes("user") && !tags.includes("percpu");
    const { value, root } = isPlain ? structArgument(btf, slot, target) : { value: slot, root: undefined };
    return pointerValue(kernel, value, root, type);
  }
  if (type.kind === kinds.int || type.kind === kinds.enum || type.kind === kinds.enum64) {
    const shape = shapeOf(btf, type);
    return new Num(nodes.extend(slot, shape.size, shape.signed), shape);
  }
  return lack(kernel, `an argument that is a ${typeText(btf, type.id)} cannot be read`);
}

/** What begins the typedef of a tracepoint's prototype. */
export const prefix = "btf_trace_";

/** The tracepoints of a kernel: names, and the ids of their prototypes' typedefs. */
export function tracepointsOf(btf: Btf): Generator<readonly [name: string, id: number]> {
  return btf.startingWith(kinds.typedef, prefix);
}

/**
 * The arguments of a tracepoint; undefined where the kernel has none of this name. The types are those of `btf_trace_<name>`, by which the
 * verifier checks; names stand in the functions that the kernel makes for each (include/linux/tracepoint.h).
 */
export function argumentsOf(btf: Btf, tracepoint: string): Parameter[] | undefined {
  const typedef = btf.find(kinds.typedef, `${prefix}${tracepoint}`);
  if (typedef === undefined) {
    return undefined;
  }
  const named = namingPrefixes
    .map((start) => btf.find(kinds.function, `${start}${tracepoint}`))
    .find((id) => id !== undefined);
  return parametersOf(btf, typedef, named);
}

/** The arguments of all tracepoints, by name: the same in two walks over all types. */
export function allArguments(btf: Btf): ReadonlyMap<string, Parameter[]> {
  const named = new Map(namingPrefixes.flatMap((start) => [...btf.startingWith(kinds.function, start)]));
  return new Map([...tracepointsOf(btf)].map(([name, id]) => [name, parametersOf(btf, id, named.get(name))]));
}

/** What the names of functions begin with that have a tracepoint's arguments. */
const namingPrefixes = ["__probestub_", "__traceiter_"];

function parametersOf(btf: Btf, typedef: number, named: number | undefined): Parameter[] {
  const types = btf.parameters(btf.peel(btf.peel(typedef).type).id).slice(1);
  const names = named === undefined ? [] : btf.parameters(btf.type(named).type).slice(1);
  return types.map(({ type }, index) => ({ type, name: names[index]?.name ?? `arg${index}` }));
}
