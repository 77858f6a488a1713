/** Which events are shown when there are too many of them: those that matter, and some of the rest. */

export interface SamplingOptions {
  /** Of the events that neither failed nor were slow, one in so many is shown; from 1. */
  readonly sample: number;
}

/** Says of one event after the other whether it is shown. */
export function sampler({
  sample,
}: SamplingOptions): (event: { readonly failed: boolean; readonly slow: boolean }) => boolean {
  let ordinary = 0;
  return ({ failed, slow }) => failed || slow || ordinary++ % sample === 0;
}

/** Did an event take as long as `slow` says, nanoseconds? Without it, none is slow. */
export function isSlow(seconds: unknown, slow: number | undefined): boolean {
  return slow !== undefined && typeof seconds === "number" && seconds * 1e9 >= slow;
}
