/** Who observes a signal, whichever build of it runs: the records that come, and who talks to whom. */
import type { LinkWatch } from "../sdk/links.js";
import type { AnySignal, EventRecord, Watched, Watcher } from "../sdk/signal.js";
import { Watchers } from "./watchers.js";

/** A build of a signal, to its observers. */
export interface Observed {
  readonly signal: AnySignal;
  /** Called when {@link Observers.watched} may be another than before. */
  follow(): void;
  /** Begins to observe links; undefined where the build has none. */
  openLinks(): LinkWatch | undefined;
  /** Takes an error of the build's own {@link Trace}. */
  traceFailed(error: unknown): void;
}

/** An observation of links, at the build that runs; undefined while that has none. */
interface MovedWatch {
  watch: LinkWatch | undefined;
}

/** They stay when another build takes the place of the one that runs. */
export class Observers {
  readonly watchers = new Watchers<EventRecord>();
  readonly #links = new Set<MovedWatch>();
  #current: Observed;
  #onWatched: () => void = () => undefined;

  /** `current` is the build that runs. */
  constructor(current: Observed) {
    this.#current = current;
  }

  /** The records that someone watches: links are made of all. */
  get watched(): Watched {
    return this.#links.size > 0 ? "all" : this.watchers.watched;
  }

  /** Has `watched` called whenever someone begins to watch records. */
  onWatched(watched: () => void): void {
    this.#onWatched = watched;
  }

  /** Shows `watcher` each record before it is handled, until the returned function is called. */
  watch(...watcher: Parameters<Watchers<EventRecord>["add"]>): () => void {
    const stop = this.watchers.add(...watcher);
    this.#current.follow();
    this.#onWatched();
    return () => {
      stop();
      this.#current.follow();
    };
  }

  /** The same for one that calls the {@link Trace} of the build that a record comes from: see {@link RunningSignal.watchTraced}. */
  watchTraced(watcher: (record: EventRecord, signal: AnySignal) => void, watched: Watched): () => void {
    const show: Watcher<EventRecord> = (record) => {
      watcher(record, this.#current.signal);
    };
    const failed = (error: unknown): void => {
      this.#current.traceFailed(error);
    };
    return this.watch(show, failed, watched);
  }

  /** Begins to observe links, where the build has any; the observation begins anew in one that replaces it. */
  watchLinks(): LinkWatch | undefined {
    const watch = this.#current.openLinks();
    if (watch === undefined) {
      return undefined;
    }
    const moved: MovedWatch = { watch };
    this.#links.add(moved);
    this.#current.follow();
    return {
      links: () => moved.watch?.links() ?? [],
      close: () => {
        this.#links.delete(moved);
        moved.watch?.close();
        this.#current.follow();
      },
    };
  }

  /** From now on they observe this build. */
  moveTo(build: Observed): void {
    this.#current = build;
    build.follow();
    for (const moved of this.#links) {
      moved.watch?.close();
      moved.watch = build.openLinks();
    }
  }
}
