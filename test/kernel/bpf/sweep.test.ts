/** A record with the fields of each argument, for every tracepoint that the running kernel has: the verifier takes them all. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { it } from "node:test";

import { native, type NativeError } from "../../../src/binding/native.js";
import { Btf } from "../../../src/bpf/btf.js";
import { kinds, type Parameter, type Type } from "../../../src/bpf/btf-types.js";
import { objectOf } from "../../../src/bpf/build.js";
import { allArguments } from "../../../src/bpf/arguments.js";
import { Context } from "../../../src/bpf/context.js";
import type { Recorded } from "../../../src/bpf/fields.js";
import { Num, Text } from "../../../src/bpf/index.js";
import { structAt, structOf } from "../../../src/bpf/kernel.js";
import * as nodes from "../../../src/bpf/nodes.js";
import { type Plan, planOf } from "../../../src/bpf/plan.js";

/** A tracepoint, its arguments, and those of them that are to be read. */
interface Wanted {
  readonly tracepoint: string;
  readonly parameters: Parameter[];
  readonly read: readonly Parameter[];
}

/** Fields that are read of an argument, and structs within structs. */
const mostFields = 10;
const deepest = 2;

/** Programs of an object: opening one takes libbpf some milliseconds. */
const programsAtOnce = 80;

function isValue(value: unknown): value is Recorded {
  return value instanceof Num || value instanceof Text;
}

/** The first fields of what a proxy stands for, by a name of their own. */
function fieldsOf(value: object, type: Type, prefix: string, depth = 0): [string, Recorded][] {
  const fields: [string, Recorded][] = [];
  for (const { name } of type.members) {
    const field: unknown = name === "" ? undefined : Reflect.get(value, name);
    const inner = structOf(field);
    if (isValue(field)) {
      fields.push([`${prefix}_${name}`, field]);
    } else if (inner !== undefined && depth < deepest) {
      fields.push(...fieldsOf(field as object, inner, `${prefix}_${name}`, depth + 1));
    }
    if (fields.length >= mostFields) {
      break;
    }
  }
  return fields.slice(0, mostFields);
}

/** Linux 5.10 lets programs read, of an argument that is a pointer, only one to a struct, to `char` or to `void`. */
function isPlain(btf: Btf, { type }: Parameter): boolean {
  const peeled = btf.peel(type);
  const target = btf.peel(peeled.type);
  return peeled.kind !== kinds.pointer || target.kind === kinds.struct || target.kind === kinds.union;
}

/** Of a function, no kernel lets a program read the address. */
function isReadable(btf: Btf, { type }: Parameter): boolean {
  return btf.peel(btf.peel(type).type).kind !== kinds.prototype;
}

/** The record of a tracepoint; undefined when no argument of it can be read. */
function recordOf(btf: Btf, { tracepoint, parameters, read }: Wanted): Plan | undefined {
  const context = new Context(tracepoint, btf, parameters);
  const values = read.flatMap(({ name }): [string, Recorded][] => {
    const value: unknown = Reflect.get(context.event, name);
    const type = structOf(value);
    return isValue(value) ? [[`${name}_`, value]] : type === undefined ? [] : fieldsOf(value as object, type, name);
  });
  if (values.length === 0) {
    return undefined;
  }
  const part = { owner: "none" as const, record: Object.fromEntries(values) };
  return planOf({ name: tracepoint }, [{ context, part }]);
}

/** Loads programs; returns the tracepoints of those that the kernel refuses. */
function refusedOf(all: readonly Plan[], word: number | undefined): string[] {
  const refused: string[] = [];
  let left = all;
  for (;;) {
    const object = native.openBytes(objectOf(left, word), "sweep");
    try {
      object.load();
      return refused;
    } catch (error) {
      const { subject, message } = error as NativeError;
      assert(
        left.some(({ name }) => name === subject),
        message,
      );
      refused.push(subject);
      left = left.filter(({ name }) => name !== subject);
    } finally {
      object.close();
    }
  }
}

/** Loads a record for each; returns the tracepoints that are refused, and how many fields the others have. */
function sweep(btf: Btf, tracepoints: readonly Wanted[]): { refused: string[]; loaded: number; fields: number } {
  const built = tracepoints.flatMap((tracepoint) => recordOf(btf, tracepoint) ?? []);
  const refused: string[] = [];
  const word = btf.find(kinds.struct, "timespec64");
  for (let from = 0; from < built.length; from += programsAtOnce) {
    refused.push(...refusedOf(built.slice(from, from + programsAtOnce), word));
  }
  const loaded = built.filter(({ name }) => !refused.includes(name));
  const fields = loaded.reduce((sum, plan) => sum + (plan.record?.fields.fields.length ?? 0), 0);
  return { refused, loaded: loaded.length, fields };
}

it("loads a record for each tracepoint of this kernel that has an argument to read", () => {
  const btf = Btf.read("/sys/kernel/btf/vmlinux");
  const readable = [...allArguments(btf)].map(([tracepoint, parameters]) => ({
    tracepoint,
    parameters,
    read: parameters.filter((parameter) => isReadable(btf, parameter)),
  }));
  const first = sweep(btf, readable);
  const again = readable
    .filter(({ tracepoint }) => first.refused.includes(tracepoint))
    .map((wanted) => ({ ...wanted, read: wanted.read.filter((parameter) => isPlain(btf, parameter)) }));
  const second = sweep(btf, again);
  assert.deepEqual(second.refused, []);
  assert(first.refused.length <= 0.03 * readable.length, first.refused.join("\n"));
  const [loaded, fields] = [first.loaded + second.loaded, first.fields + second.fields];
  assert(loaded >= 0.98 * readable.length && fields > 8 * loaded, `${loaded} of ${readable.length}, ${fields} fields`);
});

/** Where bpftool says that the members of structs lie, in bits; of several structs of a name, the first. Bit fields are left out. */
function membersByTool(): ReadonlyMap<string, ReadonlyMap<string, number>> {
  const args = ["btf", "dump", "file", "/sys/kernel/btf/vmlinux", "format", "raw"];
  const structs = new Map<string, Map<string, number>>();
  let current: Map<string, number> | undefined;
  for (const line of execFileSync("bpftool", args, { encoding: "utf8", maxBuffer: 2 ** 28 }).split("\n")) {
    const [, member = "", bits] = /^\t'(\w+)' type_id=\d+ bits_offset=(\d+)$/.exec(line) ?? [];
    if (bits !== undefined) {
      current?.set(member, Number(bits));
    } else if (line.startsWith("[")) {
      const [, name = ""] = /^\[\d+\] STRUCT '(\w+)'/.exec(line) ?? [];
      current = name === "" || structs.has(name) ? undefined : new Map();
      if (current !== undefined) {
        structs.set(name, current);
      }
    }
  }
  return structs;
}

it("each number of each struct of the kernel is read from where bpftool says it lies", () => {
  const kernel = { btf: Btf.read("/sys/kernel/btf/vmlinux"), lacks: [] };
  const differing: string[] = [];
  let compared = 0;
  for (const [struct, members] of membersByTool()) {
    const value = structAt(kernel, nodes.constant(1n), struct, true);
    for (const [member, bits] of members) {
      const field: unknown = Reflect.get(value, member);
      if (field instanceof Num && field.node.is === "load") {
        compared++;
        if (field.node.offset !== bits / 8) {
          differing.push(`${struct}.${member}`);
        }
      }
    }
  }
  assert.deepEqual(differing, []);
  assert(compared > 10_000, `${compared} compared`);
});
