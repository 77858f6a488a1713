/** Draining one ring: each record is read where it lies, and belongs to the kernel again when its batch is released. */
import type { BpfRing } from "../kernel/native.js";
import type { RecordView } from "../kernel/record.js";

/** A drain ends behind this many records even while more arrive, so that a flood leaves the event loop its turns. */
const drainLimit = 250_000;

/** What became of the records that were drained. */
export interface DrainCounts {
  /** Records whose handler returned. */
  consumed: number;
  /** Records whose handler threw. */
  handlerErrors: number;
  /** Records too short to be decoded. */
  corrupt: number;
}

/** Reads a ring's records through one view. */
export class RingReader<T extends RecordView> {
  readonly counts: DrainCounts = { consumed: 0, handlerErrors: 0, corrupt: 0 };
  readonly #ring: BpfRing;
  readonly #view: T;
  readonly #shortest: number;
  readonly #take: (record: T) => void;
  readonly #failed: (error: unknown) => void;

  /**
   * `take` gets each record of at least `shortest` bytes; what it throws goes to `failed`, and costs that record only.
   */
  constructor(ring: BpfRing, view: T, shortest: number, take: (record: T) => void, failed: (error: unknown) => void) {
    this.#ring = ring;
    this.#view = view;
    this.#shortest = shortest;
    this.#take = take;
    this.#failed = failed;
    view.bind(ring.data);
  }

  /** Takes in what is complete by now, at most `limit` records and a batch more. Returns how many that was. */
  drain(limit = drainLimit): number {
    const ring = this.#ring;
    const index = ring.index;
    let drained = 0;
    let count = ring.peek();
    while (count > 0) {
      for (let at = 0; at < 2 * count; at += 2) {
        this.#one(index[at] as number, index[at + 1] as number);
      }
      ring.release();
      drained += count;
      // A batch that was not full has shown all there was. To look again would be to chase the producer, record by record.
      count = 2 * count < index.length || drained >= limit ? 0 : ring.peek();
    }
    return drained;
  }

  #one(offset: number, length: number): void {
    if (length < this.#shortest) {
      this.counts.corrupt++;
      return;
    }
    this.#view.moveTo(offset, length);
    try {
      this.#take(this.#view);
      this.counts.consumed++;
    } catch (error) {
      this.counts.handlerErrors++;
      this.#failed(error);
    }
  }
}
