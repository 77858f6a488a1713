/** Reading one record in place: a flyweight that is moved over a batch. */

/** Nothing is left out, not even a byte order mark: without it, one name would read like another. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** A C string in bytes that end with it or with a zero; invalid UTF-8 becomes U+FFFD. Allocates. */
export function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return decoder.decode(end < 0 ? bytes : bytes.subarray(0, end));
}

/**
 * The base of every generated decoder. One instance is moved from record to record; its getters read the record where it lies and
 * allocate nothing, but for text and bytes. A record may be shorter than its struct: what follows must not be read then.
 *
 * Numbers are read by the generated getters themselves, out of `words`: V8 keeps what it learns by the place in the code, and a
 * reading function in common would have seen too many classes to be fast.
 */
export abstract class RecordView {
  /** Bytes of the record in hand. */
  length = 0;
  /** The memory in units of 4 bytes. */
  protected words = new Uint32Array(0);
  /** Where the record begins, in words. */
  protected at = 0;
  #bytes = new Uint8Array(0);

  /** Points the view at the memory that its records will lie in. */
  bind(memory: ArrayBuffer): void {
    this.words = new Uint32Array(memory, 0, memory.byteLength >>> 2);
    this.#bytes = new Uint8Array(memory);
  }

  /** Moves to the record at a byte offset (a multiple of 8) of the memory. */
  moveTo(offset: number, length: number): void {
    this.at = offset >>> 2;
    this.length = length;
  }

  /** A 16-bit value at a byte offset. */
  protected u16(offset: number): number {
    const at = (this.at << 2) + offset;
    return (this.#bytes[at] as number) | ((this.#bytes[at + 1] as number) << 8);
  }

  /** A byte at a byte offset. */
  protected u8(offset: number): number {
    return this.#bytes[(this.at << 2) + offset] as number;
  }

  /** A C string of at most `size` bytes at a byte offset; invalid UTF-8 becomes U+FFFD. Allocates. */
  protected text(offset: number, size: number): string {
    const start = (this.at << 2) + offset;
    return textOf(this.#bytes.subarray(start, start + Math.max(0, Math.min(size, this.length - offset))));
  }

  /** A copy of `size` bytes at a byte offset. Allocates. */
  protected copy(offset: number, size: number): Uint8Array {
    const start = (this.at << 2) + offset;
    return this.#bytes.slice(start, start + size);
  }
}

/** What every generated decoder class has on the side of its constructor. */
export interface RecordClass<T extends RecordView = RecordView> {
  new (): T;
  /** The struct in C. */
  readonly struct: string;
  /** Bytes of the whole struct. */
  readonly size: number;
  /** Its layout, as `layoutText` writes it: compared with the loaded object's own. */
  readonly layout: string;
}

/**
 * What tells a process under one of its names, in one control group, from all others: the tgid, the comm in four words, the
 * group's id in two.
 */
export const actorWords = 7;

/** A record with a `struct actor` (bpf/include/ringtap/task.h). */
export interface ActorRecord {
  readonly tgid: number;
  /** The comm of the process. Allocates. */
  readonly comm: string;
  /** Id of the control group; 0 when they are not asked for. */
  readonly cgroup: number;
  /** Writes the {@link actorWords} into `key`. */
  copyActor(key: Uint32Array): void;
  /** Are the actor's words those that begin at `from`? */
  isActor(keys: Uint32Array, from: number): boolean;
}
