/** A ring in memory, for readers of rings. */
import type { BpfRing } from "../../src/binding/native.js";

/** Bytes between two records, as the kernel lays them out: each begins at a multiple of 8, behind a header. */
const header = 8;

/** A ring that holds these records, once. What lies around them is `poison`; the last one ends where the memory ends. */
export function ringOf(records: readonly Uint8Array[], poison = 0): BpfRing {
  const index = new Uint32Array(2 * records.length + 2);
  let end = 0;
  records.forEach((record, i) => {
    const offset = Math.ceil(end / 8) * 8 + header;
    index.set([offset, record.length], 2 * i);
    end = offset + record.length;
  });
  const data = new ArrayBuffer(end);
  const bytes = new Uint8Array(data).fill(poison);
  records.forEach((record, i) => {
    bytes.set(record, index[2 * i]);
  });
  let waiting = records.length;
  return {
    size: end,
    data,
    index,
    peek: () => waiting,
    release: (released = waiting) => {
      index.copyWithin(0, 2 * released);
      waiting -= released;
    },
    used: () => 0,
    watch: () => undefined,
    close: () => undefined,
  };
}
