/** Reading the records that an iterator program writes, in turns of the event loop. */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { BpfObject } from "../binding/native.js";
import type { RecordClass, RecordView } from "../binding/record.js";
import type { Scan } from "../sdk/signal.js";

/**
 * Records of a piece at most. They are read from the kernel and handled in one turn of the event loop: what a record says has been so
 * in this turn.
 */
const pieceRecords = 128;

/** A turn takes pieces until so much time has passed, milliseconds: one piece a turn would make long scans wait for every other turn. */
const turnMs = 2;

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
      let turnEnds = performance.now() + turnMs;
      for (let read = readPiece(take); read >= 0; read = readPiece(take)) {
        count += read;
        if (performance.now() >= turnEnds) {
          await nextTurn();
          turnEnds = performance.now() + turnMs;
        }
      }
      return count;
    },
  };
}
