/** What is done with the events of a tracepoint, as the command line says it. */
import type { Helpers, InterruptHelpers } from "../../bpf/context.js";
import type { Part } from "../../bpf/definition.js";
import type { Recorded, Values } from "../../bpf/fields.js";
import { addressOf } from "../../bpf/kernel.js";
import type { Untyped } from "../../bpf/untyped.js";
import { type Condition, Num, Text } from "../../bpf/values.js";
import { quote } from "../../log/logger-text.js";
import type { ComparisonText, FieldText, OneLiner } from "./words.js";

/** What can be said of the process that runs. */
const ofProcess = ["comm", "pid", "tid", "uid", "gid", "cgroup", "cpu"] as const;

/** What a path leads to: a field of an argument, or of the process that runs; `args.` in front means an argument in any case. */
function valueAt(path: readonly string[], e: Untyped, h: Helpers): unknown {
  const [first = "", ...rest] = path;
  if (first === "args" && rest.length > 0) {
    return step(e, rest);
  }
  const unattributed = (h as Partial<Pick<InterruptHelpers, "unattributed">>).unattributed;
  if (first === "unattributed" && unattributed !== undefined) {
    return step(unattributed, rest);
  }
  const known = ofProcess.find((name) => name === first);
  if (
    unattributed !== undefined &&
    (first === "task" || (known !== undefined && known !== "cpu" && rest.length === 0))
  ) {
    throw new TypeError(
      `the tracepoint fires in interrupts, while an unrelated process runs: unattributed.${path.join(".")} is that one all the same`,
    );
  }
  if (known !== undefined && rest.length === 0) {
    return h[known];
  }
  return first === "task" && !Reflect.has(e, "task") ? step(h.task, rest) : step(e, path);
}

function step(from: object, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, name) => {
    if (value instanceof Num || value instanceof Text) {
      throw new TypeError(`${path.join(".")}: a ${value instanceof Num ? "number" : "text"} has no field ${name}`);
    }
    return Reflect.get(value as object, name);
  }, from);
}

/** Calls `make`; what it throws says which words it is about. */
function about<T>(flag: string, text: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new TypeError(`--${flag} ${quote(text)}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

function conditionOf(written: ComparisonText, e: Untyped, h: Helpers): Condition {
  const { path, operator, value } = written;
  const found = valueAt(path, e, h);
  if (found instanceof Text) {
    switch (operator) {
      case "=":
      case "==":
        return found.eq(value);
      case "!=":
        return found.ne(value);
      default:
        throw new TypeError(`${operator} compares numbers: use = or !=`);
    }
  }
  const number = found instanceof Num ? found : addressOf(found as object);
  const than = /^-?(0x[\da-f]+|\d+)$/i.test(value) ? literal(value) : value;
  switch (operator) {
    case "=":
    case "==":
      return number.eq(than);
    case "!=":
      return number.ne(than);
    case ">":
      return number.gt(than);
    case ">=":
      return number.ge(than);
    case "<":
      return number.lt(than);
    case "<=":
      return number.le(than);
    case "&":
      return typeof than === "string" ? refuseBits(than) : number.bitAnd(than).ne(0);
  }
}

function refuseBits(text: string): never {
  throw new TypeError(`${quote(text)}: expected a number, such as 0x40`);
}

function literal(text: string): bigint {
  return text.startsWith("-") ? -BigInt(text.slice(1)) : BigInt(text);
}

/** `taken`: names that something else of a row has. */
function valuesOf(
  flag: string,
  fields: readonly FieldText[],
  taken: readonly string[],
  e: Untyped,
  h: Helpers,
): Values {
  const values: Record<string, Recorded> = {};
  for (const { text, label, path } of fields) {
    if (Object.hasOwn(values, label) || taken.includes(label)) {
      throw new TypeError(`--${flag} ${quote(text)}: another one is called ${label}: say name=${path.join(".")}`);
    }
    values[label] = about(flag, text, () => valueAt(path, e, h) as Recorded);
  }
  return values;
}

/** The part of a signal that a command line describes. */
export function partOf({ by, where, sum, of }: OneLiner, e: Untyped, h: Helpers): Part {
  const taken = of === undefined ? ["count"] : ["count", "sum", "buckets"];
  const labels = valuesOf("by", by, taken, e, h);
  const conditions = where.map((written) => about("where", written.text, () => conditionOf(written, e, h)));
  const [first, ...others] = conditions;
  const condition = others.reduce<Condition | undefined>((all, next) => all?.and(next), first);
  return {
    ...(condition === undefined ? {} : { where: condition }),
    owner: "none",
    ...(of === undefined
      ? {
          count: {
            by: labels,
            sum: valuesOf("sum", sum, [...taken, ...Object.keys(labels)], e, h) as Readonly<Record<string, Num>>,
          },
        }
      : { histogram: { of: about("of", of.field.text, () => numberAt(of.field, e, h)), unit: of.unit, by: labels } }),
  };
}

function numberAt({ path }: FieldText, e: Untyped, h: Helpers): Num {
  const found = valueAt(path, e, h);
  if (found instanceof Num || typeof found === "function") {
    return found as Num;
  }
  throw new TypeError(
    found instanceof Text ? "it is a text, and no number" : "it is a struct: choose one of its fields",
  );
}
