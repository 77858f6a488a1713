/** Reading records that an iterator program writes. */
import type { BpfIterator } from "../kernel/native.js";
import type { RecordView } from "../kernel/record.js";

/** Walks an iterator to its end and hands over each record; all are as long as `size` says, bytes. Returns how many there were. */
export function readRecords<T extends RecordView>(
  iterator: BpfIterator,
  size: number,
  view: T,
  take: (record: T) => void,
): number {
  let count = 0;
  view.bind(iterator.buffer);
  for (let bytes = iterator.read(size); bytes > 0; bytes = iterator.read(size)) {
    for (let offset = 0; offset < bytes; offset += size) {
      view.moveTo(offset, size);
      take(view);
      count++;
    }
  }
  return count;
}
