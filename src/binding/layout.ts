/** Where the members of a BPF record lie, read from the BTF of the object that writes it. */
import type { BpfObject, BtfMember } from "./native.js";

/** A global variable `struct T *export_T` puts the record T into the object's BTF (EXPORT_RECORD in bpf/include/ringtap/core.h). */
export const exportPrefix = "export_";

/** One member of a record, nested structs flattened into it. */
export interface Field {
  readonly name: string;
  /** Bytes from the start of the record. */
  readonly offset: number;
  /** Bytes of the member, of the whole array for one. */
  readonly size: number;
  /** `text` is an array of char, `bytes` one of any other single byte, `numbers` one of unsigned integers of 4 or 8 bytes. */
  readonly kind: "unsigned" | "signed" | "enum" | "text" | "bytes" | "numbers";
  /** Of `numbers`: how many there are. */
  readonly count?: number;
  /** Of an enum: its name in C. */
  readonly enum?: string;
}

/** A record's members in order, without holes. */
export interface Layout {
  readonly name: string;
  readonly size: number;
  readonly fields: readonly Field[];
}

function arrayKind({ elementSize, signed, typeName }: BtfMember): Field["kind"] | undefined {
  switch (elementSize) {
    case 1:
      return typeName === "char" ? "text" : "bytes";
    case 4:
    case 8:
      return signed ? undefined : "numbers";
    default:
      return undefined;
  }
}

function fieldKind(member: BtfMember): Field["kind"] | undefined {
  switch (member.kind) {
    case "int":
      return member.signed ? "signed" : "unsigned";
    case "enum":
      return member.size === 4 ? "enum" : undefined;
    case "array":
      return arrayKind(member);
    default:
      return undefined;
  }
}

function flatten(object: BpfObject, name: string, base: number): Field[] {
  const struct = object.struct(name);
  const fields: Field[] = [];
  let end = 0;
  for (const member of struct.members) {
    const where = `struct ${name}, member ${member.name}`;
    if (member.offset !== end) {
      throw new Error(`${where}: implicit padding before it; name it, so that no stack bytes leave the kernel`);
    }
    end = member.offset + member.size;
    if (member.kind === "struct") {
      fields.push(...flatten(object, member.typeName, base + member.offset));
      continue;
    }
    const kind = fieldKind(member);
    if (kind === undefined) {
      throw new Error(`${where}: of a kind that has no decoder (${member.kind}, ${member.size.toString()} bytes)`);
    }
    fields.push({
      name: member.name,
      offset: base + member.offset,
      size: member.size,
      kind,
      ...(kind === "enum" ? { enum: member.typeName } : {}),
      ...(kind === "numbers" ? { count: member.count } : {}),
    });
  }
  if (end !== struct.size) {
    throw new Error(`struct ${name}: implicit padding at its end; name it, so that no stack bytes leave the kernel`);
  }
  return fields;
}

/**
 * The layout of an exported record. Throws where a decoder could not be right: bitfields, unions, pointers, implicit padding,
 * two members of one name, a size that is not a multiple of 8.
 */
export function layoutOf(object: BpfObject, name: string): Layout {
  const fields = flatten(object, name, 0);
  const size = object.struct(name).size;
  const seen = new Set<string>();
  for (const field of fields) {
    if (seen.has(field.name)) {
      throw new Error(`struct ${name}: two members are called ${field.name} once nested structs are flattened`);
    }
    seen.add(field.name);
  }
  if (size % 8 !== 0) {
    throw new Error(`struct ${name}: ${size.toString()} bytes: make it a multiple of 8`);
  }
  return { name, size, fields };
}

/** The layout in one line: equal for equal layouts, and readable where two differ. */
export function layoutText(layout: Layout): string {
  const fields = layout.fields.map(
    ({ name, offset, size, kind, enum: enumName, count }) =>
      `${name}@${offset.toString()}+${size.toString()}:${enumName ?? kind}${count === undefined ? "" : count.toString()}`,
  );
  return `${layout.name}[${layout.size.toString()}] ${fields.join(" ")}`;
}
