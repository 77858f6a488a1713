/** What the verifier makes of a load through a pointer that it knows the type of: btf_struct_walk() in kernel/bpf/btf.c. */
import type { Btf } from "./btf.js";
import { kinds, type Type } from "./btf-types.js";

/** The load gives a number, a pointer to this struct, or is refused. */
export type Walked = "scalar" | "refused" | { readonly struct: number };

function isStruct({ kind }: Type): boolean {
  return kind === kinds.struct || kind === kinds.union;
}

/** A pointer to a struct in kernel memory is followed; any other is a number. */
function pointed(btf: Btf, pointer: Type): Walked {
  const tags = btf.tags(pointer);
  const target = btf.peel(pointer.type);
  return isStruct(target) && !tags.includes("user") && !tags.includes("percpu") ? { struct: target.id } : "scalar";
}

/** Loads `size` bytes at `offset` of a struct. */
export function walk(btf: Btf, struct: Type, offset: number, size: number): Walked {
  if (offset + size > struct.size) {
    return "refused";
  }
  for (const member of struct.members) {
    const start = Math.floor(member.bitOffset / 8);
    if (member.bitSize > 0) {
      const end = Math.ceil((member.bitOffset + member.bitSize) / 8);
      if (offset <= start && end <= offset + size) {
        return "scalar";
      }
      if (offset + size <= start || offset >= end) {
        continue;
      }
      return "refused";
    }
    if (offset + size <= start) {
      break;
    }
    const end = start + btf.sizeOf(member.type);
    if (offset >= end) {
      continue;
    }
    return walkMember(btf, btf.peel(member.type), { start, end }, offset, size);
  }
  return "refused";
}

function walkMember(
  btf: Btf,
  member: Type,
  { start, end }: { readonly start: number; readonly end: number },
  offset: number,
  size: number,
): Walked {
  let type = member;
  let from = start;
  while (type.kind === kinds.array) {
    const bytes = btf.sizeOf(type.type);
    from += Math.floor((offset - from) / bytes) * bytes;
    type = btf.peel(type.type);
  }
  if (isStruct(type)) {
    return walk(btf, type, offset - from, size);
  }
  if (type.kind === kinds.pointer) {
    return size === 8 && offset === from ? pointed(btf, type) : "refused";
  }
  return offset + size > end ? "refused" : "scalar";
}
