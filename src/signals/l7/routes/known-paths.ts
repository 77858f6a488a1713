/** Paths of which the kernel knows the route, so that requests of these need no record: bpf/l7/routes.h. */
import type { BpfMap } from "ringtap/signal";

import { frequent } from "./learned-routes.js";

/** KNOWN_PATHS_MAX there. */
export const mostKnownPaths = 16_384;

/** Paths whose requests are counted at once; a power of two. */
const metPaths = 4096;

/** Bytes of a key, and of a value. */
const wordBytes = 8;

/** The id of a path, in a record. */
interface PathIdRecord {
  /** Two halves, the low one first; both 0 where there is none. */
  pathId(index: number): number;
}

/**
 * Leaves the routes of paths that are met often in a map of the kernel. Words that were met as often stay words, so that a path keeps
 * its route.
 */
export class KnownPaths {
  readonly memoryAtLimit: number;
  readonly #map: BpfMap;
  readonly #most: number;
  /** By the low bits of a path's id: the path that was met there last, and how often in a row. */
  readonly #met = new Uint32Array(3 * metPaths);
  /** What is in the map. */
  readonly #keys: Uint32Array;
  #size = 0;
  readonly #value = new Uint32Array(wordBytes / 4);

  /** `most` paths are known at once. */
  constructor(map: BpfMap, most = mostKnownPaths) {
    this.#map = map;
    this.#most = most;
    this.#keys = new Uint32Array((wordBytes / 4) * most);
    this.memoryAtLimit = this.#met.byteLength + this.#keys.byteLength;
  }

  /** A request of this route has had a record. Allocates nothing, unless the path is to be known from now on. */
  meet(record: PathIdRecord, route: number): void {
    const low = record.pathId(0);
    const high = record.pathId(1);
    if (low === 0 && high === 0) {
      return;
    }
    const met = this.#met;
    const at = 3 * (low & (metPaths - 1));
    if (met[at] !== low || met[at + 1] !== high) {
      met[at] = low;
      met[at + 1] = high;
      met[at + 2] = 0;
    }
    const times = (met[at + 2] as number) + 1;
    met[at + 2] = times;
    if (times === frequent) {
      this.#add(low, high, route);
    }
  }

  #add(low: number, high: number, route: number): void {
    if (this.#size === this.#most) {
      this.#deleteAll();
    }
    const key = this.#keys.subarray(2 * this.#size, 2 * this.#size + 2);
    key[0] = low;
    key[1] = high;
    this.#value[0] = route;
    this.#size++;
    this.#map.set(bytesOf(key), bytesOf(this.#value));
  }

  /** Those that are still met become known again. */
  #deleteAll(): void {
    this.#map.deleteKeys(bytesOf(this.#keys), this.#size);
    this.#met.fill(0);
    this.#size = 0;
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
