/** Paths of requests, taken apart where they lie: nothing is allocated for one. */

import { L7Event, L7Path } from "../records.js";

/** PATH_LEN of bpf/l7/connection.h. */
export const longestPath = 80;

/** Segments of a path; what follows them is cut off. */
export const mostSegments = 8;

/** Segments that are longer are ids. */
const longestWord = 32;

const slash = 0x2f;
const colon = 0x3a;

/** A record with a path: bpf/l7/path.h. */
export interface PathRecord {
  /** Four bytes of it; zeros follow its end. */
  path(index: number): number;
  /** A {@link L7Path}. */
  readonly pathKind: number;
  /** Bytes of the record. */
  readonly length: number;
}

/** Does the record have a path? One that says so may be cut. */
export function hasPath({ pathKind, length }: PathRecord): boolean {
  return pathKind !== L7Path.none && length >= L7Event.size;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/** Letters, digits and what stands in words and names of files. */
function isInWords(byte: number): boolean {
  const letter = byte | 0x20;
  return (
    (letter >= 0x61 && letter <= 0x7a) ||
    isDigit(byte) ||
    byte === 0x2d ||
    byte === 0x2e ||
    byte === 0x5f ||
    byte === 0x7e ||
    byte === colon
  );
}

/** A hash of a text, in two halves, as {@link PathSegments} has them of each segment. */
export function hashesOf(text: string): readonly [number, number] {
  let [first, second]: [number, number] = [...seeds];
  for (const byte of Buffer.from(text, "latin1")) {
    first = Math.imul(first ^ byte, factors[0]);
    second = Math.imul(second ^ byte ^ (second >>> 15), factors[1]);
  }
  return [first >>> 0, second >>> 0];
}

const seeds = [0x811c9dc5, 0x9e3779b9] as const;
const factors = [0x01000193, 0x85ebca77] as const;

/** A path as bytes. */
export interface PathBytes {
  readonly bytes: Uint8Array;
  readonly length: number;
  readonly isCut: boolean;
}

export interface PathOptions {
  /** What is longer is cut. */
  readonly longest: number;
  /** Is each segment a word that consists of words' characters? */
  readonly areNames: boolean;
}

/** The segments of one path after the other. */
export class PathSegments {
  /** How many there are; 0 for what is no path, such as `*`. */
  count = 0;
  /** Is the last one cut, or are there more? */
  isCut = false;
  /** Two hashes of each. */
  readonly first = new Uint32Array(mostSegments + 1);
  readonly second = new Uint32Array(mostSegments + 1);
  /** Can a segment be no word of a program's: a number, a hash, something encoded? */
  readonly isId: boolean[] = new Array<boolean>(mostSegments + 1).fill(false);
  readonly #bytes: Uint8Array;
  readonly #areNames: boolean;
  readonly #ends = new Uint32Array(mostSegments + 1);
  #begin = 0;

  constructor({ longest, areNames }: PathOptions = { longest: longestPath, areNames: false }) {
    this.#bytes = new Uint8Array(longest);
    this.#areNames = areNames;
  }

  /** Takes a record's path apart, in place of the one before. */
  read(record: PathRecord): void {
    this.#read(this.#copy(record), record.pathKind === L7Path.cut);
  }

  /** Takes a path apart, in place of the one before. */
  readBytes({ bytes, length, isCut }: PathBytes): void {
    const own = this.#bytes;
    const most = Math.min(length, own.length);
    for (let at = 0; at < most; at++) {
      own[at] = bytes[at] as number;
    }
    this.#read(most, isCut || length > most);
  }

  #read(length: number, isCut: boolean): void {
    this.isCut = isCut;
    this.count = 0;
    let at = this.#beginning(length);
    this.#begin = at;
    while (at < length) {
      if (this.count === mostSegments) {
        this.isCut = true;
        this.#ends[this.count++] = length;
        return;
      }
      at = this.#readSegment(at + 1, length);
    }
  }

  /** The text of a segment. Allocates. */
  text(index: number): string {
    const begin = index === 0 ? this.#begin : (this.#ends[index - 1] as number);
    return Buffer.from(this.#bytes.subarray(begin + 1, this.#ends[index])).toString("latin1");
  }

  #copy(record: PathRecord): number {
    const bytes = this.#bytes;
    let length = 0;
    for (let index = 0; index < longestPath / 4; index++) {
      const word = record.path(index);
      for (let shift = 0; shift < 32; shift += 8) {
        const byte = (word >>> shift) & 0xff;
        if (byte === 0) {
          return length;
        }
        bytes[length++] = byte;
      }
    }
    return length;
  }

  /** Where the path begins: behind the host of `http://host/`; `length` when there is none. */
  #beginning(length: number): number {
    const bytes = this.#bytes;
    if (bytes[0] === slash) {
      return 0;
    }
    let at = 0;
    while (at + 2 < length && !(bytes[at] === colon && bytes[at + 1] === slash && bytes[at + 2] === slash)) {
      at++;
    }
    for (at += 3; at < length && bytes[at] !== slash; at++);
    return Math.min(at, length);
  }

  /** Reads the segment that begins at a place. Returns where it ends. */
  #readSegment(from: number, length: number): number {
    const bytes = this.#bytes;
    let [first, second]: [number, number] = [...seeds];
    let at = from;
    let digits = 0;
    let isWord = true;
    for (; at < length; at++) {
      const byte = bytes[at] as number;
      if (byte === slash) {
        break;
      }
      first = Math.imul(first ^ byte, factors[0]);
      second = Math.imul(second ^ byte ^ (second >>> 15), factors[1]);
      isWord &&= isInWords(byte);
      digits += isDigit(byte) ? 1 : 0;
    }
    const size = at - from;
    const index = this.count++;
    this.first[index] = first;
    this.second[index] = second;
    this.isId[index] =
      !isWord ||
      (!this.#areNames &&
        (size > longestWord || (digits > 0 && digits === size) || (digits >= 4 && 4 * digits >= size)));
    this.#ends[index] = at;
    return at;
  }
}
