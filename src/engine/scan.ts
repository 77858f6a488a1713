/** Reading the records that an iterator program writes, in turns of the event loop. */
import type { BpfObject } from "../binding/native.js";
import type { RecordClass, RecordView } from "../binding/record.js";
import { sharedTurns } from "../identity/turns.js";
import type { Scan } from "../sdk/signal.js";

/**
 * Records of a piece at most. They are read from the kernel and handled in one turn of the event loop: what a record says has been so
 * in this turn. A turn takes pieces while it has time: one piece a turn would make long scans wait for every other turn.
 */
const pieceRecords = 32;

/** Opens an iterator program of a loaded object: see {@link Scan}. */
export function openScan<R extends RecordView>(
  object: BpfObject,
  program: string,
  record: RecordClass<R>,
  map?: string,
): Scan<R> {
  const iterator = object.iterator(program, map);
  const view = new record();
  const { size } = record;

  /** Gives the records of the next piece to `take`; returns how many they were, perhaps none: -1 at the end. */
  function readPiece(take: (record: R) => void): number {
    const bytes = iterator.read(size, pieceRecords);
    view.bind(iterator.buffer);
    for (let offset = 0; offset < bytes; offset += size) {
      view.moveTo(offset, size);
      take(view);
    }
    return bytes < 0 ? -1 : bytes / size;
  }

  return {
    async run(take) {
      iterator.rewind();
      let count = 0;
      for (let read = readPiece(take); read >= 0; read = readPiece(take)) {
        count += read;
        if (!sharedTurns.hasTime()) {
          await sharedTurns.next();
        }
      }
      return count;
    },
  };
}
