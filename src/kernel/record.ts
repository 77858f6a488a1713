/** Reading one record in place: a flyweight that is moved over a batch. */

const twoTo32 = 2 ** 32;
const decoder = new TextDecoder();

/**
 * The base of every generated decoder. One instance is moved from record to record; its getters read the record where it lies and
 * allocate nothing, but for text and bytes. A record may be shorter than its struct: what follows must not be read then.
 */
export abstract class RecordView {
  /** Bytes of the record in hand. */
  length = 0;
  #words = new Uint32Array(0);
  #bytes = new Uint8Array(0);
  #at = 0;

  /** Points the view at the memory that its records will lie in. */
  bind(memory: ArrayBuffer): void {
    this.#words = new Uint32Array(memory, 0, memory.byteLength >>> 2);
    this.#bytes = new Uint8Array(memory);
  }

  /** Moves to the record at a byte offset (a multiple of 8) of the memory. */
  moveTo(offset: number, length: number): void {
    this.#at = offset >>> 2;
    this.length = length;
  }

  /** An unsigned 32-bit word; `word` counts in units of 4 bytes from the record's start. */
  protected u32(word: number): number {
    return this.#words[this.#at + word] as number;
  }

  /** A signed 32-bit word. */
  protected s32(word: number): number {
    return (this.#words[this.#at + word] as number) | 0;
  }

  /** An unsigned 64-bit value as a number: exact up to 2^53. */
  protected u64(word: number): number {
    const at = this.#at + word;
    return (this.#words[at] as number) + (this.#words[at + 1] as number) * twoTo32;
  }

  /** A signed 64-bit value as a number: exact within ±2^53. */
  protected s64(word: number): number {
    const at = this.#at + word;
    return (this.#words[at] as number) + ((this.#words[at + 1] as number) | 0) * twoTo32;
  }

  /** A 16-bit value at a byte offset. */
  protected u16(offset: number): number {
    const at = (this.#at << 2) + offset;
    return (this.#bytes[at] as number) | ((this.#bytes[at + 1] as number) << 8);
  }

  /** A byte at a byte offset. */
  protected u8(offset: number): number {
    return this.#bytes[(this.#at << 2) + offset] as number;
  }

  /** A C string of at most `size` bytes at a byte offset; invalid UTF-8 becomes U+FFFD. Allocates. */
  protected text(offset: number, size: number): string {
    const start = (this.#at << 2) + offset;
    const field = this.#bytes.subarray(start, start + Math.max(0, Math.min(size, this.length - offset)));
    const end = field.indexOf(0);
    return decoder.decode(end < 0 ? field : field.subarray(0, end));
  }

  /** A copy of `size` bytes at a byte offset. Allocates. */
  protected copy(offset: number, size: number): Uint8Array {
    const start = (this.#at << 2) + offset;
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

/** The members of `struct actor`, which every record about a process carries (bpf/lib/task.h). */
export interface ActorRecord {
  readonly tgid: number;
  /** The comm of the process in four words: equal words, equal comm. */
  readonly commWord0: number;
  readonly commWord1: number;
  readonly commWord2: number;
  readonly commWord3: number;
  /** The same as text. Allocates. */
  readonly comm: string;
}
