/** Where BPF programs keep counts: entries of 64-bit counts, each under a key of 32-bit words. */
import type { BpfMap } from "../binding/native.js";

/** So many entries are read at a time: all that is done with them takes some hundred microseconds. */
const pieceEntries = 256;

/** All of a kernel's counts of one kind. The arrays hold until the next {@link read}. */
export interface CountSource {
  /** The map that fills up. */
  readonly name: string;
  /** Entries that it can hold. */
  readonly capacity: number;
  /** Words that tell an entry from all others until it is freed. */
  readonly idWords: number;
  readonly keyWords: number;
  /** Counts of an entry. */
  readonly width: number;
  /** When so many of the first counts are what they were, the others are too. */
  readonly telling: number;
  /** 64-bit words from one entry's counts to the next one's, and before the first. */
  readonly stride: number;
  readonly offset: number;
  readonly ids: ArrayBuffer;
  readonly keys: ArrayBuffer;
  readonly counts: ArrayBuffer;
  /** The most bytes of the buffers that entries are read into. */
  readonly bufferBytes: number;
  /** Reads the next entries, some hundred; returns how many: none at the end, and after that the first ones again. */
  read(): number;
  /** Lets no program find the entries of these ids any more; absent where that cannot be. */
  seal?(ids: Uint32Array): void;
  /** Frees the entries of these ids, which lie one behind the other. Nothing may count there any more. */
  free(ids: Uint32Array): void;
}

/** Bytes of a buffer for so many entries of `bytes` each; it grows by doubling. */
function bufferFor(entries: number, bytes: number): number {
  return 2 * Math.min(entries, pieceEntries) * bytes;
}

/** A hash map: an entry is known by its key. */
export function countsOfHash(map: BpfMap): CountSource {
  const { name, keySize, valueSize, maxEntries } = map.info;
  const keyWords = keySize / 4;
  return {
    name,
    capacity: maxEntries,
    bufferBytes: bufferFor(maxEntries, keySize + valueSize),
    idWords: keyWords,
    keyWords,
    width: valueSize / 8,
    telling: valueSize / 8,
    stride: valueSize / 8,
    offset: 0,
    get ids() {
      return map.keys;
    },
    get keys() {
      return map.keys;
    },
    get counts() {
      return map.values;
    },
    read: () => map.readSome(pieceEntries),
    free(ids) {
      map.deleteKeys(new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength), ids.length / keyWords);
    },
  };
}

/**
 * Lines of an array, whose first word a sealed one has all ones in: `taken` has, by index, the keys of those in use, which each line begins with (bpf/include/ringtap/counts.h);
 * `telling` is that of {@link CounterOptions}.
 */
export function countsOfLines(lines: BpfMap, taken: BpfMap, telling?: number): CountSource {
  const keyWords = taken.info.valueSize / 4;
  const offset = keyWords / 2;
  const stride = lines.info.valueSize / 8;
  const { keySize, valueSize } = taken.info;
  return {
    name: lines.info.name,
    capacity: lines.info.maxEntries,
    bufferBytes: bufferFor(lines.info.maxEntries, keySize + valueSize + lines.info.valueSize),
    idWords: 1,
    keyWords,
    width: stride - offset,
    telling: telling ?? stride - offset,
    stride,
    offset,
    get ids() {
      return taken.keys;
    },
    get keys() {
      return taken.values;
    },
    get counts() {
      return lines.values;
    },
    read() {
      const entries = taken.readSome(pieceEntries);
      lines.gather(new Uint32Array(taken.keys, 0, entries));
      return entries;
    },
    seal(ids) {
      lines.seal(ids);
    },
    free(ids) {
      // In this order: a line whose entry is gone is another one's at once.
      lines.clear(ids);
      taken.deleteKeys(new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength), ids.length);
    },
  };
}
