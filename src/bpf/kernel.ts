/** Kernel structs as builders see them: proxies that turn the access of a field into an expression, by the running kernel's BTF. */
import { suggestion } from "../config/suggest.js";
import type { Size } from "./assembler.js";
import type { Btf } from "./btf.js";
import { kinds, type Type } from "./btf-types.js";
import { KernelError, lacking } from "./lacking.js";
import { typeText } from "./type-text.js";
import * as nodes from "./nodes.js";
import type { Node } from "./nodes.js";
import { longestText, noPrimitive, Num, type Shape, Text } from "./values.js";
import { walk } from "./walk.js";

/** Bytes that are taken of a text behind a pointer unless text() says otherwise. */
const textLength = 64;

/** The types of a kernel, and what a builder has asked of it and it does not have. */
export interface Kernel {
  readonly btf: Btf;
  readonly lacks: KernelError[];
}

/** Notes what a kernel does not have; returns what stands for it. */
export function lack({ lacks }: Kernel, message: string): object {
  lacks.push(new KernelError(message));
  return lacking;
}

/** The verifier allows no pointer so many bytes behind another one: BPF_MAX_VAR_OFF of include/linux/bpf_verifier.h. */
export const furthest = 2 ** 29;

/** A place in kernel memory. */
interface Place {
  readonly kernel: Kernel;
  /** The pointer that it is reached by. */
  readonly base: Node;
  /** The struct that the verifier knows it to point to; undefined where it knows nothing. */
  readonly root: Type | undefined;
  readonly offset: number;
  /** What lies there. */
  readonly type: Type;
}

/** What stands behind each proxy. */
const places = new WeakMap<object, Place>();

/** All proxies: those of structs, and the events of tracepoints. */
const proxies = new WeakSet();

/** Is it a struct of the kernel's, an event, or what stands for one that is not there? */
export function isKernels(value: unknown): boolean {
  return value === lacking || (typeof value === "object" && value !== null && proxies.has(value));
}

/** Is it a plain object of JavaScript's? Of others, Object.entries() has nothing, or what they are made of. */
export function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || isKernels(value)) {
    return false;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** A proxy of which each property is a part of something in the kernel; `what` it is, for messages; `names`: of all parts, as for `{ ...e }`. */
export function kernelProxy(what: string, get: (name: string) => unknown, names: () => readonly string[]): object {
  const refuse = (): never => noPrimitive(what, "its fields");
  const refuseChange = (name: PropertyKey): never => {
    throw new TypeError(`${String(name)}: ${what} of the kernel's can be read, and not be written`);
  };
  const has = (name: PropertyKey): boolean => typeof name === "string" && names().includes(name);
  const proxy = new Proxy<object>(
    {},
    {
      get(_target, name) {
        if (name === Symbol.toPrimitive || name === "toJSON") {
          return refuse;
        }
        // What is awaited is asked whether it is a promise.
        const isNone = typeof name === "symbol" || (name === "then" && !has(name));
        return isNone ? undefined : get(name);
      },
      has: (_target, name) => has(name),
      ownKeys: () => [...new Set(names())],
      getOwnPropertyDescriptor: (_target, name) =>
        has(name) ? { configurable: true, enumerable: true, value: get(name as string) } : undefined,
      set: (_target, name) => refuseChange(name),
      defineProperty: (_target, name) => refuseChange(name),
      deleteProperty: (_target, name) => refuseChange(name),
    },
  );
  proxies.add(proxy);
  return proxy;
}

function isStruct(type: Type): boolean {
  return type.kind === kinds.struct || type.kind === kinds.union;
}

function isInteger(type: Type): boolean {
  return type.kind === kinds.int || type.kind === kinds.enum || type.kind === kinds.enum64;
}

/** `char`, but not `unsigned char`, which is a number. */
function isCharacter(type: Type): boolean {
  return type.kind === kinds.int && type.size === 1 && type.name === "char";
}

/** The shape of an int or enum. */
export function shapeOf(btf: Btf, type: Type): Shape {
  if (type.kind === kinds.int) {
    return { size: type.size as Size, signed: type.signed };
  }
  return { size: type.size as Size, signed: type.signed, names: btf.enumerators(type.id), enum: type.name };
}

/** Loads from a place; what the verifier would refuse goes through bpf_probe_read_kernel(). */
function read({ kernel: { btf }, base, root, offset }: Place, at: number, size: Size, signed: boolean): Node {
  const walked = root === undefined ? "refused" : walk(btf, root, offset + at, size);
  return nodes.load(base, offset + at, size, signed, walked !== "refused");
}

function bitField(place: Place, bitOffset: number, bitSize: number, shape: Shape): object {
  // As compilers do: the aligned unit of the type's size, or the least one that holds all of it.
  const unit = ([1, 2, 4, 8] as const).find((size) => {
    const start = Math.floor(bitOffset / (8 * size)) * 8 * size;
    return size >= shape.size && bitOffset + bitSize <= start + 8 * size;
  });
  if (unit === undefined) {
    return lack(place.kernel, `a bitfield of ${bitSize} bits that lies across 8 bytes cannot be read`);
  }
  const start = Math.floor(bitOffset / (8 * unit)) * unit;
  const above = 64 - (bitOffset - 8 * start) - bitSize;
  const bits = nodes.binary("shl", read(place, start, unit, false), nodes.constant(BigInt(above)));
  const shift = shape.signed ? "shrSigned" : "shr";
  return new Num(nodes.binary(shift, bits, nodes.constant(BigInt(64 - bitSize))), shape);
}

/** The value at a place: a number, a text, or a proxy for what has parts. */
function valueAt(place: Place): unknown {
  const { kernel, type, offset } = place;
  const { btf } = kernel;
  if (isInteger(type)) {
    const shape = shapeOf(btf, type);
    if (![1, 2, 4, 8].includes(shape.size)) {
      return proxyOf(place);
    }
    return new Num(read(place, 0, shape.size, shape.signed), shape);
  }
  if (type.kind === kinds.array && isCharacter(btf.peel(type.type)) && type.count > 0) {
    return textAt(place, Math.min(type.count, longestText));
  }
  if (type.kind === kinds.pointer) {
    const walked = place.root === undefined ? "refused" : walk(btf, place.root, offset, 8);
    const root = typeof walked === "object" ? btf.type(walked.struct) : undefined;
    return pointerValue(kernel, read(place, 0, 8, false), root, type);
  }
  return proxyOf(place);
}

/** The longest array of which the bytes are loaded; a call of a helper costs less for more. */
const longestDirect = 32;

function textAt({ kernel: { btf }, base, root, offset }: Place, length: number): Text {
  const words = Array.from({ length: Math.ceil(length / 8) }, (_, word) => offset + 8 * word);
  const direct =
    root !== undefined &&
    length % 8 === 0 &&
    length <= longestDirect &&
    words.every((at) => walk(btf, root, at, 8) === "scalar");
  return new Text(nodes.text(base, offset, length, direct));
}

/** What a pointer of this value gives: a text for `char *`, an address where nothing is known of the target, else a proxy of the target. */
export function pointerValue(kernel: Kernel, value: Node, root: Type | undefined, pointer: Type): unknown {
  const target = kernel.btf.peel(pointer.type);
  if (isCharacter(target)) {
    return new Text(nodes.text(value, 0, textLength, false));
  }
  if (target.kind === kinds.void || target.kind === kinds.prototype || target.kind === kinds.forward) {
    return new Num(value);
  }
  return proxyOf({ kernel, base: value, root, offset: 0, type: target });
}

/** Members and elements of what lies at a place. */
function part(place: Place, name: string): unknown {
  const { kernel, type } = place;
  const { btf } = kernel;
  const index = /^\d+$/.test(name) ? Number(name) : undefined;
  if (index !== undefined && (!isStruct(type) || place.offset === 0)) {
    const [element, count] =
      type.kind === kinds.array ? [btf.peel(type.type), type.count] : ([type, Infinity] as const);
    if (index >= count && count > 0) {
      return lack(kernel, `${typeText(btf, type.id)} has no element ${index}`);
    }
    const moved = { ...place, offset: place.offset + index * btf.sizeOf(element.id), type: element };
    if (!(moved.offset < furthest)) {
      throw new TypeError(`element ${name}: it lies 2^29 bytes away, or further`);
    }
    // An element of an array of its own, behind a pointer, is nothing that the verifier knows of.
    return valueAt(type.kind === kinds.array || index === 0 ? moved : { ...moved, root: undefined });
  }
  const member = btf.member(type, name);
  if (member === undefined) {
    return lack(kernel, missing(btf, type, name));
  }
  const inner = btf.peel(member.type);
  if (member.bitSize > 0) {
    return bitField(place, member.bitOffset, member.bitSize, shapeOf(btf, inner));
  }
  return valueAt({ ...place, offset: place.offset + member.bitOffset / 8, type: inner });
}

function missing(btf: Btf, type: Type, name: string): string {
  const what = typeText(btf, type.id);
  if (!isStruct(type)) {
    return `${what} has no field ${name}`;
  }
  const names = btf.memberNames(type);
  const shown = names.length > 20 ? `${names.slice(0, 20).join(", ")} …` : names.join(", ");
  return `${what} has no field ${name} on this kernel${suggestion(name, names)}; it has ${shown}`;
}

function proxyOf(place: Place): object {
  const parts = new Map<string, unknown>();
  const proxy = kernelProxy(
    "a struct",
    (name) => {
      if (!parts.has(name)) {
        parts.set(name, part(place, name));
      }
      return parts.get(name);
    },
    () => place.kernel.btf.memberNames(place.type),
  );
  places.set(proxy, place);
  return proxy;
}

/** The struct that a proxy stands for a pointer to; undefined for any other value. */
export function structOf(value: unknown): Type | undefined {
  return typeof value === "object" && value !== null ? places.get(value)?.type : undefined;
}

/** The address of what a proxy stands for. */
export function addressOf(value: object): Num {
  if (value === lacking) {
    return value as Num;
  }
  if (value instanceof Text && !value.node.isKept) {
    return addressIn(value.node);
  }
  const place = places.get(value);
  if (place === undefined) {
    throw new TypeError("address: expected a pointer or a struct of the kernel's");
  }
  return addressIn(place);
}

function addressIn({ base, offset }: { readonly base: Node; readonly offset: number }): Num {
  const pointer = base.is === "typed" ? base.of : base;
  return new Num(offset === 0 ? pointer : nodes.binary("add", pointer, nodes.constant(BigInt(offset))));
}

/** The text at an address, or in an array of bytes, or of another length than it has by itself. */
export function textOf(value: unknown, length: number): Text {
  if (!Number.isInteger(length) || length < 1 || length > longestText) {
    throw new TypeError(`text of ${length} bytes: expected 1 to ${longestText}`);
  }
  if (value === lacking) {
    return value as Text;
  }
  if (value instanceof Text) {
    if (value.node.isKept) {
      throw new TypeError("text: what a start has kept is as long as it was there");
    }
    const { base, offset, direct, length: most, isUser } = value.node;
    return new Text(nodes.text(base, offset, direct ? Math.min(length, most) : length, false, isUser));
  }
  if (value instanceof Num) {
    return new Text(nodes.text(value.node, 0, length, false));
  }
  const place = typeof value === "object" && value !== null ? places.get(value) : undefined;
  if (place === undefined) {
    throw new TypeError("text: expected an address, an array of bytes or a text of the kernel's");
  }
  const { base, offset, type, kernel } = place;
  const most = type.kind === kinds.array && type.count > 0 ? kernel.btf.sizeOf(type.id) : length;
  return new Text(nodes.text(base, offset, Math.min(length, most), false));
}

/** The struct that a proxy's place lies in as another one, which begins there, by its name; undefined for what is no place. */
export function asStruct(value: object, name: string): object | undefined {
  const place = places.get(value);
  if (value === lacking || place === undefined) {
    return value === lacking ? value : undefined;
  }
  return structAt(place.kernel, addressOf(value).node, name);
}

/** What lies at an address, as a struct of this name; `trusted`: the verifier knows it, too. */
export function structAt(kernel: Kernel, address: Node, name: string, trusted = false): object {
  const id = kernel.btf.find(kinds.struct, name);
  if (id === undefined) {
    return lack(kernel, `this kernel has no struct ${name}`);
  }
  const type = kernel.btf.type(id);
  return proxyOf({ kernel, base: address, root: trusted ? type : undefined, offset: 0, type });
}
