/** Which slots of the dispatch programs want which calls: struct dispatch_table of `bpf/include/ringtap/dispatch.h`. */
import type { BpfObject } from "../../binding/native.js";
import { indexCount } from "../../sdk/syscall-names.js";

/** A tracepoint that system calls pass. */
export type SyscallHook = "enter" | "exit";
export const syscallHooks: readonly SyscallHook[] = ["enter", "exit"];

/** Numbers of one of the three tables of calls: native, 32-bit and x32 ones lie behind each other. */
const tableNumbers = 1024;

/** Where the words of each hook begin. */
const offsets = { enter: 0, exit: indexCount } as const;

/** Bits of a word above which those of a native number say that the slot does not want the call of each table. */
const differs = 8;

/** The table, as it is to be in the kernel. */
export class CallTable {
  readonly #words = new Uint16Array(2 * indexCount);
  readonly #bytes = new Uint8Array(this.#words.buffer);

  /** The slot, a bit, wants the calls with these indexes, and an object's programs are told. */
  add(object: BpfObject, hook: SyscallHook, slot: number, indexes: readonly number[]): void {
    const wanted = new Set(indexes);
    for (let number = 0; number < tableNumbers; number++) {
      const inTables = [0, 1, 2].filter((table) => wanted.has(table * tableNumbers + number)).length;
      if (inTables === 1 || inTables === 2) {
        this.#set(hook, number, differs + slot);
      }
    }
    // Before a call reaches the slot, it is known for which tables.
    this.#write(object);
    for (const index of indexes) {
      this.#set(hook, index, slot);
    }
    this.#write(object);
  }

  /** The slot wants no call any more. */
  remove(object: BpfObject, hook: SyscallHook, slot: number): void {
    this.#clear(hook, slot);
    this.#write(object);
    this.#clear(hook, differs + slot);
    this.#write(object);
  }

  #set(hook: SyscallHook, index: number, bit: number): void {
    const at = offsets[hook] + index;
    this.#words[at] = (this.#words[at] as number) | (1 << bit);
  }

  #clear(hook: SyscallHook, bit: number): void {
    const begin = offsets[hook];
    for (let at = begin; at < begin + indexCount; at++) {
      this.#words[at] = (this.#words[at] as number) & ~(1 << bit);
    }
  }

  #write(object: BpfObject): void {
    object.setVariable("dispatch_table", this.#bytes);
  }
}
