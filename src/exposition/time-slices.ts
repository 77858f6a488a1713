/** Long work in slices, so that others get their turn. */
import { setImmediate as nextTurn } from "node:timers/promises";

/** How long a render holds the event loop before it lets others run, milliseconds. */
const sliceMilliseconds = 2;

/** Begins a slice. The function it returns, awaited now and then, lets others run whenever the slice is over. */
export function workInSlices(): () => Promise<void> {
  let start = performance.now();
  return async () => {
    if (performance.now() - start > sliceMilliseconds) {
      await nextTurn();
      start = performance.now();
    }
  };
}
