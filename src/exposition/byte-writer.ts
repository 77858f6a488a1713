/** Text written as bytes, in chunks. */
import { writeNumber, writeSeconds } from "./numbers.js";

/** Bytes of a chunk: some 400 lines. */
const chunkLength = 32_768;

/**
 * Fills one chunk after the other. Nothing but {@link reserve} looks whether there is room: what is written beyond it is lost.
 *
 * Short runs of bytes are copied by TypedArray's `set` and `copyWithin`, which take 20 to 30 ns whatever the length; a loop takes
 * twice as long for a label set, and `Buffer.copy` or writing a string three times.
 */
export class ByteWriter {
  #chunk = Buffer.allocUnsafe(chunkLength);
  #at = 0;

  /** Makes room for so many bytes. When that takes a new chunk, returns what the last one holds, which then is the caller's. */
  reserve(length: number): Buffer | undefined {
    if (this.#at + length <= this.#chunk.length) {
      return undefined;
    }
    const full = this.rest();
    this.#chunk = Buffer.allocUnsafe(Math.max(chunkLength, length));
    this.#at = 0;
    return full;
  }

  /** What was written and not yet returned. */
  rest(): Buffer {
    return this.#chunk.subarray(0, this.#at);
  }

  /** Where the next byte goes in the chunk. */
  get at(): number {
    return this.#at;
  }

  byte(code: number): void {
    this.#chunk[this.#at++] = code;
  }

  bytes(source: Uint8Array): void {
    this.#chunk.set(source, this.#at);
    this.#at += source.length;
  }

  number(value: number): void {
    this.#at = writeNumber(value, this.#chunk, this.#at);
  }

  /** Writes a time in seconds, given in milliseconds. */
  seconds(milliseconds: number): void {
    this.#at = writeSeconds(milliseconds, this.#chunk, this.#at);
  }

  /** Writes once more what the chunk holds from `start` up to, not including, `end`. */
  again(start: number, end: number): void {
    this.#chunk.copyWithin(this.#at, start, end);
    this.#at += end - start;
  }
}
