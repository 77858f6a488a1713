/** Draining several rings in turns of the event loop, so that none is left waiting behind another. */
import type { HasTime } from "./ring-reader.js";

/** What can be drained: see {@link RunningSignal.drain}. */
export interface Drainable {
  drain(limit?: number, hasTime?: HasTime): number;
  /** Did the last drain leave records? */
  readonly hasMore: boolean;
}

/** Drains rings in their order, as long as there is time; where that has run out, the next drain begins behind that ring. */
export class DrainTurns {
  /** The index of the ring that the next drain begins with. */
  #first = 0;
  #hasMore = false;

  /** Did the last drain leave records in any ring? */
  get hasMore(): boolean {
    return this.#hasMore;
  }

  /** Takes in what waits in all rings, as long as `hasTime` says so: a few records of each in any case. Returns how many that was. */
  drain(rings: readonly Drainable[], hasTime: HasTime): number {
    let drained = 0;
    let cut = -1;
    for (let step = 0; step < rings.length; step++) {
      const index = (this.#first + step) % rings.length;
      const ring = rings[index] as Drainable;
      drained += ring.drain(undefined, hasTime);
      if (cut < 0 && ring.hasMore) {
        cut = index;
      }
    }
    this.#hasMore = cut >= 0;
    this.#first = cut + 1;
    return drained;
  }
}
