/** `--where`: conditions on the fields of an event. */
import type { TraceType, TraceValue } from "../../sdk/signal.js";
import { UsageError } from "../errors.js";
import { quote } from "../../log/logger-text.js";
import { suggestion } from "../../config/suggest.js";
import { commOf, duration, pidOf, refuse } from "../../sdk/flag-values.js";
import type { TraceableSignal } from "../../views/trace-event.js";
import { type Fields, hasActors, isDuration } from "./fields.js";

/** Those of two letters first, as the alternatives of a pattern are tried. */
const operators = ["!=", ">=", "<=", "!~", "=", ">", "<", "~"] as const;
type Operator = (typeof operators)[number];

/** A condition as it was written; whether there is such a field depends on the signal. */
export interface Condition {
  readonly text: string;
  readonly field: string;
  readonly operator: Operator;
  readonly value: string;
}

const conditionPattern = new RegExp(`^(\\w+)\\s*(${operators.join("|")})\\s*(.*)$`, "s");

/** The conditions of one text, which blanks separate unless they are in double quotes: `comm="my prog" pid>1`. */
export function splitConditions(text: string): string[] {
  return text.match(/(?:"[^"]*"|[^\s"])+/g) ?? [];
}

/** Reads a condition: a field, an operator and a value, which may stand in double quotes. */
export function condition(text: string): Condition {
  const [, field = "", operator = "", rest = ""] = conditionPattern.exec(text) ?? [];
  const value = /^"(.*)"$/s.exec(rest)?.[1] ?? rest;
  if (field === "" || value.includes('"')) {
    return refuse(text, `expected a field, one of ${operators.join(" ")} and a value, such as comm=nginx`);
  }
  return { text, field, operator: operator as Operator, value };
}

/** What conditions are read by beside the types of fields: the signal's name, and its short names of fields. */
export interface TracedFields {
  readonly name: string;
  readonly aliases?: Readonly<Record<string, string>> | undefined;
}

/**
 * Whether an event meets all conditions, for the fields of a signal. An event that does not have a field meets no condition on it.
 * Throws a UsageError for a field that there is not, naming the nearest, and for a value that the field cannot have.
 */
export function compileWhere(
  conditions: readonly Condition[],
  types: Readonly<Record<string, TraceType>>,
  signal: TracedFields,
): (fields: Fields) => boolean {
  const tests = conditions.map((written) => {
    const fail = (problem: string): never => {
      throw new UsageError(`--where ${quote(written.text)}: ${problem}`);
    };
    const field = fieldOf(written.field, types, signal, fail);
    const test = testOf(written, types[field] ?? "string", isDuration(field), fail);
    return (fields: Fields): boolean => {
      const value = fields[field];
      return value !== undefined && test(value);
    };
  });
  return (fields) => tests.every((test) => test(fields));
}

/**
 * Of the processes that conditions ask for by `pid=` and `comm=`: of each field one value, or none, so that no event that meets all
 * conditions is of another process. Empty where a signal's records do not say who did it, or where it has such fields of its own.
 */
export function processesOf(
  conditions: readonly Condition[],
  signal: TraceableSignal,
): { readonly pids: readonly number[]; readonly comms: readonly string[] } {
  const values = <T>(field: string, read: (text: string) => T): readonly T[] => {
    const written = conditions.find((each) => each.field === field && each.operator === "=");
    if (written === undefined || !hasActors(signal) || Object.hasOwn(signal.trace.types, field)) {
      return [];
    }
    try {
      return [read(written.value)];
    } catch {
      // No process has it, or its name is not the bytes of this text: the condition itself leaves out what it has to.
      return [];
    }
  };
  return { pids: values("pid", pidOf), comms: values("comm", wholeComm) };
}

/** A name that stands for the same bytes in the kernel. Throws for one with a character in the place of bytes that are none. */
function wholeComm(text: string): string {
  return text.includes("\ufffd") ? refuse(text, "expected a name in UTF-8") : commOf(text);
}

type Fail = (problem: string) => never;
type Present = Exclude<TraceValue, undefined>;

function fieldOf(name: string, types: Readonly<Record<string, TraceType>>, signal: TracedFields, fail: Fail): string {
  const field = [name, signal.aliases?.[name] ?? "", `${name}_seconds`].find((candidate) =>
    Object.hasOwn(types, candidate),
  );
  if (field !== undefined) {
    return field;
  }
  const fields = Object.keys(types);
  const typed = Object.entries(signal.aliases ?? {}).filter(([, long]) => fields.includes(long));
  const known = [...fields, ...typed.map(([short]) => short)];
  const near = suggestion(name, known);
  return fail(`${signal.name} has no field ${quote(name)}${near === "" ? `: it has ${known.join(", ")}` : near}`);
}

function testOf(
  { operator, value }: Condition,
  type: TraceType,
  seconds: boolean,
  fail: Fail,
): (actual: Present) => boolean {
  if (operator === "~" || operator === "!~") {
    const pattern = patternOf(value, fail);
    return (actual) => pattern.test(String(actual)) === (operator === "~");
  }
  const expected = valueOf(value, type, seconds, fail);
  if (operator === "=" || operator === "!=") {
    return (actual) => (actual === expected) === (operator === "=");
  }
  if (typeof expected !== "number") {
    return fail(`${operator} compares numbers: use =, !=, ~ or !~`);
  }
  return comparison(operator, expected);
}

function comparison(operator: ">" | "<" | ">=" | "<=", than: number): (actual: Present) => boolean {
  switch (operator) {
    case ">":
      return (actual) => Number(actual) > than;
    case "<":
      return (actual) => Number(actual) < than;
    case ">=":
      return (actual) => Number(actual) >= than;
    case "<=":
      return (actual) => Number(actual) <= than;
  }
}

function patternOf(text: string, fail: Fail): RegExp {
  try {
    return new RegExp(text, "u");
  } catch (error) {
    return fail((error as Error).message);
  }
}

function valueOf(text: string, type: TraceType, seconds: boolean, fail: Fail): string | number | boolean {
  if (typeof type === "object") {
    return type.includes(text) ? text : fail(`expected one of ${type.join(", ")}${suggestion(text, type)}`);
  }
  switch (type) {
    case "string":
      return text;
    case "boolean":
      return text === "true" || (text === "false" ? false : fail("expected true or false"));
    default:
      return seconds ? secondsOf(text, fail) : numberOf(text, fail);
  }
}

function numberOf(text: string, fail: Fail): number {
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : fail("expected a number");
}

/** A bare number is seconds, as in JSON. */
function secondsOf(text: string, fail: Fail): number {
  try {
    return /^\d+(\.\d+)?$/.test(text) ? Number(text) : duration(text) / 1e9;
  } catch (error) {
    return fail((error as Error).message);
  }
}
