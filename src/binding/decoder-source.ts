/** The text of decoders: a class for every record that a BPF object exports, from the BTF of the object itself. */
import { exportPrefix, type Field, type Layout, layoutOf, layoutText } from "./layout.js";
import type { BpfObject, BtfEnum } from "./native.js";

function pascal(name: string): string {
  return name.replace(/(^|_)([a-z0-9])/g, (_match, _underscore, letter: string) => letter.toUpperCase());
}

function camel(name: string): string {
  const text = pascal(name);
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** The part up to an underscore that all names begin with. */
function commonPrefix(names: readonly string[]): string {
  const [first = "", ...others] = names;
  let end = first.lastIndexOf("_") + 1;
  while (end > 0 && !others.every((name) => name.startsWith(first.slice(0, end)))) {
    end = first.lastIndexOf("_", end - 2) + 1;
  }
  return first.slice(0, end);
}

function enumText({ name, values }: BtfEnum): string {
  const prefix = commonPrefix(values.map((value) => value.name));
  const members = values.map(
    (value) => `  ${value.name.slice(prefix.length).toLowerCase()}: ${value.value.toString()},`,
  );
  return `/** enum ${name} */\nexport const ${pascal(name)} = {\n${members.join("\n")}\n} as const;\n`;
}

/** The expression that reads a 32-bit word, at so many words (an expression) from the record's start. */
function wordText(place: string): string {
  return `(this.words[this.at + ${place}] as number)`;
}

/** The same for a 64-bit value, as a number: exact up to 2^53. */
function longText(low: string, high: string, signed: boolean): string {
  const upper = signed ? `(${wordText(high)} | 0)` : wordText(high);
  return `${wordText(low)} + ${upper} * 2 ** 32`;
}

/** The expression that reads a member; `undefined` where its size or place has none. */
function reading(field: Field): string | undefined {
  const { offset, size } = field;
  const place = offset.toString();
  const word = offset / 4;
  if (field.kind === "text") {
    return `this.text(${place}, ${size.toString()})`;
  }
  if (field.kind === "bytes") {
    return `this.copy(${place}, ${size.toString()})`;
  }
  if (offset % size !== 0) {
    return undefined;
  }
  const signed = field.kind === "signed";
  switch (size) {
    case 8:
      return longText(word.toString(), (word + 1).toString(), signed);
    case 4:
      return signed ? `${wordText(word.toString())} | 0` : wordText(word.toString());
    case 2:
      return signed ? undefined : `this.u16(${place})`;
    case 1:
      return signed ? undefined : `this.u8(${place})`;
    default:
      return undefined;
  }
}

/** A method instead of a getter: one element of an array of numbers. */
function elementText({ name, offset, size, count = 1 }: Field): string {
  const word = offset / 4;
  const expression =
    size / count === 8
      ? longText(`${word.toString()} + 2 * index`, `${(word + 1).toString()} + 2 * index`, false)
      : wordText(`${word.toString()} + index`);
  return [
    `  static readonly ${camel(name)}Length = ${count.toString()};`,
    `  ${camel(name)}(index: number): number {`,
    `    return ${expression};`,
    "  }",
  ].join("\n");
}

function getterText(layout: Layout, field: Field): string {
  if (field.kind === "numbers") {
    return elementText(field);
  }
  const expression = reading(field);
  if (expression === undefined) {
    throw new Error(`struct ${layout.name}, member ${field.name}: ${field.size.toString()} bytes cannot be read there`);
  }
  const type = field.kind === "text" ? "string" : field.kind === "bytes" ? "Uint8Array" : "number";
  return [`  get ${camel(field.name)}(): ${type} {`, `    return ${expression};`, "  }"].join("\n");
}

/** The words that a member consists of, counted from the record's start. */
function wordsOf({ offset, size }: Field): number[] {
  return Array.from({ length: size / 4 }, (_, index) => offset / 4 + index);
}

/** The methods that a record with an actor has: see ActorRecord in src/binding/record.ts. */
function actorText({ fields }: Layout): string[] {
  const actor = ["tgid", "comm", "cgroup"].map((name) => fields.find((field) => field.name === name));
  if (actor.includes(undefined)) {
    return [];
  }
  const words = actor.flatMap((field) => wordsOf(field as Field)).map((word) => wordText(word.toString()));
  return [
    "  copyActor(key: Uint32Array): void {",
    ...words.map((word, index) => `    key[${index.toString()}] = ${word};`),
    "  }",
    "  isActor(keys: Uint32Array, from: number): boolean {",
    "    return (",
    words.map((word, index) => `      keys[from + ${index.toString()}] === ${word}`).join(" &&\n"),
    "    );",
    "  }",
  ];
}

function classText(layout: Layout): string {
  const name = pascal(layout.name);
  return `/** struct ${layout.name} */
export class ${name} extends RecordView {
  static readonly struct = "${layout.name}";
  static readonly size = ${layout.size.toString()};
  static readonly layout =
    "${layoutText(layout)}";

${[...layout.fields.map((field) => getterText(layout, field)), ...actorText(layout)].join("\n")}
}
`;
}

/**
 * The TypeScript module with the decoders of an object's exported records; `origin` says in its first line what it was generated
 * from. Throws for a record that no decoder could read: see {@link layoutOf}.
 */
export function decoderSource(object: BpfObject, origin: string): string {
  const layouts = object.variables(exportPrefix).map((name) => layoutOf(object, name.slice(exportPrefix.length)));
  const used = new Set(layouts.flatMap((layout) => layout.fields.map((field) => field.enum)));
  const enums = object.enums().filter((item) => used.has(item.name));
  return [
    `// Generated ${origin}. Do not edit.\n`,
    'import { RecordView } from "ringtap/signal";\n\n',
    [...enums.map(enumText), ...layouts.map(classText)].join("\n"),
  ].join("");
}
