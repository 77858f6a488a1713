/** Draining one ring: each record is read where it lies, and belongs to the kernel again when its batch is released. */
import type { BpfRing } from "../binding/native.js";
import type { RecordView } from "../binding/record.js";
import type { Batch, Watcher } from "../sdk/signal.js";
import { Watchers } from "./watchers.js";

/** A drain ends behind this many records even while more arrive, so that a flood leaves the event loop its turns. */
const drainLimit = 250_000;

/**
 * A drain asks whether it has time left after the first few records, and again after a quarter of those handled by then, or so many:
 * it is over by a quarter at most, and a long one asks the clock seldom.
 */
const fewRecords = 16;
const manyRecords = 512;

/** Has a drain time left in this turn of the event loop? */
export type HasTime = () => boolean;

const always: HasTime = () => true;

/** What became of the records that were drained. */
export interface DrainCounts {
  /** Records whose handler returned. */
  consumed: number;
  /** Records whose handler threw. */
  handlerErrors: number;
  /** Records too short to be decoded, or longer than the decoder's: those of another struct. */
  corrupt: number;
}

/** Reads a ring's records through one view. */
export class RingReader<T extends RecordView> implements Batch<T> {
  readonly counts: DrainCounts = { consumed: 0, handlerErrors: 0, corrupt: 0 };
  readonly record: T;
  readonly #ring: BpfRing;
  readonly #index: Uint32Array;
  readonly #shortest: number;
  /** Bytes that a record may have beyond the shortest. */
  readonly #spare: number;
  readonly #take: (batch: Batch<T>) => void;
  readonly #failed: (error: unknown) => void;
  readonly #watcherFailed: (error: unknown) => void;
  readonly #watchers: Watchers<T>;
  /** Where the batch goes on, the end of the records that there is time for, and the end of all, in `#index`. */
  #at = 0;
  #end = 0;
  #batchEnd = 0;
  #hasTime = always;
  /** Records that this drain has handled, or had time for. */
  #begun = 0;
  #hasMore = false;
  /** Has the call under way a record at hand? */
  #hasRecord = false;
  #isDraining = false;

  /**
   * `take` gets the records of `shortest` to `longest` bytes, until {@link next} is false; what it throws goes to `failed`, and costs
   * the current record only. What watchers throw goes to `watcherFailed`, unless {@link watch} is given another function.
   */
  constructor(
    ring: BpfRing,
    view: T,
    shortest: number,
    longest: number,
    take: (batch: Batch<T>) => void,
    failed: (error: unknown) => void,
    watcherFailed: (error: unknown) => void,
    watchers = new Watchers<T>(),
  ) {
    this.#ring = ring;
    this.#index = ring.index;
    this.record = view;
    this.#shortest = shortest;
    this.#spare = longest - shortest;
    this.#take = take;
    this.#failed = failed;
    this.#watcherFailed = watcherFailed;
    this.#watchers = watchers;
    view.bind(ring.data);
  }

  /**
   * Takes in what is complete by now, at most `limit` records and a batch more, and as long as `hasTime` says so: a few records in any
   * case. The others stay in the ring. Returns how many that was: none when called for a record of this ring, whose batch goes on
   * afterwards.
   */
  drain(limit = drainLimit, hasTime = always): number {
    if (this.#isDraining) {
      return 0;
    }
    this.#isDraining = true;
    try {
      return this.#drain(limit, hasTime);
    } finally {
      this.#isDraining = false;
    }
  }

  #drain(limit: number, hasTime: HasTime): number {
    const ring = this.#ring;
    this.#hasTime = hasTime;
    this.#begun = 0;
    this.#hasMore = true;
    let drained = 0;
    while (this.#hasMore) {
      const count = ring.peek();
      this.#at = this.#end = 0;
      this.#batchEnd = 2 * count;
      while (this.#goesOn()) {
        this.#takeRest();
      }
      const taken = this.#at / 2;
      if (count > 0) {
        ring.release(taken);
      }
      drained += taken;
      // A batch that was not full has shown all there was. To read again would follow the producer record by record.
      this.#hasMore = taken < count || 2 * count === this.#index.length;
      if (taken < count || drained >= limit) {
        break;
      }
    }
    return drained;
  }

  /** Did the last drain leave records that were complete? */
  get hasMore(): boolean {
    return this.#hasMore;
  }

  /** Shows `watcher` each record before it is handled, until the returned function is called; what it throws goes to `failed`. */
  watch(watcher: Watcher<T>, failed = this.#watcherFailed): () => void {
    return this.#watchers.add(watcher, failed);
  }

  next(): boolean {
    while (this.#goesOn()) {
      const offset = this.#index[this.#at] as number;
      const length = this.#index[this.#at + 1] as number;
      this.#at += 2;
      if (this.#fits(length)) {
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

  /** Is there a record to be handled, and time for it? */
  #goesOn(): boolean {
    return this.#at < this.#end || (this.#at < this.#batchEnd && this.#extend());
  }

  /** Lets this drain handle some more records of the batch, if it has time. */
  #extend(): boolean {
    if (this.#begun > 0 && !this.#hasTime()) {
      return false;
    }
    const more = Math.min(Math.max(this.#begun >> 2, fewRecords), manyRecords);
    this.#end = Math.min(this.#at + 2 * more, this.#batchEnd);
    this.#begun += (this.#end - this.#at) / 2;
    if (this.#watchers.list.length > 0) {
      this.#show(this.#at, this.#end);
    }
    return true;
  }

  /** Walks some records for those who watch: without any, a record costs nothing more. */
  #show(from: number, end: number): void {
    for (let at = from; at < end; at += 2) {
      const length = this.#index[at + 1] as number;
      if (!this.#fits(length)) {
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

  #fits(length: number): boolean {
    // Both bounds in one comparison: a shorter one wraps around.
    return (length - this.#shortest) >>> 0 <= this.#spare;
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
