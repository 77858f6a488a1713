/** Paths of the requests that came last, by table and stream. */
import { longestKept, type PathText } from "./header-table.js";

/** Streams that are known at once. */
const mostStreams = 16_384;

/** Places that a stream may have: in the one of them that was written longest ago, unless one is free. */
const ways = 8;

const sets = mostStreams / ways;

/** Of a place: the path's length, or these. */
const isCutBit = 0x8000;
const unknownPath = 0xffff;

/** Bytes that all of them take. */
export const streamPathsMemory = mostStreams * (longestKept + 14);

function setOf(table: number, stream: number): number {
  const hash = Math.imul(table ^ Math.imul(stream, 0x9e3779b1), 0x85ebca6b);
  return (hash ^ (hash >>> 15)) & (sets - 1);
}

export class StreamPaths {
  readonly #tables = new Uint32Array(mostStreams);
  readonly #streams = new Uint32Array(mostStreams);
  /** 0: free. */
  readonly #written = new Uint32Array(mostStreams);
  readonly #lengths = new Uint16Array(mostStreams);
  readonly #bytes = new Uint8Array(mostStreams * longestKept);
  #time = 0;

  /** The path of a request, undefined where it is not known. */
  insert(table: number, stream: number, path: PathText | undefined): void {
    const at = this.#placeFor(table, stream);
    this.#tables[at] = table;
    this.#streams[at] = stream;
    this.#time = (this.#time % (2 ** 32 - 1)) + 1;
    this.#written[at] = this.#time;
    if (path === undefined) {
      this.#lengths[at] = unknownPath;
      return;
    }
    const { bytes, length, isCut } = path;
    this.#lengths[at] = length | (isCut ? isCutBit : 0);
    for (let index = 0; index < length; index++) {
      this.#bytes[at * longestKept + index] = bytes[index] as number;
    }
  }

  /** Copies a request's path. False where there is none that is known; undefined where there is no such request. */
  copy(table: number, stream: number, to: PathText): boolean | undefined {
    const at = this.#find(table, stream);
    if (at < 0) {
      return undefined;
    }
    const length = this.#lengths[at] as number;
    if (length === unknownPath) {
      return false;
    }
    to.length = length & ~isCutBit;
    to.isCut = (length & isCutBit) !== 0;
    for (let index = 0; index < to.length; index++) {
      to.bytes[index] = this.#bytes[at * longestKept + index] as number;
    }
    return true;
  }

  /** The request has ended: its place is free. */
  remove(table: number, stream: number): void {
    const at = this.#find(table, stream);
    if (at >= 0) {
      this.#written[at] = 0;
    }
  }

  #find(table: number, stream: number): number {
    const first = setOf(table, stream) * ways;
    for (let at = first; at < first + ways; at++) {
      if (this.#streams[at] === stream && this.#tables[at] === table && this.#written[at] !== 0) {
        return at;
      }
    }
    return -1;
  }

  #placeFor(table: number, stream: number): number {
    const first = setOf(table, stream) * ways;
    let best = first;
    for (let at = first; at < first + ways; at++) {
      if ((this.#written[at] as number) < (this.#written[best] as number)) {
        best = at;
      }
    }
    return best;
  }
}
