/** How much kernel memory BPF maps take. */
import { readFileSync } from "node:fs";

import type { ObjectMap } from "./native.js";

/** BPF_MAP_TYPE_HASH and BPF_MAP_TYPE_RINGBUF of include/uapi/linux/bpf.h. */
const hash = 1;
const ringBuffer = 27;
/** BPF_F_NO_PREALLOC, the same: memory is taken entry by entry. */
const noPrealloc = 1;

/** kernel/bpf/hashtab.c on 64-bit machines: struct bucket; struct htab_elem without key and value; struct llist_node. */
const bucketSize = 16;
const elementHead = 48;
const listNode = 8;

function roundUp(bytes: number, unit: number): number {
  return Math.ceil(bytes / unit) * unit;
}

function nextPowerOfTwo(number: number): number {
  return 2 ** Math.ceil(Math.log2(number));
}

/** What kmalloc makes of a size: a power of two, 96 or 192 (include/linux/slab.h, __kmalloc_index()). */
function allocated(bytes: number): number {
  const power = nextPowerOfTwo(bytes);
  return power > 64 && power <= 256 && bytes <= (power * 3) / 4 ? (power * 3) / 4 : power;
}

/** What the kernel counts for a map now, from the text of its /proc/self/fdinfo: since Linux 6.4 what it takes, before what it could. */
function countedByKernel(fdinfo: string): number {
  const [, bytes = "0"] = /^memlock:\s*(\d+)$/m.exec(fdinfo) ?? [];
  return Number(bytes);
}

function isPreallocated(fdinfo: string): boolean {
  const [, flags = "0"] = /^map_flags:\s*0x([\da-f]+)$/m.exec(fdinfo) ?? [];
  return (Number.parseInt(flags, 16) & noPrealloc) === 0;
}

/**
 * The most memory that a map takes, full to its limit, bytes; 0 for one that was not created. Most have all of it from the start,
 * and the kernel reports how much. The entries of a hash that is not preallocated are added up.
 */
export function mapMemoryAtLimit(map: ObjectMap): number {
  const { descriptor, type, keySize, valueSize, maxEntries } = map;
  if (descriptor < 0) {
    return 0;
  }
  const fdinfo = readFileSync(`/proc/self/fdinfo/${descriptor}`, "utf8");
  const counted = countedByKernel(fdinfo);
  if (type === ringBuffer) {
    // Before Linux 6.4 it is not counted at all.
    return Math.max(counted, maxEntries);
  }
  if (type !== hash || isPreallocated(fdinfo)) {
    return counted;
  }
  const element = allocated(elementHead + roundUp(keySize, 8) + roundUp(valueSize, 8) + listNode);
  // Of a map of one entry, what the kernel has of its own for each map is more.
  return Math.max(counted, nextPowerOfTwo(maxEntries) * bucketSize + maxEntries * element);
}
