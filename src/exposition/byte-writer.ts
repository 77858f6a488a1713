/** Bytes written into chunks. */
import { writeNumber, writeSeconds } from "./numbers.js";

/** Bytes of a chunk: some 400 lines. */
const chunkLength = 32_768;

/**
 * Fills one chunk after the other. Only {@link reserve} checks the space that is left: what is written beyond it is lost.
 *
 * Short runs of bytes are copied by TypedArray's `set` and `copyWithin`, which take 20 to 30 ns whatever the length; a loop takes
 * twice as long for a label set, and `Buffer.copy` or writing a string three times.
 */
export class ByteWriter {
  protected chunk: Buffer;
  /** Where the next byte goes in the chunk. */
  protected position = 0;
  /** What lies before it was returned. */
  #returned = 0;

  /** `length` is that of the first chunk. */
  constructor(length = chunkLength) {
    this.chunk = Buffer.allocUnsafe(length);
  }

  /** Makes room for so many bytes. When that takes a new chunk, returns the {@link rest} of the last one. */
  reserve(length: number): Buffer | undefined {
    if (this.position + length <= this.chunk.length) {
      return undefined;
    }
    const full = this.rest();
    this.chunk = Buffer.allocUnsafe(Math.max(chunkLength, length));
    this.position = 0;
    this.#returned = 0;
    return full;
  }

  /** What was written and not yet returned; it is the caller's. */
  rest(): Buffer {
    const rest = this.chunk.subarray(this.#returned, this.position);
    this.#returned = this.position;
    return rest;
  }

  /** Where the next byte goes in the chunk. */
  get at(): number {
    return this.position;
  }

  byte(code: number): void {
    this.chunk[this.position++] = code;
  }

  bytes(source: Uint8Array): void {
    this.chunk.set(source, this.position);
    this.position += source.length;
  }

  number(value: number): void {
    this.position = writeNumber(value, this.chunk, this.position);
  }

  /** Writes a time in seconds, given in milliseconds. */
  seconds(milliseconds: number): void {
    this.position = writeSeconds(milliseconds, this.chunk, this.position);
  }

  /** Writes once more what the chunk holds from `start` up to, not including, `end`. */
  again(start: number, end: number): void {
    this.chunk.copyWithin(this.position, start, end);
    this.position += end - start;
  }
}
