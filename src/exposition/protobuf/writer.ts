/** Protocol buffers, as far as metrics need them (https://protobuf.dev/programming-guides/encoding/). */
import { ByteWriter } from "../byte-writer.js";

const varintType = 0;
const doubleType = 1;
const lengthType = 2;

/** The most bytes that a field takes which is a number: a tag of two and a varint of ten. */
export const longestNumberField = 12;

/** The most bytes that a message or a string takes beside what is in it: a tag of two and a length of five. */
export const messageRoom = 7;

/** The most bytes that a string takes: UTF-8 has up to three for each of JavaScript's characters. */
export function textRoom(text: string): number {
  return messageRoom + 3 * text.length;
}

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) {
    length++;
  }
  return length;
}

/** Writes fields of messages. As with every {@link ByteWriter}, there must be room. Whole numbers are exact up to 2^53. */
export class ProtobufWriter extends ByteWriter {
  /** A whole number of at least 0. */
  uint(field: number, value: number): void {
    this.#tag(field, varintType);
    this.varint(value);
  }

  /** A whole number that may be negative, in zigzag: `sint32`, `sint64`. */
  sint(field: number, value: number): void {
    this.uint(field, value < 0 ? -2 * value - 1 : 2 * value);
  }

  double(field: number, value: number): void {
    this.#tag(field, doubleType);
    this.position = this.chunk.writeDoubleLE(value, this.position);
  }

  text(field: number, value: string): void {
    const start = this.begin(field);
    this.#characters(value);
    this.end(start);
  }

  /** Begins a message, whose fields follow; returns what {@link end} wants. */
  begin(field: number): number {
    this.#tag(field, lengthType);
    // Most lengths take one byte.
    this.position++;
    return this.position;
  }

  /** Ends the message that began last and has not ended. */
  end(start: number): void {
    const length = this.position - start;
    const more = varintLength(length) - 1;
    if (more > 0) {
      this.chunk.copyWithin(start + more, start, this.position);
    }
    this.position = start - 1;
    this.varint(length);
    this.position += length;
  }

  varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      const next = Math.floor(rest / 0x80);
      this.byte(rest - next * 0x80 + 0x80);
      rest = next;
    }
    this.byte(rest);
  }

  #tag(field: number, type: number): void {
    this.varint(field * 8 + type);
  }

  #characters(text: string): void {
    const start = this.position;
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code >= 0x80) {
        this.position = start + this.chunk.write(text, start);
        return;
      }
      this.byte(code);
    }
  }
}
