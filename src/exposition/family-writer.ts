/** The walk over a table's rows, the same in every format. */
import type { AnyTable } from "../metrics/any-table.js";
import type { ByteWriter } from "./byte-writer.js";

/** How a format writes one family. */
export interface FamilyWriter {
  /** What comes before the rows. */
  readonly header: Uint8Array;
  /** Reads a row's labels; returns the most bytes that the row takes. */
  readonly prepare: (row: number) => number;
  /** Writes the row that was prepared last, for which there is room. */
  readonly write: (row: number) => void;
}

/**
 * Writes a table; yields each chunk that is full. Rows may be added and updated in between; the caller sees to it that none is
 * removed (see {@link Renders.began}).
 */
export function* writeFamily(
  out: ByteWriter,
  table: AnyTable,
  { header, prepare, write }: FamilyWriter,
): Generator<Buffer, void, undefined> {
  const full = out.reserve(header.length);
  if (full !== undefined) {
    yield full;
  }
  out.bytes(header);
  for (let row = 0; row < table.size; row++) {
    const full = out.reserve(prepare(row));
    if (full !== undefined) {
      yield full;
    }
    write(row);
  }
}
