/** Reading the records that an iterator program writes, in turns of the event loop. */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { BpfObject } from "../binding/native.js";
import type { RecordClass, RecordView } from "../binding/record.js";
import type { Scan } from "../sdk/signal.js";

/**
 * So many records are handled in a turn of the event loop at most. They are read from the kernel in the same turn: what a record says
 * has been so in this turn.
 */
const pieceRecords = 128;

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
        await nextTurn();
      }
      return count;
    },
  };
}
