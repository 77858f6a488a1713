/** Rings whose records a signal reads when it needs them. */
import type { BpfRing } from "../binding/native.js";
import type { RecordClass, RecordView } from "../binding/record.js";
import type { SideRing } from "../sdk/signal.js";

/** Batches of a drain: a flood leaves the event loop its turns. */
const mostBatches = 16;

/** See {@link SignalContext.sideRing}. What `take` throws goes to `failed`, and costs one record. Until the object is closed. */
export function openSideRing<R extends RecordView>(
  ring: BpfRing,
  record: RecordClass<R>,
  take: (record: R) => void,
  failed: (error: unknown) => void,
): SideRing {
  const { index } = ring;
  const view = new record();
  view.bind(ring.data);
  let isDraining = false;

  function takeBatch(count: number): void {
    for (let n = 0; n < count; n++) {
      view.moveTo(index[2 * n] as number, index[2 * n + 1] as number);
      try {
        take(view);
      } catch (error) {
        failed(error);
      }
    }
  }

  function drain(): number {
    if (isDraining) {
      return 0;
    }
    isDraining = true;
    let drained = 0;
    for (let batches = 0; batches < mostBatches; batches++) {
      const count = ring.peek();
      takeBatch(count);
      if (count > 0) {
        ring.release();
      }
      drained += count;
      // A batch that was not full has shown all there was.
      if (2 * count < index.length) {
        break;
      }
    }
    isDraining = false;
    return drained;
  }

  ring.watch(drain);
  return {
    drain,
    get isUsed() {
      return ring.used() > 0;
    },
  };
}
