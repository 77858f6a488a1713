/** Which slots of the dispatch programs want which calls: struct dispatch_table of `bpf/include/ringtap/dispatch.h`. */
import type { BpfObject } from "../../binding/native.js";
import { indexCount } from "../../sdk/syscall-names.js";

/** A tracepoint that system calls pass. */
export type SyscallHook = "enter" | "exit";
export const syscallHooks: readonly SyscallHook[] = ["enter", "exit"];

/** Numbers of one of the three tables of calls: native, 32-bit and x32 ones lie behind each other. */
const tableNumbers = 1024;

/** Where the bytes of each hook begin. */
const offsets = {
  enter: { slots: 0, differs: 2 * indexCount },
  exit: { slots: indexCount, differs: 2 * indexCount + tableNumbers },
} as const;

/** Bytes of the struct. */
const size = 2 * (indexCount + tableNumbers);

/** The table, as it is to be in the kernel. */
export class CallTable {
  readonly #bytes = new Uint8Array(size);

  /** The slot, a bit, wants the calls with these indexes, and an object's programs are told. */
  add(object: BpfObject, hook: SyscallHook, slot: number, indexes: readonly number[]): void {
    const wanted = new Set(indexes);
    const { slots, differs } = offsets[hook];
    for (let number = 0; number < tableNumbers; number++) {
      const inTables = [0, 1, 2].filter((table) => wanted.has(table * tableNumbers + number)).length;
      if (inTables === 1 || inTables === 2) {
        this.#set(differs + number, slot);
      }
    }
    // Before a call reaches the slot, it is known for which tables.
    this.#write(object);
    for (const index of indexes) {
      this.#set(slots + index, slot);
    }
    this.#write(object);
  }

  /** The slot wants no call any more. */
  remove(object: BpfObject, hook: SyscallHook, slot: number): void {
    const { slots, differs } = offsets[hook];
    this.#clear(slots, indexCount, slot);
    this.#write(object);
    this.#clear(differs, tableNumbers, slot);
    this.#write(object);
  }

  #set(at: number, slot: number): void {
    this.#bytes[at] = (this.#bytes[at] as number) | (1 << slot);
  }

  #clear(from: number, length: number, slot: number): void {
    for (let at = from; at < from + length; at++) {
      this.#bytes[at] = (this.#bytes[at] as number) & ~(1 << slot);
    }
  }

  #write(object: BpfObject): void {
    object.setVariable("dispatch_table", this.#bytes);
  }
}
