/** Reading records that an iterator program writes. */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { BpfIterator } from "../binding/native.js";
import type { RecordView } from "../binding/record.js";

/** Hands over the records of the next piece of a walk, some thousand; all are as long as `size` says, bytes. Returns how many. */
function readPiece<T extends RecordView>(
  iterator: BpfIterator,
  size: number,
  view: T,
  take: (record: T) => void,
): number {
  const bytes = iterator.read(size);
  view.bind(iterator.buffer);
  for (let offset = 0; offset < bytes; offset += size) {
    view.moveTo(offset, size);
    take(view);
  }
  return bytes / size;
}

/**
 * Walks an iterator to its end and gives each record to `take`, with a turn of the event loop after each piece: rings are drained
 * meanwhile. Resolves to the number of records.
 */
export async function readRecordsInTurns<T extends RecordView>(
  iterator: BpfIterator,
  size: number,
  view: T,
  take: (record: T) => void,
): Promise<number> {
  let count = 0;
  for (let read = readPiece(iterator, size, view, take); read > 0; read = readPiece(iterator, size, view, take)) {
    count += read;
    await nextTurn();
  }
  return count;
}
