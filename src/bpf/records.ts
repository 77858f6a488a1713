/** Records of signals that are built at run time: their decoders, and their types in the object. */
import { type ActorRecord, type RecordClass, RecordView } from "../binding/record.js";
import { layoutText, type Field as LayoutField } from "../binding/layout.js";
import type { EventRecord } from "../sdk/signal.js";
import { type Field, readerOf } from "./fields.js";
import type { RecordPlan } from "./plan.js";
import type { TypesWriter, WrittenMember } from "./types-writer.js";

/** The value of a field as a trace shows it. */
export interface BuiltRecord extends EventRecord {
  value(index: number): string | number | boolean;
}

/** Words of a record: its time, and its actor behind it (struct actor, bpf/include/ringtap/task.h). */
const actorAt = 2;
const commWords = 4;
const cgroupAt = 12;

/** Members that every record has in front of its own. */
const timeFields: readonly LayoutField[] = [{ name: "time", offset: 0, size: 8, kind: "unsigned" }];
const actorFields: readonly LayoutField[] = [
  { name: "tgid", offset: 8, size: 4, kind: "unsigned" },
  { name: "tid", offset: 12, size: 4, kind: "unsigned" },
  { name: "comm", offset: 16, size: 16, kind: "text" },
  { name: "thread_comm", offset: 32, size: 16, kind: "text" },
  { name: "cgroup", offset: 48, size: 8, kind: "unsigned" },
];

/** In front of the names of fields, so that none is the actor's. */
const prefix = "of_";

function layoutField({ name, kind, shape, offset, bytes }: Field): LayoutField {
  const type = kind === "text" ? "text" : shape.signed ? "signed" : "unsigned";
  return { name: `${prefix}${name}`, offset, size: bytes, kind: type };
}

/** All members of a record, padding among them. */
function membersOf({ actor, fields: { fields, end } }: RecordPlan): LayoutField[] {
  const members = [...timeFields, ...(actor === undefined ? [] : actorFields)];
  let reserved = 0;
  const pad = (to: number): void => {
    const last = members.at(-1) as LayoutField;
    const from = last.offset + last.size;
    if (from < to) {
      members.push({ name: `reserved${reserved++}`, offset: from, size: to - from, kind: "unsigned" });
    }
  };
  for (const field of fields) {
    pad(field.offset);
    members.push(layoutField(field));
  }
  pad(end);
  return members;
}

/** Writes the struct of a record. */
export function writeRecord(types: TypesWriter, plan: RecordPlan): void {
  const char = types.int("char", 1, true);
  const typeOf = ({ kind, size }: LayoutField): number =>
    kind === "text"
      ? types.array(char, size)
      : types.int(`${kind === "signed" ? "s" : "u"}${8 * size}`, size, kind === "signed");
  const members = membersOf(plan).map((field): WrittenMember => ({
    name: field.name,
    type: typeOf(field),
    offset: field.offset,
  }));
  types.struct(plan.struct, plan.fields.end, members);
}

/** The class that reads a record. */
export function recordClass(plan: RecordPlan): RecordClass<BuiltRecord & RecordView> {
  const readers = plan.fields.fields.map(readerOf);
  const layout = layoutText({ name: plan.struct, size: plan.fields.end, fields: membersOf(plan) });

  class Built extends RecordView implements BuiltRecord {
    static readonly struct = plan.struct;
    static readonly size = plan.fields.end;
    static readonly layout = layout;

    get time(): number {
      return (this.words[this.at] as number) + (this.words[this.at + 1] as number) * 2 ** 32;
    }
    value(index: number): string | number | boolean {
      return readers[index]?.value(this.words, this.at) ?? "";
    }
  }

  class BuiltWithActor extends Built implements ActorRecord {
    get tgid(): number {
      return this.words[this.at + actorAt] as number;
    }
    get tid(): number {
      return this.words[this.at + actorAt + 1] as number;
    }
    get comm(): string {
      return this.text(16, 16);
    }
    get threadComm(): string {
      return this.text(32, 16);
    }
    get cgroup(): number {
      return (this.words[this.at + cgroupAt] as number) + (this.words[this.at + cgroupAt + 1] as number) * 2 ** 32;
    }
    copyActor(key: Uint32Array): void {
      key[0] = this.tgid;
      for (let word = 0; word < commWords; word++) {
        key[1 + word] = this.words[this.at + actorAt + 2 + word] as number;
      }
      key[1 + commWords] = this.words[this.at + cgroupAt] as number;
      key[2 + commWords] = this.words[this.at + cgroupAt + 1] as number;
    }
    isActor(keys: Uint32Array, from: number): boolean {
      const { at, words } = this;
      let same = keys[from] === words[at + actorAt];
      for (let word = 0; word < commWords; word++) {
        same &&= keys[from + 1 + word] === words[at + actorAt + 2 + word];
      }
      return (
        same &&
        keys[from + 1 + commWords] === words[at + cgroupAt] &&
        keys[from + 2 + commWords] === words[at + cgroupAt + 1]
      );
    }
  }
  return plan.actor === undefined ? Built : BuiltWithActor;
}
