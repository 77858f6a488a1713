/** Those who see the records of a signal. */
import type { RecordView } from "../binding/record.js";
import type { Watched, Watcher } from "../sdk/signal.js";

/** A watcher of records, and the function that its errors go to. */
interface Watch<T extends RecordView> {
  readonly watcher: Watcher<T>;
  readonly failed: ((error: unknown) => void) | undefined;
  readonly watched: Watched;
}

/** Those who see each record before it is handled. They stay when the signal is replaced by another build of it. */
export class Watchers<T extends RecordView> {
  list: readonly Watch<T>[] = [];

  /** The records that are watched by any. */
  get watched(): Watched {
    const { list } = this;
    return list.length === 0 ? "none" : list.every(({ watched }) => watched === "failures") ? "failures" : "all";
  }

  /**
   * Adds one, until the returned function is called; what it throws goes to `failed`, else to the reader's own. Of a watcher of
   * `failures`, others may be left out.
   */
  add(watcher: Watcher<T>, failed?: (error: unknown) => void, watched: Watched = "all"): () => void {
    const watch = { watcher, failed, watched };
    this.list = [...this.list, watch];
    return () => {
      this.list = this.list.filter((other) => other !== watch);
    };
  }
}
