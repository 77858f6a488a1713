/** Rows of frames, put together: what is known after each of them. */
import type { Frame, Link, ProcessTotals, Rows, SignalViews } from "../src/views/protocol.js";

/** Applies what has changed. */
export function merged<T extends { readonly id: number }>(
  before: ReadonlyMap<number, T>,
  { rows, gone }: Rows<T>,
  whole: boolean,
): Map<number, T> {
  const after = whole ? new Map<number, T>() : new Map(before);
  for (const id of gone) {
    after.delete(id);
  }
  for (const row of rows) {
    after.set(row.id, row);
  }
  return after;
}

/** Keeps what the frames of a stream add up to, for pages that come later. */
export class LastFrame {
  #frame: Frame | undefined;
  #processes = new Map<number, ProcessTotals>();
  #links = new Map<number, Link>();
  #views: readonly SignalViews[] = [];

  take(frame: Frame): void {
    this.#frame = frame;
    this.#processes = merged(this.#processes, frame.processes, frame.whole);
    this.#links = merged(this.#links, frame.links, frame.whole);
    this.#views = frame.views ?? this.#views;
  }

  /** The last frame with every row; undefined before the first. */
  whole(): Frame | undefined {
    return (
      this.#frame && {
        ...this.#frame,
        whole: true,
        views: this.#views,
        processes: { rows: [...this.#processes.values()], gone: [] },
        links: { rows: [...this.#links.values()], gone: [] },
      }
    );
  }
}
