/** Rings for what programs tell a signal besides its records. */
import type { BpfObject } from "../binding/native.js";

/** See {@link SignalContext.notices}. Until the object is closed. */
export function readNotices(object: BpfObject, map: string, take: (notice: DataView) => void): void {
  const ring = object.ring(map);
  const { data, index } = ring;
  ring.watch(() => {
    for (let count = ring.peek(); count > 0; count = ring.peek()) {
      for (let n = 0; n < count; n++) {
        take(new DataView(data, index[2 * n], index[2 * n + 1]));
      }
      ring.release();
    }
  });
}
