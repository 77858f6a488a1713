/** How what a program computes lies in a map's key or in a record, and how it is read there. */
import type { Compiler } from "./compiler.js";
import type { Variable } from "./assembler.js";
import type { Num } from "./values.js";
import { Condition, type Shape, Text } from "./values.js";

/** What can be a label, or a field of a record. */
export type Recorded = Num<string> | Condition | Text;

/** Labels of a metric by name, or fields of a record. */
export type Values = Readonly<Record<string, Recorded>>;

/** A value and its place, in bytes. */
export interface Field {
  readonly name: string;
  readonly value: Recorded;
  readonly kind: "number" | "condition" | "text";
  readonly shape: Shape;
  readonly offset: number;
  readonly bytes: number;
}

/** Fields and how many bytes they take, a multiple of 8. */
export interface Layout {
  readonly fields: readonly Field[];
  readonly end: number;
}

function described(value: Recorded): Pick<Field, "kind" | "shape" | "bytes"> {
  const shape: Shape = { size: 4, signed: false };
  if (value instanceof Text) {
    return { kind: "text", shape, bytes: value.node.size };
  }
  return value instanceof Condition
    ? { kind: "condition", shape, bytes: 4 }
    : { kind: "number", shape: value.shape, bytes: value.shape.size === 8 ? 8 : 4 };
}

/** Lays fields out from `start` on: long numbers first, so that none needs padding, and texts last. Returns their end, too. */
export function layOut(fields: readonly (readonly [name: string, value: Recorded])[], start: number): Layout {
  const order = ({ kind, bytes }: Pick<Field, "kind" | "bytes">): number => (kind === "text" ? 2 : bytes === 8 ? 0 : 1);
  const all = fields.map(([name, value]) => ({ name, value, ...described(value) }));
  let end = start;
  const laid = [...all]
    .sort((a, b) => order(a) - order(b))
    .map((field): Field => {
      end = field.kind === "text" ? Math.ceil(end / 8) * 8 : end;
      const offset = end;
      end += field.bytes;
      return { ...field, offset };
    });
  return { fields: laid, end: Math.ceil(end / 8) * 8 };
}

/** Writes fields to a place of `end` bytes, those between them as zeros. */
export function writeFields(
  compiler: Compiler,
  { fields, end }: Layout,
  base: Variable | undefined,
  offset: number,
): void {
  const { assembler } = compiler;
  let filled = 0;
  for (const field of fields) {
    if (field.kind === "text" && filled % 8 === 4) {
      assembler.store(base, offset + filled, 4, { number: 0 });
    }
    filled = field.offset + field.bytes;
    if (field.value instanceof Text) {
      compiler.text(field.value.node, { base, offset: offset + field.offset });
    } else {
      assembler.store(base, offset + field.offset, field.bytes === 8 ? 8 : 4, compiler.number(field.value.node));
    }
  }
  if (filled % 8 === 4 && filled < end) {
    assembler.store(base, offset + filled, 4, { number: 0 });
  }
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The name of an enum's value, by the value. */
function namesByValue({ names }: Shape): ReadonlyMap<bigint, string> {
  // Of two names of a value, the first.
  return new Map([...(names ?? [])].reverse().map(([name, value]) => [value, name]));
}

/** Reads a field out of memory that begins `at` a multiple of 4 bytes. */
export interface FieldReader {
  readonly field: Field;
  /** The text of a label. */
  text(words: Uint32Array, at: number): string;
  /** The value in a trace: exact up to 2^53. */
  value(words: Uint32Array, at: number): string | number | boolean;
}

function textIn(words: Uint32Array, at: number, bytes: number): string {
  const all = new Uint8Array(words.buffer, words.byteOffset + 4 * at, bytes);
  const end = all.indexOf(0);
  // A copy: a decoder takes no view of memory that others write.
  return decoder.decode(all.slice(0, end < 0 ? bytes : end));
}

/** How a field is read. */
export function readerOf(field: Field): FieldReader {
  const { kind, shape, offset, bytes } = field;
  const from = offset / 4;
  const names = namesByValue(shape);
  const exact = (words: Uint32Array, at: number): bigint => {
    const low = BigInt(words[at + from] as number);
    if (bytes === 4) {
      return shape.signed ? BigInt.asIntN(32, low) : low;
    }
    const whole = low | (BigInt(words[at + from + 1] as number) << 32n);
    return shape.signed ? BigInt.asIntN(64, whole) : whole;
  };
  switch (kind) {
    case "text": {
      const read = (words: Uint32Array, at: number): string => textIn(words, at + from, bytes);
      return { field, text: read, value: read };
    }
    case "condition": {
      const read = (words: Uint32Array, at: number): boolean => words[at + from] !== 0;
      return { field, text: (words, at) => `${read(words, at)}`, value: read };
    }
    case "number": {
      const text = (words: Uint32Array, at: number): string => {
        const value = exact(words, at);
        return names.get(value) ?? `${value}`;
      };
      const value = (words: Uint32Array, at: number): string | number =>
        names.size > 0 ? text(words, at) : Number(exact(words, at));
      return { field, text, value };
    }
  }
}
