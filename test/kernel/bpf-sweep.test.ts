/** A record with the fields of each argument, for every tracepoint that the running kernel has: the verifier takes them all. */
import assert from "node:assert/strict";
import { it } from "node:test";

import { native, type NativeError } from "../../src/binding/native.js";
import { Btf } from "../../src/bpf/btf.js";
import { kinds, type Type } from "../../src/bpf/btf-types.js";
import { type Built, objectOf } from "../../src/bpf/build.js";
import { argumentsOf, Context, tracepointsOf } from "../../src/bpf/context.js";
import type { Recorded } from "../../src/bpf/fields.js";
import { Num, Text } from "../../src/bpf/index.js";
import { structOf } from "../../src/bpf/kernel.js";
import { planOf } from "../../src/bpf/plan.js";

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

/** The record of a tracepoint; undefined when no argument of it can be read. */
function recordOf(btf: Btf, tracepoint: string, number: number): Built | undefined {
  const context = new Context(tracepoint, btf);
  const values = (argumentsOf(btf, tracepoint) ?? [])
    // Of a function, the kernel lets no program read the address.
    .filter(({ type }) => btf.peel(btf.peel(type).type).kind !== kinds.prototype)
    .flatMap(({ name }): [string, Recorded][] => {
      const value: unknown = Reflect.get(context.event, name);
      const type = structOf(value);
      return isValue(value) ? [[name, value]] : type === undefined ? [] : fieldsOf(value as object, type, name);
    });
  return values.length === 0
    ? undefined
    : { tracepoint, plan: planOf(context, { name: `t${number}`, owner: "none", record: Object.fromEntries(values) }) };
}

/** Loads programs; returns those that the kernel refuses, and why. */
function refusedOf(all: readonly Built[]): string[] {
  const refused: string[] = [];
  let left = all;
  for (;;) {
    const object = native.openBytes(objectOf(left), "sweep");
    try {
      object.load();
      return refused;
    } catch (error) {
      const { subject, message } = error as NativeError;
      const culprit = left.find(({ plan }) => plan.name === subject);
      assert(culprit !== undefined, message);
      refused.push(`${culprit.tracepoint}: ${message}`);
      left = left.filter((each) => each !== culprit);
    } finally {
      object.close();
    }
  }
}

it("loads a record for at least 99 % of the tracepoints of this kernel", () => {
  const btf = Btf.read("/sys/kernel/btf/vmlinux");
  const names = [...tracepointsOf(btf)].map(([name]) => name);
  const built = names.flatMap((name, number) => recordOf(btf, name, number) ?? []);
  const fields = built.reduce((sum, { plan }) => sum + (plan.record?.fields.fields.length ?? 0), 0);
  assert(built.length >= 0.99 * names.length && fields > 10 * names.length, `${built.length} with ${fields} fields`);
  const refused: string[] = [];
  for (let from = 0; from < built.length; from += programsAtOnce) {
    refused.push(...refusedOf(built.slice(from, from + programsAtOnce)));
  }
  assert(refused.length <= 0.01 * built.length, refused.join("\n"));
  // What can be wrong with a load that is not the kernel's hooks is known by now.
  assert.deepEqual(refused, []);
});
