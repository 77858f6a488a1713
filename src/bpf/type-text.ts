/** Types as C writes them. */
import type { Btf } from "./btf.js";
import { kinds } from "./btf-types.js";

/** `struct task_struct`, `enum pid_type`, `int`: a type as C writes it. */
export function typeText(btf: Btf, id: number): string {
  const type = btf.peel(id);
  const name = type.name === "" ? "(anonymous)" : type.name;
  switch (type.kind) {
    case kinds.void:
      return "void";
    case kinds.pointer:
      return `${typeText(btf, type.type)} *`;
    case kinds.array:
      return `${typeText(btf, type.type)}[${type.count}]`;
    case kinds.struct:
    case kinds.forward:
      return `struct ${name}`;
    case kinds.union:
      return `union ${name}`;
    case kinds.enum:
    case kinds.enum64:
      return `enum ${name}`;
    case kinds.prototype:
      return "function";
    default:
      return name;
  }
}
