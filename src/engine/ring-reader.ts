/** Draining one ring: each record is read where it lies, and belongs to the kernel again when its batch is released. */
import type { BpfRing } from "../binding/native.js";
import type { RecordView } from "../binding/record.js";
import type { Batch, Watcher } from "../sdk/signal.js";

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

/** A watcher of records, and the function that its errors go to. */
interface Watch<T extends RecordView> {
  readonly watcher: Watcher<T>;
  readonly failed: ((error: unknown) => void) | undefined;
}

/** Those who see each record before it is handled. They stay when the signal is replaced by another build of it. */
export class Watchers<T extends RecordView> {
  list: readonly Watch<T>[] = [];

  /** Adds one, until the returned function is called; what it throws goes to `failed`, else to the reader's own. */
  add(watcher: Watcher<T>, failed?: (error: unknown) => void): () => void {
    const watch = { watcher, failed };
    this.list = [...this.list, watch];
    return () => {
      this.list = this.list.filter((other) => other !== watch);
    };
  }
}

/** Reads a ring's records through one view. */
export class RingReader<T extends RecordView> implements Batch<T> {
  readonly counts: DrainCounts = { consumed: 0, handlerErrors: 0, corrupt: 0 };
  readonly record: T;
  readonly #ring: BpfRing;
  readonly #index: Uint32Array;
  readonly #shortest: number;
  readonly #take: (batch: Batch<T>) => void;
  readonly #failed: (error: unknown) => void;
  readonly #watcherFailed: (error: unknown) => void;
  readonly #watchers: Watchers<T>;
  /** Where the batch goes on and where it ends, in `#index`. */
  #at = 0;
  #end = 0;
  /** Has the call under way a record at hand? */
  #hasRecord = false;
  #isDraining = false;

  /**
   * `take` gets the records of at least `shortest` bytes, until {@link next} is false; what it throws goes to `failed`, and costs
   * the current record only. What watchers throw goes to `watcherFailed`, unless {@link watch} is given another function.
   */
  constructor(
    ring: BpfRing,
    view: T,
    shortest: number,
    take: (batch: Batch<T>) => void,
    failed: (error: unknown) => void,
    watcherFailed: (error: unknown) => void,
    watchers = new Watchers<T>(),
  ) {
    this.#ring = ring;
    this.#index = ring.index;
    this.record = view;
    this.#shortest = shortest;
    this.#take = take;
    this.#failed = failed;
    this.#watcherFailed = watcherFailed;
    this.#watchers = watchers;
    view.bind(ring.data);
  }

  /**
   * Takes in what is complete by now, at most `limit` records and a batch more. Returns how many that was: none when called for a
   * record of this ring, whose batch goes on afterwards.
   */
  drain(limit = drainLimit): number {
    if (this.#isDraining) {
      return 0;
    }
    this.#isDraining = true;
    try {
      return this.#drain(limit);
    } finally {
      this.#isDraining = false;
    }
  }

  #drain(limit: number): number {
    const ring = this.#ring;
    let drained = 0;
    let count = ring.peek();
    while (count > 0) {
      if (this.#watchers.list.length > 0) {
        this.#show(2 * count);
      }
      this.#at = 0;
      this.#end = 2 * count;
      while (this.#at < this.#end) {
        this.#takeRest();
      }
      ring.release();
      drained += count;
      // A batch that was not full has shown all there was. To read again would follow the producer record by record.
      count = 2 * count < this.#index.length || drained >= limit ? 0 : ring.peek();
    }
    return drained;
  }

  /** Shows `watcher` each record before it is handled, until the returned function is called; what it throws goes to `failed`. */
  watch(watcher: Watcher<T>, failed = this.#watcherFailed): () => void {
    return this.#watchers.add(watcher, failed);
  }

  next(): boolean {
    while (this.#at < this.#end) {
      const offset = this.#index[this.#at] as number;
      const length = this.#index[this.#at + 1] as number;
      this.#at += 2;
      if (length >= this.#shortest) {
        this.record.moveTo(offset, length);
        this.counts.consumed++;
        this.#hasRecord = true;
        return true;
      }
      this.counts.corrupt++;
    }
    this.#hasRecord = false;
    return false;
  }

  /** Walks the batch once for those who watch: without any, a record costs nothing more. */
  #show(end: number): void {
    for (let at = 0; at < end; at += 2) {
      const length = this.#index[at + 1] as number;
      if (length < this.#shortest) {
        continue;
      }
      this.record.moveTo(this.#index[at] as number, length);
      for (const { watcher, failed = this.#watcherFailed } of this.#watchers.list) {
        try {
          watcher(this.record);
        } catch (error) {
          failed(error);
        }
      }
    }
  }

  #isAtRecord(): boolean {
    return this.#hasRecord;
  }

  #takeRest(): void {
    this.#hasRecord = false;
    try {
      this.#take(this);
      // Records that it leaves count as consumed: it has no use for them.
      while (this.next());
    } catch (error) {
      // A call that throws before its first record costs the next one, so that the batch comes to an end.
      if (this.#isAtRecord() || this.next()) {
        this.counts.consumed--;
        this.counts.handlerErrors++;
      }
      this.#failed(error);
    }
  }
}
