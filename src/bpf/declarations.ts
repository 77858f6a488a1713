/** TypeScript's view of kernels: the tracepoints, their arguments, and the structs that these lead to. */
import type { Btf } from "./btf.js";
import { kinds, type Type } from "./btf-types.js";
import { allArguments } from "./arguments.js";
import {
  byName,
  commonNames,
  type Members,
  merged,
  type Names,
  numberText,
  objectText,
  type TypeOf,
  typeText,
  unitedType,
} from "./united-types.js";

/** The types of a kernel, and those of some of its modules by their names. */
export interface KernelTypes {
  readonly btf: Btf;
  readonly modules?: ReadonlyMap<string, Btf>;
}

/** Types of one kernel. */
interface Declared {
  readonly tracepoints: ReadonlyMap<string, Members>;
  readonly structs: ReadonlyMap<string, Members>;
  readonly enums: ReadonlyMap<string, Names>;
  /** Structs that can be asked for by their names in C. */
  readonly named: ReadonlyMap<string, string>;
}

/** Names that no interface may have: types and words of TypeScript, and what the file itself imports. */
const reserved = new Set(
  [
    "any bigint boolean never null number object string symbol undefined unknown void",
    "break case catch class const continue debugger default delete do else enum export extends false finally for function if import in",
    "instanceof new return super switch this throw true try typeof var while with",
    "implements interface let package private protected public static yield",
    "N T E",
  ].flatMap((words) => words.split(" ")),
);

/** An enum with more values than this is a number: their names would be most of the file. */
const mostNames = 400;

/** Structs that addresses and other structs are taken for: by at() and cast(). */
const named = [
  "task_struct cred file inode dentry super_block mm_struct cgroup",
  "sock inet_sock inet_connection_sock tcp_sock udp_sock unix_sock sk_buff net_device",
  "request bio gendisk",
].flatMap((words) => words.split(" "));

/** Collects what the tracepoints of a kernel lead to. */
class Collector implements Declared {
  readonly tracepoints = new Map<string, Members>();
  readonly structs = new Map<string, Members>();
  readonly enums = new Map<string, Names>();
  readonly named = new Map<string, string>();
  /** Whose types are collected. */
  #btf: Btf;
  readonly #names = new Map<Type, string>();
  readonly #taken = new Set<string>();
  readonly #pending: Type[] = [];
  /** What other kernels have under a name: an interface, or the type of an enum. */
  readonly #uses: Map<string, "interface" | "type">;

  /** `uses` is for the collectors of all kernels, so that no name is that of an interface and of an enum. */
  constructor({ btf, modules = new Map<string, Btf>() }: KernelTypes, uses: Map<string, "interface" | "type">) {
    this.#btf = btf;
    this.#uses = uses;
    for (const name of named) {
      const id = btf.find(kinds.struct, name);
      if (id !== undefined) {
        this.named.set(name, this.#nameOf(btf.type(id)));
      }
    }
    this.#collect("");
    for (const [name, types] of modules) {
      this.#btf = types;
      this.#collect(`${name}:`);
    }
  }

  /** Adds the tracepoints, and all structs that they and others lead to. */
  #collect(prefix: string): void {
    for (const [name, parameters] of allArguments(this.#btf)) {
      const members: Members = new Map();
      for (const { name: argument, type } of parameters) {
        const peeled = this.#btf.peel(type);
        const isFunction = peeled.kind === kinds.pointer && this.#btf.peel(peeled.type).kind === kinds.prototype;
        if (!isFunction && !this.#isStruct(peeled)) {
          members.set(argument, this.#typeOf(peeled));
        }
      }
      this.tracepoints.set(prefix === "" ? name : `"${prefix}${name}"`, members);
    }
    for (let type = this.#pending.pop(); type !== undefined; type = this.#pending.pop()) {
      this.structs.set(this.#nameOf(type), this.#members(type));
    }
  }

  #isStruct({ kind }: Type): boolean {
    return kind === kinds.struct || kind === kinds.union;
  }

  /** The name of a struct, union or enum: C's own, or one made different where two have the same. */
  #nameOf(type: Type): string {
    let name = this.#names.get(type);
    if (name === undefined) {
      const use = this.#isStruct(type) ? "interface" : "type";
      name = reserved.has(type.name) ? `${type.name}_` : type.name;
      while (this.#taken.has(name) || (this.#uses.get(name) ?? use) !== use) {
        name += "_";
      }
      this.#taken.add(name);
      this.#uses.set(name, use);
      this.#names.set(type, name);
      if (this.#isStruct(type)) {
        this.#pending.push(type);
      }
    }
    return name;
  }

  #members(struct: Type): Members {
    const members: Members = new Map();
    for (const { name, type } of struct.members) {
      const inner = this.#btf.peel(type);
      if (name !== "") {
        members.set(name, this.#typeOf(inner));
      } else {
        for (const [innerName, innerType] of this.#members(inner)) {
          members.set(innerName, innerType);
        }
      }
    }
    return members;
  }

  /** The type of a value: see valueAt() of kernel.ts. */
  #typeOf(type: Type): TypeOf {
    const btf = this.#btf;
    switch (type.kind) {
      case kinds.struct:
      case kinds.union:
        return type.name === "" ? this.#members(type) : this.#nameOf(type);
      case kinds.enum:
      case kinds.enum64:
        return this.#enum(type);
      case kinds.array: {
        const element = btf.peel(type.type);
        return isCharacter(element) && type.count > 0 ? "T" : `E<${typeText(this.#typeOf(element))}>`;
      }
      case kinds.pointer: {
        const target = btf.peel(type.type);
        if (isCharacter(target)) {
          return "T";
        }
        const isOpaque = target.kind === kinds.void || target.kind === kinds.prototype || target.kind === kinds.forward;
        return isOpaque ? "N" : this.#isStruct(target) ? this.#typeOf(target) : `E<${typeText(this.#typeOf(target))}>`;
      }
      default:
        return "N";
    }
  }

  #enum(type: Type): string {
    const values = [...this.#btf.enumerators(type.id).keys()];
    if (values.length === 0 || values.length > mostNames) {
      return "N";
    }
    if (type.name === "") {
      return numberText(values);
    }
    const name = this.#nameOf(type);
    this.enums.set(name, values);
    return name;
  }
}

function isCharacter(type: Type): boolean {
  return type.kind === kinds.int && type.size === 1 && type.name === "char";
}

/**
 * The declarations of one or several kernels' tracepoints, for editors and the compiler: a module that adds to `Tracepoints` of
 * `ringtap/bpf`. `origin` says in its first line where it comes from.
 */
export function declarationsOf(kernels: readonly KernelTypes[], origin: string): string {
  const sources = `https://elixir.bootlin.com/linux/${/^Linux (\d+\.\d+)/.exec(origin)?.[1]?.replace(/^/, "v") ?? "latest"}/A/ident/`;
  const uses = new Map<string, "interface" | "type">();
  const all = kernels.map((types): Declared => new Collector(types, uses));
  const line = (indent: string, [name, members]: readonly [string, Members], keyword = ""): string =>
    `${indent}${keyword}${name}${keyword === "" ? ":" : ""}${objectText(members)}`;
  const tracepoints = byName(
    all.map((each) => each.tracepoints),
    merged,
  );
  const structs = byName(
    all.map((each) => each.structs),
    merged,
  );
  const enums = byName(
    all.map((each) => each.enums),
    commonNames,
  );
  const named: Members = byName(
    all.map((each): ReadonlyMap<string, TypeOf> => each.named),
    unitedType,
  );
  return [
    `// Generated by ringtap bpf types from ${origin}. Do not edit.`,
    'import type { Elements as E, Num as N, Text as T } from "ringtap/bpf";',
    'declare module "ringtap/bpf" {',
    `/** By name, with their arguments. Where each fires: ${sources}trace_NAME; a struct: ${sources}NAME */`,
    "interface Tracepoints{",
    ...[...tracepoints].map((each) => line("", each)),
    "}",
    `interface Structs${objectText(named)}`,
    "}",
    ...[...enums].map(([name, names]) => `type ${name}=${numberText(names)}`),
    ...[...structs].map((each) => line("", each, "interface ")),
    "",
  ].join("\n");
}
